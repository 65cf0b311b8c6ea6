//! Generators of clients, below the target directory: for TypeScript from npm, for Python from `PyPI`, for Rust from crates.io.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::installed::Program;
use super::{python, version};
use crate::npm;
use crate::process::{find, output, root, target_dir};

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
    npm::provide(folder, lists)?;
    let program = folder.join("node_modules/.bin/openapi-typescript");
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
