//! A directory whose files may be read, and nothing outside it.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use tasks_web::prelude::*;

/// How large a file may be.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The directory of the data files. Injected into the tasks that read them.
#[derive(Clone, Debug, Injectable)]
pub struct DataDir(PathBuf);

/// Why a file is not opened. Paths are shown as the client wrote them.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The path does not stay within the directory.
    #[error("`{0}` is not below the data directory: give a relative path without `..`")]
    Outside(String),
    /// There is no such file.
    #[error("there is no file `{0}` in the data directory")]
    Missing(String),
    /// It is a directory, a pipe or a device.
    #[error("`{0}` is not a file")]
    NotAFile(String),
    /// It is too large.
    #[error("`{0}` has {1} bytes, more than the {MAX_BYTES} that are read")]
    TooLarge(String, u64),
    /// The system refuses.
    #[error("`{0}` cannot be opened: {kind}", kind = .1.kind())]
    Io(String, #[source] io::Error),
}

impl DataDir {
    /// The directory at a path. It is looked at when a file is opened.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Opens a file by its path relative to the directory.
    ///
    /// # Errors
    ///
    /// When the path, or a link on it, leads out of the directory; when there is no file; when it is too large.
    pub fn open(&self, relative: &str) -> Result<File, DataDirError> {
        let name = || relative.to_owned();
        let path = Path::new(relative);
        if relative.is_empty()
            || !path
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Err(DataDirError::Outside(name()));
        }
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DataDirError::Missing(name()),
            _ => DataDirError::Io(name(), error),
        };
        let root = self.0.canonicalize().map_err(failed)?;
        // Links are followed, and then have to lead to a place within.
        let real = root.join(path).canonicalize().map_err(failed)?;
        if !real.starts_with(&root) {
            return Err(DataDirError::Outside(name()));
        }
        // Before it is opened: opening a pipe waits for somebody to write to it.
        if !real.metadata().map_err(failed)?.is_file() {
            return Err(DataDirError::NotAFile(name()));
        }
        let file = File::open(real).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if bytes > MAX_BYTES {
            return Err(DataDirError::TooLarge(name(), bytes));
        }
        Ok(file)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_within_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/a.csv"), "x").unwrap();
        symlink("sub/a.csv", dir.path().join("link.csv")).unwrap();
        let data = DataDir::new(dir.path());
        for path in ["sub/a.csv", "./sub/a.csv", "link.csv"] {
            let mut text = String::new();
            data.open(path).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "x", "{path}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("data");
        fs::create_dir(&inner).unwrap();
        fs::create_dir(inner.join("sub")).unwrap();
        fs::write(outer.path().join("secret"), "x").unwrap();
        symlink("../secret", inner.join("link")).unwrap();
        symlink("/etc", inner.join("etc")).unwrap();
        let sparse = File::create(inner.join("large")).unwrap();
        sparse.set_len(MAX_BYTES + 1).unwrap();
        let data = DataDir::new(&inner);
        let refusal = |path: &str| data.open(path).unwrap_err();
        for path in [
            "",
            "../secret",
            "/etc/passwd",
            "sub/../../secret",
            "link",
            "etc/passwd",
            "sub/..",
        ] {
            assert!(matches!(refusal(path), DataDirError::Outside(_)), "{path}");
        }
        for path in ["missing", "sub/missing", "large/x"] {
            assert!(matches!(refusal(path), DataDirError::Missing(_)), "{path}");
        }
        assert!(matches!(refusal("sub"), DataDirError::NotAFile(_)));
        assert!(matches!(refusal("large"), DataDirError::TooLarge(..)));
        // A client learns nothing of the server's paths.
        assert!(
            !refusal("missing")
                .to_string()
                .contains(outer.path().to_str().unwrap())
        );
    }
}
