//! The commands in the project's pages: run against the example, they print what the pages say.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use tasks_tests::databases::TestDatabase;
use tasks_tests::process::Server;

/// Where the pages say that the example listens.
const ADDRESS: &str = "http://127.0.0.1:8000";

/// The commands of all `console` blocks, each with what it prints.
fn commands(page: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            line if inside => match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((_, output))) => output.push_str(line),
                (None, None) => panic!("output without a command: {line}"),
            },
            _ => {}
        }
    }
    commands
}

/// Every request has another id.
fn without_ids(output: &str) -> String {
    const KEY: &str = "\"request_id\":\"";
    let mut parts = output.split(KEY);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(KEY);
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    }
    text
}

/// Pages outside of the book with commands, and the example that each speaks of.
const PAGES: [(&str, &str); 6] = [
    ("README.md", "task-execution"),
    ("examples/task-execution/README.md", "task-execution"),
    ("examples/database-service/README.md", "database-service"),
    ("examples/artifact-service/README.md", "artifact-service"),
    ("examples/advanced-service/README.md", "advanced-service"),
    ("examples/telemetry-service/README.md", "telemetry-service"),
];

/// The example that the commands of a page of the book are for, unless it says otherwise: `<!-- commands: advanced-service -->`.
const EXAMPLE: &str = "task-execution";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All pages below a folder, and all pages in folders below it.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    pages
}

/// The pages of the book with commands, and the example of each. Those of the tutorial are for the program that it makes.
fn of_the_book() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in below(&root().join("docs/book/src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root()).unwrap().display().to_string();
        if path.contains("/tutorial/") || commands(&text).is_empty() {
            continue;
        }
        let example = text
            .split("<!-- commands: ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .unwrap_or(EXAMPLE);
        found.push((path, example.to_owned()));
    }
    found
}

#[test]
fn the_commands_print_what_the_pages_say() {
    let mut pages = PAGES
        .map(|(page, example)| (page.to_owned(), example.to_owned()))
        .to_vec();
    pages.extend(of_the_book());
    assert!(pages.len() > PAGES.len());
    for (page, example) in pages {
        let test = TestDatabase::sqlite();
        let environment = [
            ("LOG_LEVEL", "off"),
            ("RUST_LOG", "off"),
            ("DATABASE_URL", test.url()),
        ];
        let server = Server::start(&example, environment).unwrap();
        let commands = commands(&std::fs::read_to_string(root().join(&page)).unwrap());
        assert!(!commands.is_empty(), "{page}");
        for (command, expected) in commands {
            assert!(command.contains(ADDRESS), "{page}: {command}");
            let output = Command::new("sh")
                .arg("-c")
                .arg(command.replace(ADDRESS, &server.base_url()))
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{page}: {command}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            let output = String::from_utf8(output.stdout).unwrap();
            assert_eq!(
                without_ids(output.trim_end()),
                without_ids(&expected),
                "{page}: {command}"
            );
        }
    }
}

/// Links in pages outside of the book lead to files, and to headings. `cargo xtask book` follows those in the book.
#[test]
fn the_links_lead_somewhere() {
    let mut pages: Vec<_> = PAGES.iter().map(|(page, _)| root().join(page)).collect();
    pages.extend(
        [
            "ARCHITECTURE.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "tests/README.md",
        ]
        .map(|page| root().join(page)),
    );
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let shown = page.display();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            if path.contains("://") || path.contains(' ') {
                continue;
            }
            let file = page.parent().unwrap().join(path);
            assert!(
                path.is_empty() || file.exists(),
                "{shown}: {target} leads nowhere"
            );
            if anchor.is_empty() {
                continue;
            }
            let aim = if path.is_empty() {
                text.clone()
            } else {
                std::fs::read_to_string(file).unwrap()
            };
            let found = aim
                .lines()
                .any(|line| line.starts_with('#') && heading_anchor(line) == anchor);
            assert!(found, "{shown}: no heading for {target}");
        }
    }
}

fn heading_anchor(line: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_';
    line.trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}
