//! How fast background jobs are taken, run and finished, beside other queues on the same databases.

use anyhow::Result;

use super::options::Options;
use super::{peers, report};
use crate::process::{cargo, output, run as run_command};

pub(super) fn run(options: &Options) -> Result<()> {
    let peer = peers::build_jobs()?;
    let bench = ["--release", "--quiet", "--package", "bench-jobs"];
    run_command(cargo(["build"]).args(bench))?;
    let dbos = peers::dbos()?;
    let table = output(cargo(["run"]).args(bench).arg("--").arg(peer).args(dbos))?;
    report::publish("jobs", &table, "jobs", options.write)
}
