//! Crates as users write them, outside of this workspace and without what it turns on.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::build::Layout;

/// A workspace of generated crates, built beside the workspace of the tests.
///
/// It stays where it is, in the target directory, so that a later run builds only what has changed.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    layout: Layout,
}

impl Workspace {
    /// An empty workspace with the dependencies' versions of this one. `crates` are the names of its members.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(name: &str, crates: &[&str]) -> Result<Self> {
        let layout = Layout::of_this_test()?;
        let workspace = Self {
            folder: layout.target_dir.join("tasks-tests").join(name),
            layout,
        };
        // The profile is that of this workspace: what both of them depend on is built once.
        let manifest = format!(
            "[workspace]\nresolver = \"3\"\nmembers = {crates:?}\n\n[profile.dev]\ndebug = \"line-tables-only\"\n\n[profile.dev.package]\nlibsqlite3-sys = {{ opt-level = 3 }}\nsha2 = {{ opt-level = 3 }}\n"
        );
        workspace.write("Cargo.toml", &manifest)?;
        let lock = fs::read_to_string(root().join("Cargo.lock")).context("no Cargo.lock")?;
        // Cargo adds the generated crates to it and drops what none of them needs.
        fs::write(workspace.folder.join("Cargo.lock"), lock)?;
        Ok(workspace)
    }

    /// Adds a crate. In its dependencies, `{root}` is the folder of this workspace.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn add(&self, name: &str, dependencies: &str, file: &str, code: &str) -> Result<()> {
        self.add_in_edition("2024", name, dependencies, file, code)
    }

    /// The same, in an edition of the language.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn add_in_edition(
        &self,
        edition: &str,
        name: &str,
        dependencies: &str,
        file: &str,
        code: &str,
    ) -> Result<()> {
        let root = root().display().to_string();
        let dependencies = dependencies.replace("{root}", &root);
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n[dependencies]\n{dependencies}\n"
        );
        self.write(&format!("{name}/Cargo.toml"), &manifest)?;
        self.write(&format!("{name}/src/{file}"), code)
    }

    /// Runs cargo in the workspace and returns what it, or the program it started, printed.
    ///
    /// # Errors
    ///
    /// When it fails; the message is what it said.
    pub fn cargo(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.folder)
            .args(arguments)
            .args(["--offline", "--quiet", "--target-dir"])
            .arg(&self.layout.target_dir);
        let output = command.output().context("cannot run cargo")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("cargo {}: {}\n{stderr}", arguments.join(" "), output.status);
        }
        if stderr.contains("warning") {
            bail!("cargo {}: warnings\n{stderr}", arguments.join(" "));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The path of a program that [`cargo`](Self::cargo) has built.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.layout.target_dir.join("debug").join(name)
    }

    /// Writes a file of the workspace. One that already is what it should be is left alone: cargo looks at the time it was written.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.folder.join(path);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The folder of this workspace.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
