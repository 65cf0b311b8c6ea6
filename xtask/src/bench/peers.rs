//! The same routes in other frameworks. They are in a workspace of their own, so that this one's lock file knows nothing
//! of them.

use std::path::PathBuf;

use anyhow::Result;

use super::server::Server;
use crate::process::{cargo, root, run, target_dir};
use crate::setup;

/// Their programs, which are started with a port.
pub(super) const ALL: [&str; 3] = ["axum-aide", "poem-openapi", "dropshot"];

/// What they answer.
pub(super) const CASES: [&str; 4] = ["small", "text-10k", "numbers-10k", "numbers-1m"];

pub(super) fn build() -> Result<()> {
    ALL.iter().try_for_each(|name| build_one(name))
}

/// The program with other queues of background jobs.
pub(super) fn build_jobs() -> Result<PathBuf> {
    build_one("jobs")?;
    Ok(folder().join("release/peer-jobs"))
}

/// The Python that has DBOS, and the program for it.
pub(super) fn dbos() -> Result<[PathBuf; 2]> {
    let sources = root().join("benches/peers/dbos");
    let environment = folder().join("dbos");
    setup::python_environment(&environment, &sources.join("requirements.txt"))?;
    Ok([environment.join("bin/python"), sources.join("workflows.py")])
}

fn build_one(name: &str) -> Result<()> {
    let manifest = root().join("benches/peers/Cargo.toml");
    run(cargo([
        "build",
        "--release",
        "--quiet",
        "--locked",
        "--package",
        &format!("peer-{name}"),
        "--manifest-path",
    ])
    .arg(manifest)
    .env("CARGO_TARGET_DIR", folder()))
}

pub(super) fn start(prefix: &[String], name: &str) -> Result<Server> {
    let program = folder().join(format!("release/peer-{name}"));
    Server::start(prefix, &program, |port| vec![port.to_string()])
}

fn folder() -> PathBuf {
    target_dir().join("bench-peers")
}
