//! The steps of `cargo xtask test`.

use std::fs;
use std::num::NonZero;
use std::thread;

use anyhow::{Context as _, Result};

use crate::bench::instructions;
use crate::process::{cargo, find, root, run};
use crate::{book, dependencies, licences, package, public_api, setup, structure, ui};

/// One thing that is checked.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn() -> Result<()>,
}

/// All of them, cheap ones first where the order does not matter.
pub(crate) const ALL: [Step; 14] = [
    Step {
        name: "setup",
        about: "what the tests need beside Rust",
        run: setup::run_step,
    },
    Step {
        name: "fmt",
        about: "formatting",
        run: fmt,
    },
    Step {
        name: "licences",
        about: "licences of all dependencies",
        run: licences::run_step,
    },
    Step {
        name: "structure",
        about: "no circles of files, no imports from a lower floor to a higher one, no names of files or of code that are not there, no broken links in the book",
        run: structure::run_step,
    },
    Step {
        name: "book",
        about: "the book, built by mdbook without a warning",
        run: book::build,
    },
    Step {
        name: "ui",
        about: "the front end of the dashboard: types, tests, and that the built files are those of the sources",
        run: ui::run_step,
    },
    Step {
        name: "package",
        about: "the files that each crate is published with",
        run: package::run_step,
    },
    Step {
        name: "clippy",
        about: "lints of the workspace, all targets",
        run: clippy,
    },
    Step {
        name: "features",
        about: "lints of other sets of features, and what they depend on",
        run: features,
    },
    Step {
        name: "test",
        about: "unit and integration tests",
        run: test,
    },
    Step {
        name: "doctest",
        about: "the examples in the documentation",
        run: doctest,
    },
    Step {
        name: "speed",
        about: "instructions and allocations per request, against those recorded",
        run: instructions::check,
    },
    Step {
        name: "api",
        about: "the public API, against the recorded one",
        run: public_api::run_step,
    },
    Step {
        name: "doc",
        about: "the documentation itself, without a warning",
        run: doc,
    },
];

/// Sets of features that the workspace as a whole, with everything turned on, would not notice to be broken.
/// Each is built with its dependencies anew, so there is none that another one is a part of but for one feature.
const FEATURE_SETS: [(&str, &str); 5] = [
    ("tasks-runtime", ""),
    ("tasks-runtime", "garde,sqlite"),
    ("tasks-runtime", "postgres"),
    ("tasks-web", "dashboard"),
    ("tasks-web", "postgres"),
];

const NO_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

fn fmt() -> Result<()> {
    run(&mut cargo(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    run(cargo(["clippy", "--workspace", "--all-targets"]).args(NO_WARNINGS))
}

fn features() -> Result<()> {
    dependencies::check()?;
    // The example without a database: the others are built with all that any of them needs.
    run(cargo(["clippy", "-p", "task-execution"]).args(NO_WARNINGS))?;
    FEATURE_SETS.iter().try_for_each(|(package, features)| {
        let set = [
            "-p",
            package,
            "--no-default-features",
            "--features",
            features,
        ];
        run(cargo(["clippy", "--lib"]).args(set).args(NO_WARNINGS))
    })
}

fn test() -> Result<()> {
    // Black-box tests start them, so that no test has to wait for a build. Not with the tests: beside their dependencies they would be built with
    // features that no user's build has.
    let mut build = cargo(["build", "--bins"]);
    for example in examples()? {
        build.args(["-p", &example]);
    }
    run(&mut build)?;
    if find("cargo-nextest").is_some() {
        // Most of them wait: `.config/nextest.toml` says which take more than one of these places.
        let places = 1 + 3 * thread::available_parallelism().map_or(2, NonZero::get);
        run(&mut cargo([
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
            "--test-threads",
            &places.to_string(),
        ]))
    } else {
        println!(
            "cargo-nextest is not installed: the tests of one binary share a process, and it takes longer"
        );
        run(&mut cargo([
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ]))
    }
}

/// The names of the examples.
fn examples() -> Result<Vec<String>> {
    let folder = root().join("examples");
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn doctest() -> Result<()> {
    run(&mut cargo([
        "test",
        "--workspace",
        "--doc",
        "--no-fail-fast",
    ]))
}

fn doc() -> Result<()> {
    run(cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
