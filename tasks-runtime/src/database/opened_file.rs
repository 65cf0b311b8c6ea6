//! Whether a path still leads to the file that was opened.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The file of a SQLite database, as it was when it was first opened.
///
/// A connection goes on working with a file that was removed or replaced: it reads and writes what nobody else can see, and
/// what is lost when it is closed. SQLite's documentation, "How To Corrupt An SQLite Database File", section 4.1, names
/// this among the ways to lose data.
#[derive(Debug)]
pub(super) struct OpenedFile {
    path: PathBuf,
    first: OnceLock<FileId>,
}

impl OpenedFile {
    pub(super) fn at(path: &str) -> Self {
        Self {
            path: path.into(),
            first: OnceLock::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was opened before. From then on, a path that leads nowhere must not be filled with a new, empty file.
    pub(super) fn is_known(&self) -> bool {
        self.first.get().is_some()
    }

    /// Remembers the file at the path, the first time; afterwards compares it.
    ///
    /// # Errors
    ///
    /// The reason why nothing should be done with the file.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let Some(now) = FileId::of(&self.path) else {
            return match self.first.get() {
                Some(_) => Err(
                    "its file was removed while it was open, so nothing that is written would be kept: put it back, or restart the \
                     service",
                ),
                // A database in memory has no file.
                None => Ok(()),
            };
        };
        if *self.first.get_or_init(|| now) == now {
            return Ok(());
        }
        Err(
            "its file was replaced by another while it was open, so nothing that is written would be kept: restart the service to \
             use the new one",
        )
    }
}

/// What tells a file from others, for as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    /// Elsewhere an open file cannot be removed.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        None
    }
}
