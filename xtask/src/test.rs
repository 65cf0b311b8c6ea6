//! `cargo xtask test`: the steps one after the other, the time each took, and a summary as the last line.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::compiler;
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
    if let Some(note) = note(&passed) {
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

/// Whether what a compiler says was compared by the steps that do.
fn note(passed: &[(&Step, Duration)]) -> Option<String> {
    let compare = |name: &str| ["test", "api"].contains(&name);
    passed.iter().find(|(step, _)| compare(step.name))?;
    compiler::note()
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

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
