//! `cargo xtask test`: the steps one after the other, the time each took, and a summary as the last line.

use std::fs;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::process;
use crate::steps::{ALL, Step};

/// Runs all steps, or those named, in the order of the table.
pub(crate) fn run(arguments: &[&str]) -> Result<ExitCode> {
    if arguments == ["--list"] {
        for step in &ALL {
            println!("{:<10} {}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(arguments)?;
    if chosen.len() == ALL.len() {
        process::build_once();
    }
    let started = Instant::now();
    let mut passed: Vec<(&Step, Duration)> = Vec::new();
    let mut failed = false;
    for (index, step) in chosen.iter().enumerate() {
        println!(
            "\n[{}/{}] {}: {}",
            index + 1,
            chosen.len(),
            step.name,
            step.about
        );
        let step_started = Instant::now();
        let result = (step.run)();
        let took = step_started.elapsed();
        match result {
            Ok(()) => {
                println!(
                    "[{}/{}] {}: passed in {}",
                    index + 1,
                    chosen.len(),
                    step.name,
                    seconds(took)
                );
                passed.push((step, took));
            }
            Err(error) => {
                println!("{error:#}");
                println!(
                    "[{}/{}] {}: FAILED after {}",
                    index + 1,
                    chosen.len(),
                    step.name,
                    seconds(took)
                );
                failed = true;
                break;
            }
        }
    }

    println!();
    for (step, took) in &passed {
        println!("{:<10} {:>8}", step.name, seconds(*took));
    }
    println!("{:<10} {:>8}", "all", seconds(started.elapsed()));
    let skipped = chosen
        .get(passed.len() + usize::from(failed)..)
        .unwrap_or_default();
    if !skipped.is_empty() {
        let names: Vec<&str> = skipped.iter().map(|step| step.name).collect();
        println!("not run: {}", names.join(", "));
    }
    if let Some(note) = note_on_compile_output(&passed) {
        println!("{note}");
    }
    println!(
        "{}",
        summary(passed.len(), usize::from(failed), skipped.len())
    );
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn choose(names: &[&str]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| ALL.iter().all(|step| step.name != **name))
    {
        let known: Vec<&str> = ALL.iter().map(|step| step.name).collect();
        bail!("no step `{unknown}`; there are {}", known.join(", "));
    }
    Ok(ALL
        .iter()
        .filter(|step| names.is_empty() || names.contains(&step.name))
        .collect())
}

fn summary(passed: usize, failed: usize, skipped: usize) -> String {
    let mut text = format!("steps: {passed} passed, {failed} failed");
    if skipped > 0 {
        text.push_str(&format!(", {skipped} skipped"));
    }
    text
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Compiler messages are worded anew with every release, so the tests that compare them do so under one compiler only.
fn note_on_compile_output(passed: &[(&Step, Duration)]) -> Option<String> {
    const RECORDED: &str = "tasks-web/tests/ui/RUSTC_VERSION";
    passed.iter().find(|(step, _)| step.name == "test")?;
    let Ok(recorded) = fs::read_to_string(process::root().join(RECORDED)) else {
        return Some(format!(
            "compiler messages: {RECORDED} cannot be read, so it is unknown whether they were compared"
        ));
    };
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("--version")
        .output();
    let rustc = rustc
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    let recorded = recorded.trim();
    (!is_version(&rustc, recorded)).then(|| {
        format!(
            "compiler messages: NOT compared, and those alone, because they were recorded with rustc {recorded} and this \
             is {rustc}"
        )
    })
}

/// Whether the output of `rustc --version` is of a version such as `1.95`.
fn is_version(rustc: &str, version: &str) -> bool {
    let own = rustc.split_ascii_whitespace().nth(1).unwrap_or_default();
    own.strip_prefix(version)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_parts() {
        assert!(is_version("rustc 1.95.0 (59807616e 2026-04-14)", "1.95"));
        assert!(is_version("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"));
        assert!(!is_version("rustc 1.95.0 (59807616e 2026-04-14)", "1.9"));
        assert!(!is_version("rustc 1.96.0-nightly (abc 2026-05-01)", "1.95"));
        assert!(!is_version("", "1.95"));
    }

    #[test]
    fn steps_run_in_their_own_order_and_unknown_ones_are_refused() {
        let names: Vec<&str> = choose(&["clippy", "fmt"])
            .expect("both exist")
            .iter()
            .map(|step| step.name)
            .collect();
        assert_eq!(names, ["fmt", "clippy"]);
        let error = choose(&["fmt", "fnt"])
            .err()
            .expect("there is no such step")
            .to_string();
        assert!(
            error.starts_with("no step `fnt`; there are setup, fmt"),
            "{error}"
        );
    }

    #[test]
    fn the_last_line_counts_what_was_not_run() {
        assert_eq!(summary(9, 0, 0), "steps: 9 passed, 0 failed");
        assert_eq!(summary(2, 1, 5), "steps: 2 passed, 1 failed, 5 skipped");
    }
}
