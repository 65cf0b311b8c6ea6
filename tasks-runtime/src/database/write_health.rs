//! Whether what is written reaches the disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use diesel::connection::InstrumentationEvent;

/// Why a database keeps nothing that is written, and since when: see
/// [`Database::write_failure`](super::Database::write_failure).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteFailure {
    /// When a write failed for the first time.
    pub since: SystemTime,
    /// Why, in words for everybody: `the disk is full`.
    pub reason: &'static str,
}

/// What the last write that failed for want of space or permission said. Told by the connections that write.
#[derive(Debug, Default)]
pub(super) struct WriteHealth {
    failing: AtomicBool,
    failure: Mutex<Option<WriteFailure>>,
}

impl WriteHealth {
    /// Looks at what a connection tells of a statement. Costs nothing to speak of when the statement succeeded.
    pub(super) fn observe(&self, event: &InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery {
            error: Some(error), ..
        } = event
            && let Some(refusal) = Refusal::of(error)
        {
            self.failed(refusal);
        }
    }

    #[cold]
    fn failed(&self, refusal: Refusal) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let since = failure.map_or_else(SystemTime::now, |failure| failure.since);
        *failure = Some(WriteFailure {
            since,
            reason: refusal.reason(),
        });
        self.failing.store(true, Ordering::Release);
    }

    pub(super) fn failure(&self) -> Option<WriteFailure> {
        if !self.failing.load(Ordering::Acquire) {
            return None;
        }
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn recovered(&self) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.failing.store(false, Ordering::Release);
    }
}

/// A write that was refused, although nothing is wrong with the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Full,
    ReadOnly,
    Disk,
}

impl Refusal {
    /// diesel has kinds for few of them, so the words count: SQLite's own (`sqlite3_errstr`), and PostgreSQL's, which quotes
    /// the operating system.
    pub(super) fn of(error: &diesel::result::Error) -> Option<Self> {
        use diesel::result::{DatabaseErrorKind, Error};
        let Error::DatabaseError(kind, information) = error else {
            return None;
        };
        if matches!(kind, DatabaseErrorKind::ReadOnlyTransaction) {
            return Some(Self::ReadOnly);
        }
        match information.message() {
            "database or disk is full" => Some(Self::Full),
            "attempt to write a readonly database" => Some(Self::ReadOnly),
            "disk I/O error" | "unable to open database file" => Some(Self::Disk),
            text if text.contains("No space left on device") => Some(Self::Full),
            text if text.contains("Read-only file system") => Some(Self::ReadOnly),
            _ => None,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Full => "the disk is full",
            Self::ReadOnly => "the database is read-only",
            Self::Disk => "the disk fails",
        }
    }
}
