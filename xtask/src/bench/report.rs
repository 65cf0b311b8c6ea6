//! A measurement's place in the documentation.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};

use crate::process::{output, root};

const DOCUMENTS: [&str; 2] = [
    "docs/book/src/reference/benchmarks.md",
    "docs/book/src/explanation/performance.md",
];

/// Shows a table with what it was measured on and with, and puts it between the marks of its kind in the documentation if
/// it is to be kept.
pub(super) fn publish(kind: &str, table: &str, command: &str, write: bool) -> Result<()> {
    let today = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let report = format!(
        "{}\n\n{}; {}; {}; `cargo xtask bench {command}`.",
        table.trim_end(),
        machine(),
        output(
            Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
                .arg("--version")
        )?,
        date(today.as_secs() / (24 * 60 * 60)),
    );
    println!("\n{report}");
    if !write {
        return Ok(());
    }
    for name in DOCUMENTS {
        let path = root().join(name);
        let document = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        if let Some(replaced) = replace(&document, kind, &report) {
            fs::write(&path, replaced).with_context(|| format!("cannot write {name}"))?;
            println!("written to {name}");
            return Ok(());
        }
    }
    bail!("neither {} has marks for {kind}", DOCUMENTS.join(" nor "))
}

fn replace(document: &str, kind: &str, report: &str) -> Option<String> {
    let [start, end] = ["start", "end"].map(|side| format!("<!-- bench:{kind}:{side} -->"));
    let (before, rest) = document.split_once(&start)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{start}\n{report}\n{end}{after}"))
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    // Not those that this process may use: a benchmark may have bound it to one.
    let cores = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
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
        let document = "before\n<!-- bench:a:start -->\nold\n<!-- bench:a:end -->\nafter\n";
        assert_eq!(
            replace(document, "a", "new").as_deref(),
            Some("before\n<!-- bench:a:start -->\nnew\n<!-- bench:a:end -->\nafter\n")
        );
        assert_eq!(replace(document, "b", "new"), None);
    }
}
