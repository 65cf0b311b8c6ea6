//! Every way to depend on the framework: the macros find the runtime under whatever name it has.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use tasks_tests::generated::Workspace;

const RENAMED: &str = r#"
use web::prelude::*;

#[derive(Clone, Injectable)]
pub struct Settings;

#[task(tags = ["renamed"])]
pub async fn renamed(settings: Settings, #[task(default = 1)] x: i64) -> i64 {
    let Settings = settings;
    x
}
"#;

const RUNTIME: &str = r#"
use tasks_runtime::prelude::*;

#[derive(Clone, Injectable)]
pub struct Settings;

/// Adds.
#[task(name = "add", tags = ["math"])]
pub async fn add(settings: &Settings, a: i64, #[task(default = 1)] b: i64) -> Result<i64, String> {
    let Settings = settings;
    Ok(a + b)
}

#[task]
pub fn double(x: i64) -> i64 {
    x * 2
}
"#;

const RENAMED_RUNTIME: &str = r#"
use engine::prelude::*;

#[task]
pub async fn renamed_runtime(x: i64) -> i64 {
    x
}
"#;

const BEHIND_A_FACADE: &str = r#"
use my_facade::tasks_web::prelude::*;

#[derive(Clone, Injectable)]
#[injectable(crate = my_facade::tasks_web)]
pub struct Settings;

#[task(crate = my_facade::tasks_web)]
pub async fn behind_a_facade(settings: Settings, text: &str) -> usize {
    let Settings = settings;
    text.len()
}

#[task(crate = "::my_facade::tasks_web", register = false)]
pub fn in_quotes() {}
"#;

const PROGRAM: &str = r#"
use std::error::Error;

use tasks_runtime::prelude::*;

use library as _;

#[task]
fn own() {}

fn main() -> Result<(), Box<dyn Error>> {
    let registry = TaskRegistry::discover()?;
    println!("{:?} {:?}", registry.list(), registry.crates());
    Ok(())
}
"#;

const WEB: &str = r#"tasks-web = { path = "{root}/tasks-web" }"#;
const ENGINE: &str = r#"tasks-runtime = { path = "{root}/tasks-runtime" }"#;

#[test]
fn the_runtime_is_found_under_any_name() {
    let members = [
        "renamed",
        "runtime",
        "renamed_runtime",
        "my_facade",
        "behind",
        "library",
        "program",
        "bare",
    ];
    let workspace = Workspace::new("dependency", &members).unwrap();
    let lib =
        |name, dependencies: &str, code| workspace.add(name, dependencies, "lib.rs", code).unwrap();
    lib(
        "renamed",
        r#"web = { package = "tasks-web", path = "{root}/tasks-web" }"#,
        RENAMED,
    );
    lib("runtime", ENGINE, RUNTIME);
    lib(
        "renamed_runtime",
        r#"engine = { package = "tasks-runtime", path = "{root}/tasks-runtime" }"#,
        RENAMED_RUNTIME,
    );
    lib("my_facade", WEB, "pub use tasks_web;");
    lib(
        "behind",
        r#"my_facade = { path = "../my_facade" }"#,
        BEHIND_A_FACADE,
    );
    lib("library", ENGINE, RUNTIME);
    let dependencies = format!("{ENGINE}\nlibrary = {{ path = \"../library\" }}");
    workspace
        .add("program", &dependencies, "main.rs", PROGRAM)
        .unwrap();
    lib(
        "bare",
        r#"tasks-runtime = { path = "{root}/tasks-runtime", default-features = false }"#,
        RUNTIME,
    );

    workspace.cargo(&["check", "--workspace"]).unwrap();
    // By itself: beside the others, the features they ask for would be turned on.
    workspace.cargo(&["check", "--package", "bare"]).unwrap();

    let output = workspace.cargo(&["run", "--package", "program"]).unwrap();
    assert_eq!(
        output.trim(),
        r#"["add", "double", "own"] {"library": 2, "program": 1}"#
    );
}
