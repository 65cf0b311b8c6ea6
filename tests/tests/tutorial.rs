//! The tutorial of the book, as its reader follows it: the program of each step is built from the pages, and their commands print what the
//! pages say.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use tasks_tests::generated::Workspace;
use tasks_tests::process::Server;

/// Where the pages say that the service listens.
const ADDRESS: &str = "http://127.0.0.1:8000";

/// A step, after its page: the files of the project by path, and the commands with what they print.
struct Step {
    number: usize,
    /// The crate of the step: steps share one as long as `Cargo.toml` is the same.
    package: String,
    files: BTreeMap<String, String>,
    commands: Vec<(String, String)>,
    keys: Option<String>,
}

/// The pages, in order. Each begins with the project of the one before.
fn steps() -> Vec<Step> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = root.join("docs/book/src/tutorial");
    let names: BTreeSet<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap() != "README.md")
        .collect();
    let mut files = BTreeMap::new();
    let mut package = String::new();
    let mut steps = Vec::new();
    for (number, path) in (1..).zip(names) {
        let page = std::fs::read_to_string(path).unwrap();
        let mut commands: Vec<(String, String)> = Vec::new();
        for block in page.split("\n```").skip(1).step_by(2) {
            let (kind, text) = block.split_once('\n').unwrap();
            let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
            if kind == "console" {
                for line in text.lines() {
                    match (line.strip_prefix("$ "), commands.last_mut()) {
                        (Some(command), _) => commands.push((command.to_owned(), String::new())),
                        (None, Some((_, output))) => *output += &format!("{line}\n"),
                        (None, None) => panic!("output without a command: {line}"),
                    }
                }
            } else if let Some((mark, path)) = first.split_once(' ')
                && ["//", "#", "--"].contains(&mark)
            {
                if path == "Cargo.toml" {
                    package = format!("expenses_{number}");
                }
                files.insert(path.to_owned(), format!("{rest}\n"));
            }
        }
        let keys = page.split("TASKS_API_KEYS='").nth(1);
        steps.push(Step {
            number,
            package: package.clone(),
            files: files.clone(),
            commands,
            keys: keys.map(|rest| rest.split('\'').next().unwrap().to_owned()),
        });
    }
    steps
}

impl Step {
    fn program(&self) -> String {
        format!("tutorial_{:02}", self.number)
    }

    /// Writes the project: what is in `src` is a binary of this step, all else is that of its crate.
    fn write(&self, workspace: &Workspace) {
        for (path, text) in &self.files {
            let path = match path.strip_prefix("src/") {
                Some(path) => format!("src/bin/{}/{path}", self.program()),
                None => path.clone(),
            };
            let text = if path == "Cargo.toml" {
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
                text.replace("\"expenses\"", &format!("\"{}\"", self.package))
                    .replace("../tasks/", &format!("{}/", root.display()))
            } else {
                text.clone()
            };
            workspace
                .write(&format!("{}/{path}", self.package), &text)
                .unwrap();
        }
    }

    /// Runs the commands against the program of this step.
    fn run(&self, program: &Path, database: &str, ids: &mut BTreeMap<String, String>) {
        let mut environment = vec![("DATABASE_URL", database), ("LOG_LEVEL", "off")];
        if let Some(keys) = &self.keys {
            environment.push(("TASKS_API_KEYS", keys));
        }
        let server = Server::start_program(program, environment).unwrap();
        for (shown, expected) in &self.commands {
            let mut command = shown.replace(ADDRESS, &server.base_url());
            for (id, own) in &*ids {
                command = command.replace(id, own);
            }
            let output = Command::new("sh").arg("-c").arg(&command).output().unwrap();
            let output = String::from_utf8(output.stdout).unwrap();
            let (expected, known) = without_ids(expected.trim_end());
            let (printed, own) = without_ids(output.trim_end());
            assert_eq!(
                printed,
                expected,
                "step {}: {shown}\n{}",
                self.number,
                server.output()
            );
            // Later commands name what this one has made.
            ids.extend(known.into_iter().zip(own));
        }
    }
}

/// Replaces ids and times, which differ each time. Returns the ids as well.
fn without_ids(text: &str) -> (String, Vec<String>) {
    let mut ids = Vec::new();
    let word = |character: char| character.is_ascii_alphanumeric() || "-:.".contains(character);
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(word) {
        let (before, from) = rest.split_at(start);
        let (found, after) = from.split_at(from.find(|c| !word(c)).unwrap_or(from.len()));
        result.push_str(before);
        let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        if found.len() == 26 && found.chars().all(upper) {
            ids.push(found.to_owned());
            result.push_str("ID");
        } else if found.len() > 20 && found.ends_with('Z') && found.get(10..11) == Some("T") {
            result.push_str("TIME");
        } else {
            result.push_str(found);
        }
        rest = after;
    }
    result.push_str(rest);
    (result, ids)
}

#[test]
fn every_step_is_built_and_prints_what_its_page_says() {
    let steps = steps();
    assert!(steps.len() >= 10);
    let packages: BTreeSet<&str> = steps.iter().map(|step| step.package.as_str()).collect();
    let packages: Vec<&str> = packages.into_iter().collect();
    let workspace = Workspace::new("tutorial", &packages).unwrap();
    for step in &steps {
        step.write(&workspace);
    }
    workspace
        .cargo(&["build", "--workspace", "--bins"])
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("expenses.db").display());
    let mut ids = BTreeMap::new();
    for step in &steps {
        let program = workspace.program(&step.program());
        step.run(&program, &database, &mut ids);
    }
    // The tests that the reader has written.
    let last = steps.last().unwrap();
    let said = workspace
        .cargo(&["test", "--package", &last.package, "--bin", &last.program()])
        .unwrap();
    assert!(said.contains("2 passed"), "{said}");
}

#[test]
fn ids_and_times_are_found_in_json_and_in_paths() {
    let text = r#"{"id":"01M8H3EHJJXK0W6QY31R725HXN","at":"2026-11-28T12:52:57.562750Z"} /x/01M8H3EHJJXK0W6QY31R725HXN/$y"#;
    let (shown, ids) = without_ids(text);
    assert_eq!(shown, r#"{"id":"ID","at":"TIME"} /x/ID/$y"#);
    assert_eq!(ids.len(), 2);
}
