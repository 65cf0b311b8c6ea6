//! What `#[task]` costs at compile time: CPU time, which other programs on the machine disturb far less than wall time.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

use super::generate::{self, Variant};
use super::options::Options;
use super::report;
use crate::process::{cargo, cpu_of_children, output, target_dir};

/// How often each is compiled; the best counts, since disturbances only ever add.
const ROUNDS: u32 = 3;

/// What is measured, as the user of a crate would call it, in cargo's default profiles.
const BUILDS: [&[&str]; 3] = [&["check"], &["build"], &["build", "--release"]];

/// How many tasks the crates have, unless told: the cost of one must not grow with their number.
const SIZES: [u32; 3] = [10, 100, 1_000];

pub(super) fn run(options: &Options) -> Result<()> {
    let sizes = options
        .tasks
        .map_or_else(|| SIZES.to_vec(), |tasks| vec![tasks]);
    let mut table = String::from("| | tasks |");
    for variant in Variant::ALL {
        let _ = write!(table, " {} |", variant.about());
    }
    table.push_str("\n| --- | ---: |");
    table.push_str(&" ---: |".repeat(Variant::ALL.len()));
    table.push('\n');
    for build in BUILDS {
        for &tasks in &sizes {
            let name = format!("cargo {}", build.join(" "));
            println!("{name}: {tasks} tasks");
            let folder = target_dir().join("bench-compile");
            generate::write(&folder, tasks)?;
            let times = measure(&folder, build, tasks)?;
            // Writing to a string cannot fail.
            let _ = write!(table, "| `{name}` | {tasks} |");
            for time in times {
                let _ = write!(
                    table,
                    " {:.2} |",
                    time.as_secs_f64() * 1000.0 / f64::from(tasks)
                );
            }
            table.push('\n');
        }
    }
    table.push_str(
        "\nms of CPU (user and system) per function of four parameters, compiling a library of nothing else without \
         incremental compilation, less what cargo takes to find nothing to do. The derived struct is what one would write by \
         hand: `Deserialize` and `JsonSchema` for the arguments, and a function that decodes them, calls and serializes.",
    );
    report::publish("compile", &table, "compile", options.write)
}

/// The rounds of all crates alternate, so that a change in the machine's mood meets each.
fn measure(folder: &Path, build: &[&str], tasks: u32) -> Result<[Duration; Variant::ALL.len()]> {
    let crates = Variant::ALL.map(|variant| Crate { folder, variant });
    let mut best = [Duration::MAX; Variant::ALL.len()];
    let mut idle = best;
    for one in &crates {
        one.build(build)?;
    }
    // A long measurement is disturbed less.
    let rounds = if tasks < 1_000 { ROUNDS } else { 1 };
    for _ in 0..rounds {
        for ((one, best), idle) in crates.iter().zip(&mut best).zip(&mut idle) {
            one.touch()?;
            *best = one.build(build)?.min(*best);
            // Nothing is left to compile: what this takes is cargo's own.
            *idle = one.build(build)?.min(*idle);
        }
    }
    let mut index = 0;
    Ok(best.map(|best| {
        index += 1;
        best.saturating_sub(idle[index - 1])
    }))
}

struct Crate<'a> {
    folder: &'a Path,
    variant: Variant,
}

impl Crate<'_> {
    fn source(&self) -> PathBuf {
        self.folder.join(self.variant.name()).join("src/lib.rs")
    }

    fn touch(&self) -> Result<()> {
        let source = self.source();
        let file = File::options().append(true).open(&source);
        file.and_then(|file| file.set_modified(SystemTime::now()))
            .with_context(|| format!("cannot touch {}", source.display()))
    }

    /// The CPU time of one run of cargo with all it starts.
    fn build(&self, build: &[&str]) -> Result<Duration> {
        let before = cpu_of_children()?;
        let mut command: Command = cargo(build);
        command
            .args(["--quiet", "-p", self.variant.name()])
            .current_dir(self.folder)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("CARGO_INCREMENTAL", "0")
            // A compiler cache would answer from its own process, or from its memory.
            .env("RUSTC_WRAPPER", "");
        output(&mut command)?;
        Ok(cpu_of_children()?.saturating_sub(before))
    }
}
