//! The front end of the dashboard: types, tests, and the files that are built of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::npm;
use crate::process::{root, run, target_dir};

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
    npm::install(&folder())
}

/// Runs a script of a package.
fn script(path: &str, arguments: &[&str]) -> Result<()> {
    let folder = folder();
    run(Command::new(npm::node(&folder)?)
        .arg(folder.join("node_modules").join(path))
        .args(arguments)
        .current_dir(&folder)
        .stdin(Stdio::null()))
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
