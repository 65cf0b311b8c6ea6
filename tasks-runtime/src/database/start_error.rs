//! Says why a SQLite database cannot be opened: SQLite has an I/O error, or a file that cannot be opened, for a disk that is full, a folder in
//! which nothing can be written, and others.

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::error::DatabaseError;
use super::handle::{Database, Pools};

/// As much as SQLite needs to begin: the index of its log, and some pages.
const NEEDED: usize = 64 * 1024;

impl Database {
    /// The error of a start, with the words for it when its cause can be found.
    pub(super) fn error_of_start(&self, error: DatabaseError) -> DatabaseError {
        let (file, read_only) = match &self.shared.pools {
            Pools::Sqlite(pools) => (PathBuf::from(pools.path()), pools.is_read_only()),
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => return error,
        };
        let said = error.to_string();
        let may_be_found = [
            "disk I/O error",
            "disk is full",
            "unable to open database file",
            "attempt to write a readonly database",
        ];
        if !may_be_found.iter().any(|text| said.contains(text)) {
            return error;
        }
        match reason_of(&file, read_only) {
            Some(reason) => DatabaseError::Unavailable {
                backend: self.backend(),
                url: self.url().to_owned(),
                reason,
            },
            None => error,
        }
    }
}

fn reason_of(file: &Path, read_only: bool) -> Option<String> {
    if file.is_dir() {
        return Some(format!(
            "`{}` is a folder: name a file in it, such as `app.db`",
            file.display()
        ));
    }
    // Never opened here: to close it would release SQLite's locks of other connections of this process.
    #[cfg(unix)]
    if let Err(error) = rustix::fs::access(file, rustix::fs::Access::READ_OK)
        && error != rustix::io::Errno::NOENT
    {
        let error = io::Error::from(error);
        return Some(format!(
            "the file cannot be read ({error}): let the user of this process read and write it"
        ));
    }
    let folder = folder_of(file);
    let error = written(&folder).err()?;
    Some(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!(
            "the disk of `{}` is full: SQLite needs some space beside its file even to read it; make room on that disk, and start again",
            folder.display()
        ),
        _ if read_only => format!(
            "nothing can be written in the folder `{}` ({error}), and SQLite needs its log beside the file even to read it: open a copy that \
             has no log, as `VACUUM INTO` makes it, or let this process write in that folder",
            folder.display()
        ),
        _ => format!(
            "nothing can be written in the folder `{}` ({error}), and SQLite has its log beside the file: let the user of this process write \
             in that folder, or use another one",
            folder.display()
        ),
    })
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Writes a file and removes it: that finds quotas, too.
fn written(folder: &Path) -> io::Result<()> {
    let mut probe = tempfile::NamedTempFile::new_in(folder)?;
    probe.write_all(&[0x2e; NEEDED])?;
    probe.as_file().sync_all()
}
