//! Says of a database that cannot be opened that its disk is full: SQLite calls that an I/O error, or a file that cannot be opened.

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::error::DatabaseError;
use super::handle::{Database, Pools};

/// As much as SQLite needs to begin: the index of its log, and some pages.
const NEEDED: usize = 64 * 1024;

impl Database {
    /// The error of a start, with the words for it when the disk is full.
    pub(super) fn error_of_start(&self, error: DatabaseError) -> DatabaseError {
        let folder = match &self.shared.pools {
            Pools::Sqlite(pools) => folder_of(&pools.path()),
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => return error,
        };
        let said = error.to_string();
        let may_be_full = [
            "disk I/O error",
            "disk is full",
            "unable to open database file",
        ];
        if !may_be_full.iter().any(|text| said.contains(text)) || !is_full(&folder) {
            return error;
        }
        DatabaseError::Unavailable {
            backend: self.backend(),
            url: self.url().to_owned(),
            reason: format!(
                "the disk of `{}` is full: SQLite needs some space beside its file even to read it; make room on that disk, and start again",
                folder.display()
            ),
        }
    }
}

fn folder_of(file: &str) -> PathBuf {
    match Path::new(file).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Tries: that holds for quotas, too.
fn is_full(folder: &Path) -> bool {
    let written = || -> io::Result<()> {
        let mut probe = tempfile::NamedTempFile::new_in(folder)?;
        probe.write_all(&[0x2e; NEEDED])?;
        probe.as_file().sync_all()
    };
    written().is_err_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        )
    })
}
