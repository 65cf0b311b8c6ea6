//! Operations are asked for, looked at and canceled.

use super::record::{JobCount, JobOperation, OperationAction, OperationFilter};
use super::rows::{self, OperationRow};
use crate::jobs::error::JobError;
use crate::jobs::id::OperationId;
use crate::jobs::limits::MAX_KEY_BYTES;
use crate::jobs::list::JobFilter;
use crate::jobs::scheduler::Scheduler;
use crate::jobs::store;

/// How many operations may be open at once.
const MAX_OPEN: i64 = 20;
/// How long after it was asked for an operation begins, in microseconds.
const UNDO_TIME: i64 = 10_000_000;
/// How long one is kept that is over, in microseconds.
const KEPT: i64 = 7 * 24 * 3600 * 1_000_000;
/// How many jobs are counted.
const MAX_COUNTED: i64 = 10_000;

fn count(found: i64) -> JobCount {
    JobCount {
        jobs: found.min(MAX_COUNTED).unsigned_abs(),
        more: found > MAX_COUNTED,
    }
}

/// Refuses a filter that an operation does not keep: it would change more jobs than are meant.
fn check(filter: &JobFilter) -> Result<(), JobError> {
    let times = filter.submitted_after.or(filter.submitted_before);
    if filter.search.is_some() || times.is_some() {
        let words =
            "operations take no text to search for, and no time of submission: leave them out";
        return Err(JobError::option("/filter", words));
    }
    Ok(())
}

/// Operations on many jobs.
impl Scheduler {
    /// How many jobs an operation would change now, counted up to 10,000.
    ///
    /// # Errors
    ///
    /// [`JobError::Invalid`] when the filter has a text to search for or a time of submission, and when the database fails.
    pub async fn count_jobs(
        &self,
        action: OperationAction,
        filter: &JobFilter,
    ) -> Result<JobCount, JobError> {
        check(filter)?;
        let found: i64 = self
            .session()
            .read(async |conn| {
                store::count_up_to(conn, (filter, action.condition()), MAX_COUNTED + 1).await
            })
            .await?;
        Ok(count(found))
    }

    /// Cancels, retries or deletes the jobs that fit a filter, in the background: 10 seconds later, in batches, by any process that has started its
    /// scheduler. Until then, and while it runs, it can be [canceled](Self::cancel_operation). Jobs that are submitted later are left alone, and so are
    /// those that do not fit the filter any more when their turn comes.
    ///
    /// # Errors
    ///
    /// [`JobError::TooManyOperations`] when 20 are open, [`JobError::Invalid`] when the filter has a text to search for or a time of submission, and
    /// when the database fails.
    pub async fn start_operation(
        &self,
        action: OperationAction,
        filter: JobFilter,
    ) -> Result<JobOperation, JobError> {
        self.start_operation_for(action, filter, None).await
    }

    /// The same for somebody, whose name the operation has as [`requested_by`](JobOperation::requested_by).
    ///
    /// # Errors
    ///
    /// As `start_operation`, and [`JobError::Invalid`] when the name is longer than 255 bytes, or has a zero byte.
    pub async fn start_operation_for(
        &self,
        action: OperationAction,
        filter: JobFilter,
        requested_by: Option<&str>,
    ) -> Result<JobOperation, JobError> {
        check(&filter)?;
        let by = requested_by.unwrap_or_default();
        if by.len() > MAX_KEY_BYTES || by.contains('\0') {
            let words = format!("the name has more than {MAX_KEY_BYTES} bytes, or a zero byte");
            return Err(JobError::option("", words));
        }
        self.refresh_clock().await?;
        let stored = serde_json::to_string(&OperationFilter::from(filter.clone()));
        let stored = stored.unwrap_or_default();
        // Before the transaction: in SQLite nobody else could write meanwhile.
        let found = self.count_jobs(action, &filter).await?;
        let row: Result<OperationRow, JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                let now = self.clock().now();
                rows::prune(tx, now - KEPT).await?;
                if rows::count_open(tx).await? >= MAX_OPEN {
                    return Err(JobError::TooManyOperations);
                }
                let begins_at = now + UNDO_TIME;
                // The clock of the process that submitted the newest job may be a moment ahead.
                let newest = store::newest_submitted_at(tx).await?.unwrap_or(now);
                let row = OperationRow {
                    id: OperationId::new().to_string(),
                    action: action.as_str().to_owned(),
                    filter: stored.clone(),
                    state: 0,
                    requested_at: newest.clamp(now, begins_at),
                    requested_by: requested_by.map(str::to_owned),
                    begins_at,
                    finished_at: None,
                    up_to: store::newest_id(tx).await?.unwrap_or_default(),
                    seen: String::new(),
                    total: i64::try_from(found.jobs).unwrap_or(i64::MAX),
                    more: i32::from(found.more),
                    done: 0,
                    passed_over: 0,
                };
                rows::insert(tx, &row).await?;
                Ok(row)
            })
            .await;
        let row = row?;
        tracing::info!(
            operation_id = row.id,
            action = row.action,
            filter = row.filter,
            by = row.requested_by,
            "an operation on many jobs was asked for"
        );
        let id = OperationId::stored(&row.id);
        row.record().ok_or(JobError::OperationNotFound(id))
    }

    /// An operation; those that are over are kept for 7 days.
    ///
    /// # Errors
    ///
    /// [`JobError::OperationNotFound`], and when the database fails.
    pub async fn operation(&self, id: OperationId) -> Result<JobOperation, JobError> {
        let row: Option<OperationRow> = self
            .session()
            .read(async |conn| rows::find(conn, id).await)
            .await?;
        row.and_then(OperationRow::record)
            .ok_or(JobError::OperationNotFound(id))
    }

    /// The latest 100 operations, newest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn operations(&self) -> Result<Vec<JobOperation>, JobError> {
        let rows: Vec<OperationRow> = self
            .session()
            .read(async |conn| rows::list(conn).await)
            .await?;
        Ok(rows.into_iter().filter_map(OperationRow::record).collect())
    }

    /// Cancels an operation that is not over: no other job is changed from then on. One that is over stays as it is.
    ///
    /// # Errors
    ///
    /// [`JobError::OperationNotFound`], and when the database fails.
    pub async fn cancel_operation(&self, id: OperationId) -> Result<JobOperation, JobError> {
        self.refresh_clock().await?;
        let row: Option<OperationRow> = self
            .session()
            .transaction_with_retries(async |tx| {
                rows::cancel(tx, id, self.clock().now()).await?;
                rows::find(tx, id).await
            })
            .await?;
        row.and_then(OperationRow::record)
            .ok_or(JobError::OperationNotFound(id))
    }
}
