//! What `#[task]` costs at compile time: CPU time, which other programs on the machine disturb far less than wall time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

use super::generate::{self, Variant};
use super::{Options, report};
use crate::process::{cargo, cpu_of_children, output, target_dir};

/// How often each is compiled; the best counts, since disturbances only ever add.
const ROUNDS: u32 = 3;

/// What is measured, as the user of a crate would call it, in cargo's default profiles.
const BUILDS: [&[&str]; 3] = [&["check"], &["build"], &["build", "--release"]];

/// The CPU time of compiling each crate.
pub(super) struct Measured {
    pub(super) build: String,
    pub(super) attribute: Duration,
    pub(super) control: Duration,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let folder = target_dir().join("bench-compile");
    generate::write(&folder, options.tasks)?;
    let crates = Variant::BOTH.map(|variant| Crate {
        folder: &folder,
        variant,
    });
    let mut rows = Vec::new();
    for build in BUILDS {
        let name = format!("cargo {}", build.join(" "));
        println!(
            "{name}: {} tasks, best of {ROUNDS}, after building the dependencies",
            options.tasks
        );
        let [attribute, control] = measure(&crates, build)?;
        rows.push(Measured {
            build: name,
            attribute,
            control,
        });
    }
    let report = report::render(&rows, options)?;
    println!("\n{report}");
    if options.write {
        report::write(&report)?;
    }
    Ok(())
}

/// The rounds of both crates alternate, so that a change in the machine's mood meets both.
fn measure(crates: &[Crate<'_>; 2], build: &[&str]) -> Result<[Duration; 2]> {
    let mut best = [Duration::MAX; 2];
    let mut idle = [Duration::MAX; 2];
    for one in crates {
        one.build(build)?;
    }
    for _ in 0..ROUNDS {
        for ((one, best), idle) in crates.iter().zip(&mut best).zip(&mut idle) {
            one.touch()?;
            *best = one.build(build)?.min(*best);
            // Nothing is left to compile: what this takes is cargo's own.
            *idle = one.build(build)?.min(*idle);
        }
    }
    Ok([
        best[0].saturating_sub(idle[0]),
        best[1].saturating_sub(idle[1]),
    ])
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
