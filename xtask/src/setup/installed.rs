//! Programs from crates.io, each in a folder below the target directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process::{cargo, run};

/// A program of a crate, in a fixed version.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// Further arguments of `cargo install`.
    pub(super) arguments: &'static [&'static str],
}

impl Program {
    /// Name and version.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// Installs it, unless it is there. Returns its path.
    pub(super) fn provide(&self, folder: &Path) -> Result<PathBuf> {
        let program = folder.join("bin").join(self.name);
        // Written by cargo once the program is installed.
        let list = fs::read_to_string(folder.join(".crates.toml")).unwrap_or_default();
        if list.contains(&format!("{} ", self.shown())) && program.is_file() {
            return Ok(program);
        }
        let build = folder.join("build");
        run(cargo(["install", self.name, "--locked", "--quiet"])
            .args(["--version", self.version])
            .args(self.arguments)
            .arg("--root")
            .arg(folder)
            .arg("--target-dir")
            .arg(&build)
            // Nobody debugs it.
            .env("CARGO_PROFILE_DEV_DEBUG", "0"))
        .with_context(|| format!("{} comes from crates.io", self.name))?;
        // Hundreds of megabytes that nobody needs again.
        fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
        Ok(program)
    }
}
