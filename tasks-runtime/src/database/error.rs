//! What can go wrong with a database.

use std::error::Error;
use std::time::Duration;

use super::backend::Backend;
use super::change::DatabaseChange;
use super::write_health::Refusal;

/// Why a closure may have waited for an answer, and what to do about it.
const WAITED: &str = "a statement waited for an answer of the database. If another transaction has locked what it needs, which `pg_locks` \
                      and `pg_stat_activity` show, end that one; if the statement is slow, make it faster";

/// Why something did not happen in the database. Never holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The URL or a setting is wrong.
    #[error("{0}")]
    Configuration(String),
    /// There is no connection to be had.
    #[error("{backend} at {url} cannot be reached: {reason}")]
    Unavailable {
        /// Which database.
        backend: Backend,
        /// Where; without the password.
        url: String,
        /// What the driver says.
        reason: String,
    },
    /// The database is not as it was when it was opened, so nothing was done. It is used again as soon as it is as before.
    #[error("the database is not the one that was opened: {0}")]
    Changed(DatabaseChange),
    /// All connections are lent, and none came back in time.
    #[error(
        "no connection was free within {waited:?}: all {size} are lent; keep closures short, or raise `max_connections`"
    )]
    Busy {
        /// How long it was waited for.
        waited: Duration,
        /// How many there are.
        size: usize,
    },
    /// Two other searches, for a text or for artifacts with a tag, were being made for 5 seconds.
    #[error("too many searches are made at once: ask again later")]
    TooManySearches,
    /// A transaction was asked for inside of another one.
    #[error(
        "a transaction of this database is open already: a second one would wait for the first for ever. Use the one that \
         is there: pass it on as `tx`, and call managers with `.within(&mut tx)`"
    )]
    NestedTransaction,
    /// A closure kept its connection for too long, and what it did was undone.
    #[error(
        "the {what} was ended after {limit:?}, and nothing of it is kept: {}, or raise `{setting}`",
        if *.waited { WAITED } else { "do slow work outside of the closure" }
    )]
    TransactionTimeout {
        /// `transaction` or `read`.
        what: &'static str,
        /// How long it may take.
        limit: Duration,
        /// How that is set on the builder.
        setting: &'static str,
        /// Whether a statement waited for the answer of PostgreSQL when the time was up: for a lock of another transaction, say.
        waited: bool,
    },
    /// PostgreSQL did not answer when a transaction was to be kept. It may have kept it, or not.
    #[error(
        "PostgreSQL has not answered COMMIT within {limit:?} (`statement_timeout`), so it is not known whether the transaction was kept: see whether the server, or \
         a standby that it waits for, is out of reach"
    )]
    CommitTimeout {
        /// How long it was waited for: `statement_timeout`.
        limit: Duration,
    },
    /// Another program kept the file of SQLite locked, so nothing was begun.
    #[error(
        "the database was locked by another program for {waited:?}, and nothing was done: find out who else has the file \
         open, and have it keep its transactions short"
    )]
    Locked {
        /// How long it was waited for.
        waited: Duration,
    },
    /// A statement ran for too long, and the closure was ended.
    #[error("a statement took longer than {limit:?}, which `statement_timeout` sets")]
    StatementTimeout {
        /// How long it may take.
        limit: Duration,
    },
    /// The tables could not be brought up to date.
    #[error("migration {name} failed: {reason}")]
    Migration {
        /// Which one.
        name: String,
        /// What the database says.
        reason: String,
    },
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// Something that was called inside of a transaction failed for a reason of its own: a job that cannot be submitted, an
    /// artifact that is not there.
    #[error(transparent)]
    Closure(Box<dyn Error + Send + Sync>),
    /// The database refused a statement.
    #[error(transparent)]
    Query(diesel::result::Error),
}

impl From<diesel::result::Error> for DatabaseError {
    fn from(error: diesel::result::Error) -> Self {
        match error {
            // Ours, on its way through a closure that returns diesel's errors.
            diesel::result::Error::QueryBuilderError(inner) => match inner.downcast() {
                Ok(ours) => *ours,
                Err(inner) => Self::Query(diesel::result::Error::QueryBuilderError(inner)),
            },
            error => match DatabaseChange::of(&error) {
                Some(change) => Self::Changed(change),
                None => Self::Query(error),
            },
        }
    }
}

impl DatabaseError {
    /// Whether the same may succeed later: the database is away, busy, not the one that was opened, or was interrupted.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::Changed(_)
            | Self::Busy { .. }
            | Self::TransactionTimeout { .. }
            | Self::CommitTimeout { .. }
            | Self::Locked { .. }
            | Self::StatementTimeout { .. } => true,
            Self::Query(error) => is_temporary(error),
            _ => false,
        }
    }

    /// Whether somebody else has SQLite's lock.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self, Self::Query(error) if is_locked(error))
    }

    /// Whether a statement waited longer for a lock than `lock_timeout` of its transaction allows.
    pub(crate) fn is_lock_timeout(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Self::Query(error) => super::postgres::failure::is_lock_timeout(error),
            _ => false,
        }
    }

    /// Whether there is no space left for what was to be written.
    #[must_use]
    pub fn is_storage_full(&self) -> bool {
        self.refusal() == Some(Refusal::Full)
    }

    /// Whether the database takes no writes at all: it is read-only, or its disk fails.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self.refusal(), Some(Refusal::ReadOnly | Refusal::Disk))
    }

    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Query(error) => Refusal::of(error),
            _ => None,
        }
    }

    /// Whether the error is that of a key that exists already.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        use diesel::result::DatabaseErrorKind::UniqueViolation;
        use diesel::result::Error::DatabaseError;
        matches!(self, Self::Query(DatabaseError(UniqueViolation, _)))
    }
}

fn is_temporary(error: &diesel::result::Error) -> bool {
    use diesel::result::DatabaseErrorKind::{
        ClosedConnection, SerializationFailure, UnableToSendCommand,
    };
    use diesel::result::Error::DatabaseError;
    match error {
        DatabaseError(ClosedConnection | SerializationFailure | UnableToSendCommand, _) => true,
        // The next statement is not prepared.
        #[cfg(feature = "postgres")]
        error
            if super::postgres::failure::is_missing_statement(error)
                || super::postgres::failure::is_server_away(error) =>
        {
            true
        }
        error => is_locked(error),
    }
}

/// diesel has no kind for `SQLITE_BUSY`.
fn is_locked(error: &diesel::result::Error) -> bool {
    match error {
        diesel::result::Error::DatabaseError(_, information) => matches!(
            information.message(),
            "database is locked" | "database table is locked"
        ),
        _ => false,
    }
}

/// So that a closure may return what diesel returns.
impl From<DatabaseError> for diesel::result::Error {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Query(error) => error,
            other => Self::QueryBuilderError(Box::new(other)),
        }
    }
}
