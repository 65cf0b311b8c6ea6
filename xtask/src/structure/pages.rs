//! The files that the pages about the code name.

use std::fs;

use anyhow::{Context as _, Result};

use crate::book;
use crate::process::root;

/// Pages that say where things are, beside those of the book.
pub(super) const PAGES: [&str; 2] = ["ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Folders at the root that a path of these pages begins with.
const FOLDERS: [&str; 8] = [
    "benches",
    "docs",
    "examples",
    "tasks-macros",
    "tasks-runtime",
    "tasks-web",
    "tests",
    "xtask",
];

/// Returns a problem for each path that is named and does not exist.
pub(super) fn problems() -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut pages = PAGES.map(|page| root().join(page)).to_vec();
    pages.extend(book::page::paths(&book::pages())?);
    for (index, page) in pages.iter().enumerate() {
        let shown = page.strip_prefix(root()).unwrap_or(page).display();
        let mut text = fs::read_to_string(page).with_context(|| format!("cannot read {shown}"))?;
        if index < PAGES.len() {
            text = with_whole_paths(&text);
        }
        for path in paths(&text) {
            if !root().join(path).exists() {
                problems.push(format!("{shown} names `{path}`, which does not exist"));
            }
        }
    }
    Ok(problems)
}

/// Returns the paths among what is written as code: one with a placeholder in capitals, like `NNNN`, is none.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|code| is_path(code))
}

/// Writes out the folder of each file of Rust that has none: it is that of the file before it in the same line, or cell of a table.
pub(super) fn with_whole_paths(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let mut folder = None;
        let mut pieces = Vec::new();
        for (index, piece) in line.split('`').enumerate() {
            let is_code = index % 2 == 1;
            let mut whole = piece.to_owned();
            if !is_code {
                if piece.contains('|') {
                    folder = None;
                }
            } else if piece.contains('/') {
                let path = piece.rsplit_once('/').filter(|_| is_path(piece));
                folder = path.map(|(folder, _)| folder);
            } else if let Some(folder) = folder
                && piece.ends_with(".rs")
            {
                whole = format!("{folder}/{piece}");
            }
            pieces.push(whole);
        }
        lines.push(pieces.join("`"));
    }
    lines.join("\n")
}

/// Whether something that is written as code is the path of a file or folder.
pub(super) fn is_path(code: &str) -> bool {
    let folder = code.split_once('/').map(|(folder, _)| folder);
    folder.is_some_and(|folder| FOLDERS.contains(&folder))
        && !code.contains("NNNN")
        && !code.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::{paths, with_whole_paths};

    #[test]
    fn paths_are_what_is_code_and_begins_with_a_folder() {
        let text = "| `tests/src/lib.rs`, `lib.rs` | tests/none.rs | `cargo test` | `docs/NNNN_name.md` |\n`xtask/src/`";
        let found: Vec<&str> = paths(text).collect();
        assert_eq!(found, ["tests/src/lib.rs", "xtask/src/"]);
    }
    #[test]
    fn a_file_without_a_folder_is_in_that_of_the_file_before() {
        let text = "| `a.rs`, `xtask/src/b.rs` (`c`), `d.rs` | `e.rs` |\n`f.rs`, `xtask/src/g/h.rs`, `i.md`, `jobs/j.rs`, `k.rs`";
        let whole = "| `a.rs`, `xtask/src/b.rs` (`c`), `xtask/src/d.rs` | `e.rs` |\n\
                     `f.rs`, `xtask/src/g/h.rs`, `i.md`, `jobs/j.rs`, `k.rs`";
        assert_eq!(with_whole_paths(text), whole);
    }
}
