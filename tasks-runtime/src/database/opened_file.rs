//! Whether a path still leads to the file that was opened.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::change::DatabaseChange;
use super::url::SqliteMode;
use crate::file_id::FileId;

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

    /// Refuses a file that is missing and is not to be created, and a log without its database: a new database would take it for its own, and what
    /// is in it would be lost.
    ///
    /// # Errors
    ///
    /// The reason.
    pub(super) fn check_new(&self, mode: SqliteMode) -> Result<(), String> {
        self.check_missing(mode)?;
        let log = side_file(&resolved(&self.path), LOG);
        let has_log = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
        if !has_log || self.path.exists() {
            return Ok(());
        }
        let (log, path) = (log.display(), self.path.display());
        Err(format!(
            "there is a write-ahead log, `{log}`, and no database `{path}` that it is of: put the database back; or move the log away, if \
             what is in it is not needed"
        ))
    }

    /// Refuses a file that is missing, if nothing would create it.
    fn check_missing(&self, mode: SqliteMode) -> Result<(), String> {
        let is_missing = |path: &Path| {
            let error = path.metadata().err();
            error.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        };
        if !is_missing(&self.path) {
            return Ok(());
        }
        if let Some(folder) = self.path.parent()
            && !folder.as_os_str().is_empty()
            && is_missing(folder)
        {
            return Err(format!(
                "the folder `{}` does not exist: create it, or check the path",
                folder.display()
            ));
        }
        match mode {
            SqliteMode::Create => Ok(()),
            SqliteMode::Existing => Err(
                "there is no such file, and `mode=rw` does not create it: check the path, or use `mode=rwc`".to_owned(),
            ),
            SqliteMode::ReadOnly => Err(
                "there is no such file, and `mode=ro` does not create it: check the path".to_owned(),
            ),
        }
    }

    /// Whether it was opened before. From then on, a path that leads nowhere must not be filled with a new, empty file.
    pub(super) fn is_known(&self) -> bool {
        self.first.get().is_some()
    }

    /// Compares the file at the path, if one was opened.
    ///
    /// # Errors
    ///
    /// How it differs.
    pub(super) fn check_known(&self) -> Result<(), DatabaseChange> {
        if self.is_known() {
            self.check()
        } else {
            Ok(())
        }
    }

    /// Remembers the file at the path, the first time; afterwards compares it.
    ///
    /// # Errors
    ///
    /// The reason why nothing should be done with the file.
    pub(super) fn check(&self) -> Result<(), DatabaseChange> {
        let Some(now) = FileId::of(&self.path) else {
            return match self.first.get() {
                Some(_) => Err(DatabaseChange::FileRemoved),
                // A database in memory has no file.
                None => Ok(()),
            };
        };
        if *self.first.get_or_init(|| now) == now {
            return Ok(());
        }
        Err(DatabaseChange::FileReplaced)
    }
}

/// The end of the name of the write-ahead log.
const LOG: &str = "-wal";
/// The end of the name of the index of that log, which processes share.
const INDEX: &str = "-shm";

/// Where symbolic links lead, whether something is there or not: SQLite has its other files beside the file itself.
fn resolved(path: &Path) -> PathBuf {
    /// As many as the kernel follows.
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = std::fs::read_link(&path) else {
            break;
        };
        // An absolute one takes the place of the whole path.
        path = match path.parent() {
            Some(folder) => folder.join(target),
            None => target,
        };
    }
    path
}

fn side_file(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The files beside that of the database, as one connection found them. While it is open nobody removes them but by mistake: SQLite does so
/// only when the last connection is closed.
#[derive(Debug, Default)]
pub(super) struct SideFiles {
    log: OnceLock<FileId>,
    index: OnceLock<FileId>,
}

impl SideFiles {
    /// Remembers the files, the first time that they are there; afterwards compares them.
    ///
    /// # Errors
    ///
    /// The reason why nothing should be done with the database.
    pub(super) fn check(&self, path: &Path) -> Result<(), DatabaseChange> {
        let path = resolved(path);
        for (first, end) in [(&self.log, LOG), (&self.index, INDEX)] {
            match (first.get(), FileId::of(&side_file(&path, end))) {
                (None, None) => {}
                (None, Some(now)) => {
                    let _ = first.set(now);
                }
                (Some(first), Some(now)) if *first == now => {}
                (Some(_), _) => {
                    return Err(DatabaseChange::LogReplaced);
                }
            }
        }
        Ok(())
    }
}
