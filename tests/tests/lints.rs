//! Crates that forbid lints: what the macros generate breaks none of them, and allows nothing that would be an error there.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use tasks_tests::generated::Workspace;

const WEB: &str = "tasks-web = { path = \"{root}/tasks-web\" }\nschemars = \"1\"\nserde = { version = \"1\", features = [\"derive\"] }";

/// Tasks with every option there is, among traits that have what the framework's own have.
const TASKS: &str = r#"
//! Tasks.

use tasks_web::{Injectable, task};

/// Everything has these.
pub trait Extra: Sized {
    /// A constant.
    const SOURCE: u8 = 0;
    /// A constant.
    const OF: u8 = 0;
    /// A constant.
    const OUTPUT: u8 = 0;
    /// A constant.
    const FORCED: u8 = 0;
    /// A constant.
    const DEFAULT: u8 = 0;
    /// A method.
    fn finish(self) {}
    /// A method.
    fn schema(self) {}
    /// A method.
    fn retries(self) {}
    /// A method.
    fn start(&self) {}
    /// A method.
    fn write(&self) {}
    /// A method.
    fn max(self) {}
}

impl<T> Extra for T {}

/// Injected.
#[derive(Clone, Debug, Injectable)]
pub struct Settings {
    /// A name.
    pub region: String,
}

/// Every option.
///
/// # Errors
///
/// When there is no name.
#[task(
    name = "everything",
    tags = ["a"],
    timeout = "30s",
    retries = 3,
    backoff = "exponential(1s, max = 1m)",
    queue = "reports",
    priority = 5,
    max_concurrency = 2,
    unique,
    crash_limit = 2,
    version = 2,
    old_versions = "fail",
    events(approval: bool),
    register = true
)]
pub async fn everything(
    settings: &Settings,
    /// Documented.
    #[task(default = "World", example = "Ada", rename = "who")]
    name: String,
    #[task(secret)] word: &str,
    numbers: &[u8],
    limit: Option<u32>,
    #[task(default = 1 + 2)] sum: i64,
) -> Result<String, String> {
    wait().await;
    if name.is_empty() {
        return Err("no name".to_owned());
    }
    Ok(format!("{name} {word} {numbers:?} {limit:?} {sum} {}", settings.region))
}

/// Something to wait for.
async fn wait() {
    core::future::ready(()).await;
}

/// May block, and injects nothing.
#[task]
pub fn blocks() {
    std::thread::yield_now();
}

/// With one parameter that is injected.
#[must_use]
#[task]
pub fn region(settings: Settings) -> String {
    settings.region
}

/// With one parameter that is not.
#[must_use]
#[task]
pub fn double(number: i64) -> String {
    number.saturating_mul(2).to_string()
}
"#;

/// Tasks that nobody is to use any more.
const DEPRECATED: &str = r#"
/// Was once of use.
#[deprecated = "use `double`"]
#[task]
pub async fn twice(number: i64) -> i64 {
    wait().await;
    number.saturating_add(number)
}

/// Whose type is not to be used any more.
#[deprecated]
pub mod old {
    /// Was once of use.
    #[derive(Clone, Debug, tasks_web::Injectable)]
    pub struct Old;

    /// Takes it.
    #[tasks_web::task]
    pub fn takes_it(old: &Old) -> String {
        format!("{old:?}")
    }
}
"#;

/// The function says which lints it breaks, and means all that is made of it.
const ALLOWED: &str = r#"
/// Not to be used.
#[deprecated]
#[derive(Clone, Debug, Injectable)]
pub struct Old;

/// Takes it.
#[expect(deprecated, reason = "until the next version")]
#[task]
pub fn takes_it(old: &Old) -> String {
    format!("{old:?}")
}
"#;

#[test]
fn nothing_that_is_forbidden_is_generated() {
    let lints = [
        "unused_imports",
        "unused_parens",
        "unused_qualifications",
        "unused_results",
        "unused_braces",
        "unsafe_code",
        "missing_docs",
        "unreachable_pub",
        "unused",
        "rust_2018_idioms",
        "future_incompatible",
        "clippy::all",
        "clippy::pedantic",
        "clippy::nursery",
        "clippy::needless_update",
    ];
    let names: Vec<String> = (0..lints.len())
        .map(|index| format!("forbids{index}"))
        .collect();
    let editions = ["2018", "2021", "2024"];
    let of_editions = editions.map(|edition| format!("edition{edition}"));
    let mut members: Vec<&str> = names
        .iter()
        .chain(&of_editions)
        .map(String::as_str)
        .collect();
    members.extend(["deprecated", "allowed"]);
    let workspace = Workspace::new("lints", &members).unwrap();
    let add = |name: &str, edition: &str, lint: &str, more: &str| {
        let code = format!("#![forbid({lint})]\n{TASKS}{more}");
        workspace
            .add_in_edition(edition, name, WEB, "lib.rs", &code)
            .unwrap();
    };
    for (name, lint) in names.iter().zip(lints) {
        add(name, "2024", lint, "");
    }
    for (name, edition) in of_editions.iter().zip(editions) {
        add(
            name,
            edition,
            "unused_imports, unused_qualifications, deprecated",
            DEPRECATED,
        );
    }
    add("deprecated", "2024", "deprecated", DEPRECATED);
    add("allowed", "2024", "unused_imports", ALLOWED);
    workspace
        .cargo(&["clippy", "--workspace", "--keep-going"])
        .unwrap();
}

/// What puts a task into the program is a macro of `inventory`, which allows one lint. That is accepted under a group, with a
/// warning, and under that lint alone it is not.
#[test]
fn of_groups_with_that_lint_one_warning_is_left() {
    let groups = ["warnings", "nonstandard_style"];
    let workspace = Workspace::new("lint-groups", &groups).unwrap();
    for group in groups {
        let code = format!("#![forbid({group})]\n{TASKS}");
        workspace.add(group, WEB, "lib.rs", &code).unwrap();
    }
    let said = workspace
        .cargo(&["clippy", "--workspace", "--keep-going"])
        .unwrap_err()
        .to_string();
    assert!(!said.contains("error:"), "{said}");
    for warning in said.lines().filter(|line| line.starts_with("warning")) {
        assert_eq!(
            warning,
            "warning: allow(non_upper_case_globals) incompatible with previous forbid"
        );
    }
}
