//! The audit log of a database.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use super::entry::{AuditEntry, AuditFilter, AuditId, NewAuditEntry};
use super::rows;
use crate::database::{Database, DatabaseError, Session};

/// How long entries are kept unless something else is said.
const RETENTION: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How often old entries are looked for, in seconds.
const PRUNE_EVERY: i64 = 3600;
/// Who has changed what: a table of a database. Cheap to clone.
///
/// ```
/// use tasks_runtime::audit::{AuditFilter, AuditLog, NewAuditEntry};
/// use tasks_runtime::Database;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let database = Database::sqlite_in_memory().connect().await?;
/// let log = AuditLog::new(&database);
/// log.record(NewAuditEntry {
///     key: Some("ops".to_owned()),
///     address: "192.0.2.1".to_owned(),
///     operation: "cancel_job".to_owned(),
///     path: "/api/v1/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/$cancel".to_owned(),
///     status: 200,
///     request_id: None,
/// })
/// .await?;
/// let newest = log.list(&AuditFilter::default(), 10).await?;
/// assert_eq!(newest[0].key.as_deref(), Some("ops"));
/// # Ok::<(), tasks_runtime::DatabaseError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct AuditLog {
    session: Session,
    retention: Option<Duration>,
    /// When old entries were looked for last, in seconds since 1970.
    pruned: Arc<AtomicI64>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog")
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

impl AuditLog {
    /// The audit log of a database. Entries are kept for 90 days.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self {
            session: database.session(),
            retention: Some(RETENTION),
            pruned: Arc::default(),
        }
    }

    /// How long entries are kept; `None` for ever.
    #[must_use]
    pub fn retention(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.retention = time.into();
        self
    }

    /// Writes down a change, and about once an hour deletes what is older than the retention. Texts are cut after 512 bytes.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn record(&self, entry: NewAuditEntry) -> Result<(), DatabaseError> {
        let recorded: Result<(), DatabaseError> = self
            .session
            .transaction_with_retries(async |tx| rows::insert(tx, &entry).await)
            .await;
        recorded?;
        if let Some(retention) = self.retention.filter(|_| self.is_time_to_prune()) {
            // The entry is kept whatever becomes of this.
            let pruned: Result<bool, DatabaseError> = self
                .session
                .transaction(async |tx| {
                    // A clock of this machine that is ahead, which others do not share, deletes nothing of theirs.
                    let now = SystemTime::now();
                    let now = rows::now(tx).await?.map_or(now, |theirs| theirs.min(now));
                    match now.checked_sub(retention) {
                        Some(oldest) => rows::prune(tx, AuditId::first_at(oldest)).await,
                        None => Ok(false),
                    }
                })
                .await;
            match pruned {
                Ok(false) => {}
                // The next change goes on.
                Ok(true) => self.pruned.store(0, Ordering::Relaxed),
                Err(error) => {
                    tracing::warn!(%error, "old entries of the audit log are not deleted yet");
                }
            }
        }
        Ok(())
    }

    /// The newest entries that fit, newest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn list(
        &self,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, DatabaseError> {
        self.session
            .read(async |conn| rows::list(conn, filter, i64::from(limit)).await)
            .await
    }

    /// Whether it is time to look for old entries, and this call is to do it.
    fn is_time_to_prune(&self) -> bool {
        let now = chrono::Utc::now().timestamp();
        let last = self.pruned.load(Ordering::Relaxed);
        // A clock that is set back delays nothing.
        if (last..last + PRUNE_EVERY).contains(&now) {
            return false;
        }
        let mine = self
            .pruned
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        mine.is_ok()
    }
}
