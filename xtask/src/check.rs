//! `cargo xtask check`: what is quick to check after a change.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::process::{cargo, find, git, run};
use crate::steps;

/// The tests of what changed, by the beginnings of paths. Tests on one database are enough here; `cargo xtask test` runs all.
const TESTS: [(&str, &[&str]); 13] = [
    ("tasks-macros/", &["-p", "tasks-macros"]),
    (
        "tasks-macros/src/",
        &["-p", "tasks-web", "--test", "diagnostics"],
    ),
    (
        "tasks-web/tests/ui/",
        &["-p", "tasks-web", "--test", "ui", "--test", "diagnostics"],
    ),
    ("tasks-runtime/", &["-p", "tasks-runtime"]),
    (
        "tasks-runtime/src/jobs/",
        &[
            "-p",
            "tasks-tests",
            "--test",
            "jobs",
            "-E",
            "test(::sqlite::)",
        ],
    ),
    (
        "tasks-runtime/src/database/",
        &[
            "-p",
            "tasks-tests",
            "--test",
            "database",
            "--test",
            "database_urls",
        ],
    ),
    (
        "tasks-runtime/src/artifacts/",
        &["-p", "tasks-tests", "--test", "artifacts"],
    ),
    (
        "tasks-runtime/src/",
        &["-p", "tasks-tests", "--test", "tasks"],
    ),
    ("tasks-web/src/", &["-p", "tasks-web", "--lib"]),
    (
        "tasks-web/src/",
        &[
            "-p",
            "tasks-tests",
            "--test",
            "service",
            "--test",
            "openapi",
        ],
    ),
    (
        "tasks-web/src/artifacts/",
        &["-p", "tasks-tests", "--test", "artifacts"],
    ),
    (
        "docs/",
        &["-p", "tasks-tests", "--test", "pages", "--test", "book"],
    ),
    ("xtask/", &["-p", "xtask"]),
];

/// Formatting, structure, lints, and the tests of the files that differ from the last commit; of that commit, if none differ.
pub(crate) fn check() -> Result<()> {
    for name in ["fmt", "structure", "clippy"] {
        for step in steps::ALL.iter().filter(|step| step.name == name) {
            (step.run)()?;
        }
    }
    let changed = changed()?;
    let mut chosen: BTreeSet<Vec<String>> = BTreeSet::new();
    for path in &changed {
        for (beginning, arguments) in TESTS {
            if path.starts_with(beginning) {
                chosen.insert(arguments.iter().map(ToString::to_string).collect());
            }
        }
        chosen.extend(test_of(path));
    }
    if chosen.is_empty() {
        println!("no tests belong to what changed: {}", changed.join(", "));
    }
    for arguments in chosen {
        test(&arguments)?;
    }
    Ok(())
}

/// A file of a black-box test is its own test.
fn test_of(path: &str) -> Option<Vec<String>> {
    let rest = path.strip_prefix("tests/tests/")?;
    let name = rest.split('/').next()?.trim_end_matches(".rs");
    let words = ["-p", "tasks-tests", "--test", name];
    Some(words.map(str::to_owned).to_vec())
}

fn test(arguments: &[String]) -> Result<()> {
    if find("cargo-nextest").is_some() {
        return run(cargo(["nextest", "run", "--no-fail-fast"]).args(arguments));
    }
    // Its filters are not cargo's: more tests run without it.
    let own = arguments.iter().take_while(|argument| *argument != "-E");
    run(cargo(["test", "--no-fail-fast"]).args(own))
}

fn changed() -> Result<Vec<String>> {
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let mut changed = lines(git(["diff", "--name-only", "HEAD"])?);
    changed.extend(lines(git(["ls-files", "--others", "--exclude-standard"])?));
    if changed.is_empty() {
        changed = lines(git(["diff", "--name-only", "HEAD~1", "HEAD"])?);
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_black_box_test_is_its_own() {
        let test = |path| test_of(path).and_then(|mut words| words.pop());
        assert_eq!(test("tests/tests/jobs/errors.rs").as_deref(), Some("jobs"));
        assert_eq!(test("tests/tests/pages.rs").as_deref(), Some("pages"));
        assert_eq!(test("tests/src/lib.rs"), None);
    }

    #[test]
    fn tests_belong_to_folders_that_exist() {
        for (beginning, _) in TESTS {
            let folder = crate::process::root().join(beginning);
            assert!(folder.is_dir(), "{beginning}");
        }
    }
}
