//! The reference of the book says what the code says.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use actix_web::App;
use actix_web::test::{TestRequest, call_and_read_body_json, init_service};
use serde_json::Value;
use tasks_web::prelude::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[task(register = false)]
async fn example() -> u8 {
    0
}

/// The document of a service with everything on.
async fn document() -> Value {
    let registry = TaskRegistry::builder().task(example).build().unwrap();
    let service = Service::builder(ServiceInfo::new("everything", "Everything"))
        .with_tasks(registry)
        .with_database(Database::sqlite_in_memory())
        .with_jobs(Jobs::new().run_workers(false))
        .with_artifacts(ArtifactHierarchy::new("results"))
        .with_health()
        .with_system()
        .with_monitoring()
        .with_landing_page()
        .build()
        .await
        .unwrap();
    let app = init_service(App::new().configure(service.configure())).await;
    let document =
        call_and_read_body_json(&app, TestRequest::get().uri("/openapi.json").to_request()).await;
    service.shutdown().await;
    document
}

/// The table of endpoints: method and path, meaning, statuses of success and of problems.
fn operations(document: &Value) -> String {
    let mut rows: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        // The operations of one task stand for those of all.
        let shown = path.replace("/tasks/example/", "/tasks/{name}/");
        for (method, operation) in methods.as_object().unwrap() {
            let Some(responses) = operation["responses"].as_object() else {
                continue;
            };
            // Every path answers 405 to other methods: the page says so once.
            let (successes, problems): (Vec<&str>, Vec<&str>) = responses
                .keys()
                .map(String::as_str)
                .filter(|status| *status != "405")
                .collect::<BTreeSet<_>>()
                .into_iter()
                .partition(|status| *status < "400");
            rows.push(format!(
                "| `{} {shown}` | {} | {} | {} |\n",
                method.to_uppercase(),
                meaning(&shown, operation),
                successes.join(", "),
                problems.join(", ")
            ));
        }
    }
    let header = "| endpoint | meaning | success | problems |\n| --- | --- | --- | --- |\n";
    header.to_owned() + &rows.concat()
}

/// What an operation says of itself. Those of a task say what the task does.
fn meaning(path: &str, operation: &Value) -> String {
    match path.rsplit('/').next() {
        Some("$execute") => return "Run the task, and answer with its result.".to_owned(),
        Some("$submit") => return "Store a job that runs the task.".to_owned(),
        _ => {}
    }
    let text = |name: &str| operation[name].as_str().unwrap_or_default().trim();
    let mut meaning = format!("{}.", text("summary").trim_end_matches('.'));
    for sentence in text("description").lines().filter(|line| !line.is_empty()) {
        meaning.push_str(&format!(" {sentence}"));
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let names: Vec<String> = parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| format!("`{}`", parameter["name"].as_str().unwrap()))
        .collect();
    if !names.is_empty() {
        meaning.push_str(&format!(" Query: {}.", names.join(", ")));
    }
    meaning
}

#[actix_web::test]
async fn the_table_of_endpoints_is_that_of_the_document() {
    let table = operations(&document().await);
    compare("docs/book/src/reference/endpoints.md", "operations", &table);
}

/// The table of codes: name and meaning.
#[test]
fn the_table_of_codes_is_that_of_the_document() {
    let schema = schemars::schema_for!(tasks_web::ArgumentErrorCode);
    let description = schema.get("description").and_then(Value::as_str).unwrap();
    let list = description
        .lines()
        .filter_map(|line| line.strip_prefix("- "));
    let rows = list.map(|line| {
        let (code, meaning) = line.split_once(": ").unwrap();
        format!("| {code} | {meaning} |\n")
    });
    let table = format!("| code | of |\n| --- | --- |\n{}", rows.collect::<String>());
    compare("docs/book/src/reference/problems.md", "codes", &table);
}

/// The table of the codes of failures: code and meaning.
#[test]
fn the_table_of_failures_is_that_of_the_runtime() {
    let codes = TaskFailure::FRAMEWORK_CODES.iter();
    let rows = codes.map(|(code, meaning)| format!("| `{code}` | {meaning} |\n"));
    let table = format!("| code | of |\n| --- | --- |\n{}", rows.collect::<String>());
    compare("docs/book/src/reference/problems.md", "failures", &table);
}

/// An error cannot have a code of the framework's: the macros have a list of their own, which is this one.
#[test]
fn codes_of_the_framework_are_reserved() {
    let options = read("tasks-macros/src/options/failure.rs");
    let (_, list) = options.split_once("const RESERVED: ").unwrap();
    let (_, list) = list.split_once(" = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let reserved: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let codes = TaskFailure::FRAMEWORK_CODES.iter();
    let codes: BTreeSet<&str> = codes.map(|(code, _)| *code).collect();
    assert_eq!(reserved, codes);
}

/// Compares a table between two comments of a page, or writes it there.
fn compare(page: &str, name: &str, table: &str) {
    let (start, end) = (
        format!("<!-- {name}:start -->\n"),
        format!("<!-- {name}:end -->"),
    );
    let path: PathBuf = root().join(page);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(&start).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    let expected = format!("{before}{start}{table}{end}{after}");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).unwrap();
    } else {
        assert!(
            page == expected,
            "the table in {} is out of date: UPDATE=1 cargo test -p tasks-tests --test book\n{table}",
            path.display()
        );
    }
}

/// Rows of the tables in documentation comments, without links to other items.
fn rows<'a>(code: &'a str, beginning: &'a str) -> impl Iterator<Item = String> + 'a {
    code.lines()
        .filter_map(|line| line.strip_prefix("/// "))
        .filter(move |line| line.starts_with(beginning))
        .map(|line| {
            line.replace("[`", "`")
                .replace("`](crate::TaskExecutor)", "`")
                .replace("`]", "`")
        })
}

#[test]
fn the_options_of_a_task_are_those_of_the_macro() {
    let page = read("docs/book/src/reference/task.md");
    let macros = read("tasks-macros/src/lib.rs");
    let inject = read("tasks-runtime/src/inject/mod.rs");
    let rows: Vec<String> = rows(&macros, "| `").chain(rows(&inject, "| `")).collect();
    // Stages of the expansion are in a table as well, in the comment of the crate (`//!`).
    assert!(rows.len() > 15, "{rows:?}");
    for row in rows {
        assert!(
            page.contains(&row),
            "docs/book/src/reference/task.md has to have this row:\n{row}"
        );
    }
}

/// Methods of a builder: they take it by value. Those that are hidden from the documentation are left out.
fn settings(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut hidden = false;
    for line in code.lines().map(str::trim) {
        hidden = hidden && !line.is_empty() || line == "#[doc(hidden)]";
        let Some((name, rest)) = line
            .strip_prefix("pub fn ")
            .and_then(|rest| rest.split_once(['(', '<']))
        else {
            continue;
        };
        let by_value = ["mut self", "self,"].iter().any(|own| rest.contains(own));
        if by_value && !hidden {
            found.push(name);
        }
    }
    found
}

#[test]
fn every_setting_is_in_the_tables() {
    const BUILDERS: [&str; 9] = [
        "tasks-web/src/service/builder.rs",
        "tasks-web/src/service/builder/server.rs",
        "tasks-web/src/service/builder/storage.rs",
        "tasks-web/src/auth/keys.rs",
        "tasks-runtime/src/execute/builder.rs",
        "tasks-runtime/src/database/builder.rs",
        "tasks-runtime/src/jobs/settings.rs",
        "tasks-runtime/src/jobs/submit.rs",
        "tasks-runtime/src/jobs/schedules/builder.rs",
    ];
    let page = read("docs/book/src/reference/settings.md");
    let mut missing = Vec::new();
    for builder in BUILDERS {
        let code = read(builder);
        let settings = settings(&code);
        assert!(settings.len() > 3, "{builder}");
        let unknown = settings.iter().filter(|name| {
            !page.contains(&format!("`{name}`")) && !page.contains(&format!("`{name}("))
        });
        missing.extend(unknown.map(|name| format!("{name} of {builder}")));
    }
    assert!(
        missing.is_empty(),
        "docs/book/src/reference/settings.md lacks {missing:#?}"
    );
}

/// Kinds of problems in the source: the text behind a status.
fn kinds(folder: &Path, kinds: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            self::kinds(&path, kinds);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // Unit tests and examples have kinds of their own.
        let code: String = text
            .split("#[cfg(test)]")
            .next()
            .unwrap()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for part in code.split("StatusCode::").skip(1) {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '_');
            let Some(rest) = rest.strip_prefix(',') else {
                continue;
            };
            if let Some(kind) = rest.trim_start().strip_prefix('"') {
                kinds.insert(kind.split('"').next().unwrap().to_owned());
            }
        }
    }
}

#[test]
fn every_kind_of_problem_is_in_the_table() {
    let page = read("docs/book/src/reference/problems.md");
    let mut found = BTreeSet::new();
    kinds(&root().join("tasks-web/src"), &mut found);
    assert!(found.len() > 20, "{found:?}");
    let missing: Vec<&String> = found
        .iter()
        .filter(|kind| !page.contains(&format!("`{kind}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/book/src/reference/problems.md lacks {missing:?}"
    );
}
