//! Generators of clients, below the target directory: for TypeScript from npm, for Python from `PyPI`, for Rust from crates.io.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::installed::Program;
use super::{python, version};
use crate::process::{find, output, root, run, target_dir};

/// Installs them, or keeps those that are what the lists say.
pub(super) fn provide() -> Result<()> {
    let lists = root().join("tests/generators");
    let folder = target_dir().join("generators");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let openapi_python_client = python::provide(
        &folder.join("python"),
        &lists.join("requirements.txt"),
        "openapi-python-client",
    )?;
    println!("{openapi_python_client}");
    println!("{}", typescript(&folder.join("node"), &lists)?);
    PROGENITOR.provide(&folder.join("rust"))?;
    println!("{}", PROGENITOR.shown());
    Ok(())
}

/// `cargo progenitor`.
const PROGENITOR: Program = Program {
    name: "cargo-progenitor",
    version: "0.15.1",
    // Not `--debug`: such a one makes clients of another kind, without `progenitor-client`.
    arguments: &[],
};

/// `openapi-typescript` and the compiler.
fn typescript(folder: &Path, lists: &Path) -> Result<String> {
    let program = folder.join("node_modules/.bin/openapi-typescript");
    let installed = folder.join("package-lock.json");
    let lock = fs::read(lists.join("package-lock.json"))
        .with_context(|| format!("cannot read the lists in {}", lists.display()))?;
    let done = folder.join("node_modules/installed");
    if fs::read(&done).is_ok_and(|text| text == lock)
        && let Some(version) = version(&program)
    {
        return Ok(format!("openapi-typescript {version}"));
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::copy(lists.join("package.json"), folder.join("package.json"))
        .context("cannot copy the list of packages")?;
    fs::write(&installed, &lock).context("cannot copy the list of packages")?;
    let npm = find("npm").context("npm is not installed: it comes with Node.js")?;
    run(Command::new(npm)
        .args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--loglevel=error",
        ])
        .current_dir(folder))
    .context("openapi-typescript comes from npm, as that is configured")?;
    fs::write(&done, lock).with_context(|| format!("cannot write {}", done.display()))?;
    let version =
        version(&program).with_context(|| format!("{} does not run", program.display()))?;
    Ok(format!("openapi-typescript {version}"))
}

/// A Node.js that is new enough for them, with npm.
pub(super) fn node() -> Option<String> {
    let npm = find("npm")?;
    let node = find("node")?;
    let said = output(Command::new(&node).arg("--version").stdin(Stdio::null())).ok()?;
    let major: u32 = said
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()?;
    (major >= 18).then(|| {
        format!(
            "Node.js {said} ({}), npm ({})",
            node.display(),
            npm.display()
        )
    })
}
