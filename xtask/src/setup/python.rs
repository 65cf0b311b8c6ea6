//! Programs of Python's, each in a virtual environment below the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::version;
use crate::process::{find, output, run};

/// Fails where a virtual environment could not be made.
const PROBE: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";

/// Makes the environment of a program, or keeps one that has what the list says. Tells its version.
pub(super) fn provide(folder: &Path, list: &Path, program: &str) -> Result<String> {
    let wanted =
        fs::read_to_string(list).with_context(|| format!("cannot read {}", list.display()))?;
    let path = folder.join("bin").join(program);
    // Written once everything is installed.
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted)
        && let Some(version) = version(&path)
    {
        return Ok(version);
    }
    let python = python().context("Python 3.10 or later with venv is not installed")?;
    run(Command::new(python)
        .args(["-m", "venv", "--clear"])
        .arg(folder))?;
    run(Command::new(folder.join("bin/python"))
        .args(["-m", "pip", "--disable-pip-version-check", "--quiet"])
        .args(["install", "--requirement"])
        .arg(list))
    .with_context(|| format!("{program} comes from PyPI, by pip and as that is configured"))?;
    fs::write(&installed, wanted)
        .with_context(|| format!("cannot write {}", installed.display()))?;
    version(&path).with_context(|| format!("{} does not run", path.display()))
}

/// A Python that can make virtual environments: that of `PATH`, or the system's own.
pub(super) fn python() -> Option<PathBuf> {
    let system = Path::new("/usr/bin/python3");
    find("python3")
        .into_iter()
        .chain([system.to_owned()])
        .find(|python| {
            let mut probe = Command::new(python);
            output(probe.args(["-c", PROBE]).stdin(Stdio::null())).is_ok()
        })
}
