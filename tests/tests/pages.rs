//! The commands in the project's pages: run against the example, they print what the pages say.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
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

/// Each page, and the example that it speaks of.
const PAGES: [(&str, &str); 7] = [
    ("README.md", "task-execution"),
    ("docs/guide.md", "task-execution"),
    ("examples/task-execution/README.md", "task-execution"),
    ("examples/database-service/README.md", "database-service"),
    ("examples/artifact-service/README.md", "artifact-service"),
    ("examples/advanced-service/README.md", "advanced-service"),
    ("examples/telemetry-service/README.md", "telemetry-service"),
];

#[test]
fn the_commands_print_what_the_pages_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (page, example) in PAGES {
        let test = TestDatabase::sqlite();
        let environment = [
            ("LOG_LEVEL", "off"),
            ("RUST_LOG", "off"),
            ("DATABASE_URL", test.url()),
        ];
        let server = Server::start(example, environment).unwrap();
        let commands = commands(&std::fs::read_to_string(root.join(page)).unwrap());
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

/// Links between the pages, and from them into the code, lead somewhere.
#[test]
fn the_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut pages: Vec<_> = PAGES.iter().map(|(page, _)| root.join(page)).collect();
    pages.extend(
        [
            "ARCHITECTURE.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "tests/README.md",
        ]
        .map(|page| root.join(page)),
    );
    for folder in ["docs", "docs/decisions"] {
        pages.extend(
            std::fs::read_dir(root.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().path()),
        );
    }
    for page in pages
        .iter()
        .filter(|page| page.extension().is_some_and(|extension| extension == "md"))
    {
        let text = std::fs::read_to_string(page).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            if path.is_empty() {
                let found = text
                    .lines()
                    .any(|line| line.starts_with('#') && heading_anchor(line) == anchor);
                assert!(found, "{}: no heading for #{anchor}", page.display());
            } else if !path.contains("://") && !path.contains(' ') {
                assert!(
                    page.parent().unwrap().join(path).exists(),
                    "{}: {target} leads nowhere",
                    page.display()
                );
            }
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
