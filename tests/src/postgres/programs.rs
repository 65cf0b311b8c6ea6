//! Where PostgreSQL's programs are, and as whom they run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

/// Where packages put the programs that a user does not call by hand, one folder per version.
const FOLDERS: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr/libexec", ""),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
];

/// The folder that holds `initdb` and `postgres`: one of `PATH`, or that of the latest version installed.
pub(super) fn folder() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(installed())
        .find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
        .context(
            "PostgreSQL's server is not installed: `initdb` and `postgres` are neither in PATH nor in \
             /usr/lib/postgresql/*/bin. `cargo xtask test setup` installs it on Debian, as root, and elsewhere prints \
             the command that does",
        )
}

/// `/usr/lib/postgresql/15/bin`, `/usr/pgsql-17/bin` and their like, the latest first.
fn installed() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = FOLDERS
        .iter()
        .flat_map(|(parent, below)| {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            entries.filter_map(move |entry| {
                let version = version(&entry.file_name().to_string_lossy())?;
                Some((version, entry.path().join(below)))
            })
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// The version in the name of a folder.
fn version(name: &str) -> Option<u32> {
    ["postgresql@", "postgresql", "pgsql-", ""]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix)?.parse().ok())
}

/// A user of this system.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) id: u32,
    pub(super) group: u32,
}

impl User {
    /// Whom the server runs as when it cannot run as this process's user: it refuses to run as root.
    pub(super) fn instead_of_root() -> Result<Option<Self>> {
        if number(&["-u"])? != 0 {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let (Ok(id), Ok(group)) = (number(&["-u", name]), number(&["-g", name])) {
                return Ok(Some(Self { id, group }));
            }
        }
        bail!(
            "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`"
        )
    }

    pub(super) fn owns(self, path: &Path) -> Result<()> {
        std::os::unix::fs::chown(path, Some(self.id), Some(self.group))
            .with_context(|| format!("cannot give {} to the server's user", path.display()))
    }
}

/// What `id` prints.
fn number(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id")
        .args(arguments)
        .output()
        .context("cannot run id")?;
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .with_context(|| format!("`id {}` gives no number", arguments.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_names_of_folders() {
        assert_eq!(version("15"), Some(15));
        assert_eq!(version("pgsql-17"), Some(17));
        assert_eq!(version("postgresql16"), Some(16));
        assert_eq!(version("postgresql@14"), Some(14));
        assert_eq!(version("lib"), None);
        assert_eq!(version("postgresql"), None);
    }
}
