//! How a database differs from the one that was opened.

use std::fmt;

/// How a database differs from the one that was opened, in [`DatabaseError::Changed`](super::DatabaseError::Changed). Shown, it is a sentence
/// that names what is wrong and the remedy, and has no path and no URL in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseChange {
    /// The file of a SQLite database was removed or renamed.
    FileRemoved,
    /// Another file is in the place of the file of a SQLite database.
    FileReplaced,
    /// The write-ahead log of a SQLite database, or the index of that log, was removed or replaced.
    LogReplaced,
    /// A table of this crate is missing; its name.
    TableMissing(&'static str),
    /// The tables are there, and are not those of the database that was opened: its identity is not in `tasks_identities`.
    OtherContent,
    /// The PostgreSQL server that answers is a former primary: another one, whose timeline is later, has taken its place.
    FormerPrimary,
}

impl fmt::Display for DatabaseChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileRemoved => {
                "its file was removed while it was open, so nothing that is written would be kept: put it back, or restart the service"
            }
            Self::FileReplaced => {
                "its file was replaced by another while it was open, so nothing that is written would be kept: restart the service to \
                 use the new one"
            }
            Self::LogReplaced => {
                "the files beside it (`-wal` or `-shm`) were removed or replaced while it was open, so what is written could be lost: stop \
                 the service, which writes what it has into the database, and start it again"
            }
            Self::TableMissing(table) => {
                return write!(
                    f,
                    "its table `{table}` is missing: restore the database from a backup; if its data is not needed, empty it and restart the \
                     service, which creates the tables"
                );
            }
            Self::OtherContent => {
                "its content is not that of the database that was opened (its row in `tasks_identities` is missing): restore the database from \
                 a backup, or restart the service to use what is there now"
            }
            Self::FormerPrimary => {
                "the PostgreSQL server that answers is a former primary, and another one has taken its place, so what is written to it could be \
                 lost: stop it, or make it a standby; if it is to be used all the same, restart the service"
            }
        })
    }
}

/// The tables of this crate, except for the record of its migrations, each with the first column of its primary key.
pub(super) const TABLES: [(&str, &str); 7] = [
    ("tasks_artifacts", "id"),
    ("tasks_declarations", "id"),
    ("tasks_identities", "id"),
    ("tasks_job_logs", "job_id"),
    ("tasks_jobs", "id"),
    ("tasks_schedules", "name"),
    ("tasks_workers", "id"),
];

impl DatabaseChange {
    /// The table that a database says is missing, if it is one of this crate: diesel has no kind for that, so the words count.
    pub(super) fn of(error: &diesel::result::Error) -> Option<Self> {
        let diesel::result::Error::DatabaseError(_, information) = error else {
            return None;
        };
        let message = information.message();
        let name = match message.strip_prefix("no such table: ") {
            Some(name) => name,
            None => message
                .strip_prefix("relation \"")?
                .strip_suffix("\" does not exist")?,
        };
        let (table, _) = TABLES.into_iter().find(|(table, _)| *table == name)?;
        Some(Self::TableMissing(table))
    }
}
