//! Clients of the Model Context Protocol, below the target directory: its conformance suite, its inspector and its libraries for
//! JavaScript from npm, its library for Python from `PyPI`.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::python;
use crate::npm;
use crate::process::{output, root, target_dir};

/// The program of the suite.
const SUITE: &str = "node_modules/@modelcontextprotocol/conformance/dist/index.js";

/// Installs them, or keeps those that are what the lists say.
pub(super) fn provide() -> Result<()> {
    let lists = root().join("tests/mcp");
    let folder = target_dir().join("mcp");
    let packages = folder.join("node");
    npm::provide(&packages, &lists)?;
    let version = output(
        Command::new(npm::node(&packages)?)
            .arg(packages.join(SUITE))
            .arg("--version")
            .stdin(Stdio::null()),
    )
    .context("the conformance suite does not run: it needs Node.js 22 or later")?;
    println!("MCP conformance suite {}", version.trim());
    let python = python::provide(
        &folder.join("python"),
        &lists.join("requirements.txt"),
        "python",
    )?;
    println!("MCP clients for {python}");
    Ok(())
}
