//! The table of a measurement, and its place in the documentation.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

use super::Options;
use super::compile::Measured;
use crate::process::{output, root};

const DOCUMENT: &str = "docs/benchmarks.md";
const START: &str = "<!-- bench:compile:start -->";
const END: &str = "<!-- bench:compile:end -->";

/// Markdown: the table, then what it was measured on and with.
pub(super) fn render(rows: &[Measured], options: &Options) -> Result<String> {
    let mut text = String::from(
        "| ms of CPU per task | with `#[task]` | without | difference |\n| --- | ---: | ---: | ---: |\n",
    );
    let per_task = |duration: Duration| duration.as_secs_f64() * 1000.0 / f64::from(options.tasks);
    for Measured {
        build,
        attribute,
        control,
    } in rows
    {
        let (attribute, control) = (per_task(*attribute), per_task(*control));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{build}` | {attribute:.2} | {control:.2} | {difference:.2} |",
            difference = attribute - control
        );
    }
    let today = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let _ = write!(
        text,
        "\n{tasks} async functions of four parameters in one library, CPU time (user and system) of compiling that \
         library alone without incremental compilation, less what cargo takes to find nothing to do.\n\n\
         {machine}; {rustc}; {date}; `cargo xtask bench compile --tasks {tasks}`.\n",
        tasks = options.tasks,
        machine = machine(),
        rustc = output(
            Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
                .arg("--version")
        )?,
        date = date(today.as_secs() / (24 * 60 * 60)),
    );
    Ok(text)
}

/// Replaces what the document has between the two marks.
pub(super) fn write(report: &str) -> Result<()> {
    let path = root().join(DOCUMENT);
    let document = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let replaced = replace(&document, report)
        .with_context(|| format!("{DOCUMENT} has no lines {START} and {END}"))?;
    fs::write(&path, replaced).with_context(|| format!("cannot write {DOCUMENT}"))?;
    println!("written to {DOCUMENT}");
    Ok(())
}

fn replace(document: &str, report: &str) -> Option<String> {
    let (before, rest) = document.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{START}\n{}\n{END}{after}",
        report.trim_end()
    ))
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{model}, {cores} cores")
}

/// The date of a day counted from 1970-01-01, in the Gregorian calendar.
fn date(mut days: u64) -> String {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11016, "2000-02-29"),
            (20779, "2026-11-22"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let document = format!("a\n{START}\nold\nolder\n{END}\nb\n");
        let once = replace(&document, "new\n").expect("it has both marks");
        assert_eq!(once, format!("a\n{START}\nnew\n{END}\nb\n"));
        assert_eq!(replace(&once, "new\n"), Some(once.clone()));
        assert_eq!(replace("no marks", "new"), None);
    }
}
