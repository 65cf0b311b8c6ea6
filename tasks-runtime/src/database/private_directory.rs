//! The directory of a database that is gone with its process.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

/// Where files are in memory.
const MEMORY: &str = "/dev/shm";
const PREFIX: &str = "tasks-";
/// Locked for as long as the process lives that the directory belongs to.
const LOCK: &str = "memory.lock";

/// A directory that is removed when this is dropped; when its process is killed, by the next process that makes one in the same place.
#[derive(Debug)]
pub(super) struct PrivateDirectory {
    directory: TempDir,
    /// The system unlocks it when the process ends, however that comes about.
    _lock: File,
}

impl PrivateDirectory {
    /// In memory, where there is a file system of that kind.
    pub(super) fn new() -> io::Result<Self> {
        static SWEPT: Once = Once::new();
        let made = Self::in_folder(Path::new(MEMORY))
            .or_else(|_| Self::in_folder(&std::env::temp_dir()))?;
        if let Some(folder) = made.directory.path().parent() {
            SWEPT.call_once(|| made.remove_others(folder));
        }
        Ok(made)
    }

    fn in_folder(folder: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder)?;
        // It has its name once it is locked: nobody finds it unlocked while this process lives.
        let (unlocked, locked) = (directory.path().join("new.lock"), lock_of(directory.path()));
        let lock = File::create_new(&unlocked)?;
        lock.lock()?;
        fs::rename(unlocked, locked)?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes the directories of processes that were killed. What has no lock, or is somebody else's, stays.
    fn remove_others(&self, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_one = entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with(PREFIX));
            let path = entry.path();
            if !is_one || !self.has_same_owner(&path) {
                continue;
            }
            let Ok(lock) = File::open(lock_of(&path)) else {
                continue;
            };
            match lock.try_lock() {
                Ok(()) => match fs::remove_dir_all(&path) {
                    Ok(()) => tracing::info!(
                        directory = %path.display(),
                        "the private database of a process that was killed was removed"
                    ),
                    Err(error) => tracing::debug!(%error, directory = %path.display(), "it stays"),
                },
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
            }
        }
    }

    #[cfg(unix)]
    fn has_same_owner(&self, other: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        // Not where a link leads to.
        let owner = |path: &Path| {
            let metadata = fs::symlink_metadata(path).ok()?;
            metadata.is_dir().then(|| metadata.uid())
        };
        let own = owner(self.path());
        own.is_some() && own == owner(other)
    }

    #[cfg(not(unix))]
    fn has_same_owner(&self, _: &Path) -> bool {
        // The folder for temporary files is that of one user.
        true
    }
}

fn lock_of(directory: &Path) -> PathBuf {
    directory.join(LOCK)
}
