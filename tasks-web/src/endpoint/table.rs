//! Tables of endpoints in the documentation, which tests keep as the endpoints are.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use super::{Endpoint, Endpoints};

impl Endpoints {
    /// A Markdown table with a row for each endpoint.
    fn table(&self) -> String {
        let rows: String = self
            .list
            .iter()
            .map(|endpoint| self.row(endpoint))
            .collect();
        format!("| endpoint | success | meaning |\n| --- | --- | --- |\n{rows}")
    }

    fn row(&self, endpoint: &Endpoint) -> String {
        let successes = endpoint.responses.iter().filter(|it| it.status() < 300);
        let successes: Vec<String> = successes
            .map(|response| match response.has_location() {
                true => format!("{}, `Location`", response.status()),
                false => response.status().to_string(),
            })
            .collect();
        let mut meaning = format!("{}.", endpoint.summary);
        if let Some(description) = endpoint.description {
            meaning.push_str(&format!(" {description}"));
        }
        if !endpoint.query.is_empty() {
            let names = endpoint.query.iter();
            let names: Vec<String> = names.map(|query| format!("`{}`", query.name())).collect();
            meaning.push_str(&format!(" Query: {}.", names.join(", ")));
        }
        let (method, path) = (&endpoint.method, self.full_path(endpoint));
        let successes = successes.join(" or ");
        format!("| `{method} {path}` | {successes} | {meaning} |\n")
    }

    /// Checks that a file is the table of these; with `UPDATE` in the environment, makes it so. The path is relative to the crate.
    pub(crate) fn check_file(&self, path: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        check(&path, &self.table());
    }
}

fn check(path: &Path, expected: &str) {
    let found = std::fs::read_to_string(path).unwrap_or_default();
    if found == expected {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, expected).unwrap();
        return;
    }
    panic!(
        "the endpoints in {} are out of date: UPDATE=1 cargo test -p tasks-web --lib endpoints\nIt has to be:\n{expected}",
        path.display()
    );
}
