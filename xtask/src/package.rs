//! The crates as they are published: what has to be among their files.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, output, root};

/// The crates that are published, and what each needs besides [`EACH`]. A folder ends with a slash.
const CRATES: [(&str, &[&str]); 3] = [
    ("tasks-macros", &[]),
    (
        "tasks-runtime",
        &["migrations/postgres/", "migrations/sqlite/"],
    ),
    ("tasks-web", &[]),
];

/// Files that every crate needs.
const EACH: [&str; 2] = ["README.md", "src/lib.rs"];

/// Licences, which are the same in every crate as at the root.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Checks the list of files of each crate. Nothing is built.
pub(crate) fn run_step() -> Result<()> {
    let mut problems = Vec::new();
    for (name, own) in CRATES {
        let list = output(&mut cargo([
            "package",
            "--list",
            // What is listed is what there is, committed or not.
            "--allow-dirty",
            "--package",
            name,
        ]))?;
        let needed = EACH.iter().chain(&LICENCES).chain(own).copied();
        let missing = missing(&list, needed);
        if !missing.is_empty() {
            problems.push(format!(
                "{name} would be published without {}: add it to the folder of the crate, and to `include` in {name}/Cargo.toml",
                missing.join(", ")
            ));
        }
        for licence in LICENCES {
            let read = |path: &str| {
                fs::read(root().join(path)).with_context(|| format!("cannot read {path}"))
            };
            let copy = format!("{name}/{licence}");
            if read(&copy)? != read(licence)? {
                problems.push(format!("{copy} is not the same as {licence}"));
            }
        }
        println!("{name}: {} files", list.lines().count());
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}", problems.join("\n"))
}

/// Returns what is needed and not in the list of files.
fn missing<'a>(list: &str, needed: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let is_there = |needed: &str| {
        list.lines()
            // On Windows the paths have backslashes.
            .map(|file| file.replace('\\', "/"))
            .any(|file| file == needed || (needed.ends_with('/') && file.starts_with(needed)))
    };
    needed.filter(|needed| !is_there(needed)).collect()
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn files_and_folders_that_are_not_listed_are_missing() {
        let list = "Cargo.toml\nREADME.md\nmigrations\\sqlite\\0001.sql\nsrc/lib.rs\n";
        let needed = [
            "README.md",
            "LICENSE-MIT",
            "migrations/sqlite/",
            "migrations/postgres/",
            "src",
        ];
        assert_eq!(
            missing(list, needed.into_iter()),
            ["LICENSE-MIT", "migrations/postgres/", "src"]
        );
    }
}
