//! What it costs to look at a busy service.

use anyhow::Result;

use super::options::Options;
use super::report;
use crate::process::{cargo, output, run as run_command};

pub(super) fn run(options: &Options) -> Result<()> {
    let bench = ["--release", "--quiet", "--package", "bench-dashboard"];
    run_command(cargo(["build"]).args(bench))?;
    let table = output(cargo(["run"]).args(bench))?;
    report::publish("dashboard", &table, "dashboard", options.write)
}
