//! Installing packages of Debian's.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::system::System;
use crate::process::{output, run};

/// Read by the package of PostgreSQL when it is installed.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.d";

pub(super) fn install(packages: &[&str], system: &System) -> Result<()> {
    println!("installing with apt-get: {}", packages.join(", "));
    run(apt().arg("update"))?;
    for package in packages {
        // On Ubuntu some of these names are absent, or empty packages that install a snap.
        let policy = output(Command::new("apt-cache").args(["policy", package]))?;
        let candidate = policy
            .lines()
            .find_map(|line| line.trim().strip_prefix("Candidate: "))
            .unwrap_or("(none)");
        if candidate == "(none)" || candidate.contains("snap") {
            bail!(
                "this system has no package {package} that apt-get could install.\n{}",
                system.instructions()
            );
        }
    }
    without_a_cluster(|| {
        run(apt()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages))
    })
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .arg("--quiet");
    command
}

/// The package of PostgreSQL makes a database of the system's and starts a server for it, unless it is told not to. Tests
/// have servers of their own. What is there already stays.
fn without_a_cluster(install: impl FnOnce() -> Result<()>) -> Result<()> {
    let folder = Path::new(CLUSTERS);
    let file = folder.join("zz-only-for-tests.conf");
    fs::create_dir_all(folder).with_context(|| format!("cannot create {CLUSTERS}"))?;
    fs::write(&file, "create_main_cluster = false\n")
        .with_context(|| format!("cannot write {}", file.display()))?;
    let installed = install();
    // Whoever wants a database of the system's later gets one.
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    installed
}
