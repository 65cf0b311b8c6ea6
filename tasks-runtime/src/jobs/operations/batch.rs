//! Works operations off, one batch after the other.

use std::time::Duration;

use super::record::{OperationAction, OperationFilter, OperationState};
use super::rows::{self, OperationRow};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::list::JobFilter;
use crate::jobs::record::JobStatus;
use crate::jobs::scheduler::Scheduler;
use crate::jobs::state::sql;
use crate::jobs::store;

/// How often to look for an operation that is due.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long others may write before the next batch.
const PAUSE: Duration = Duration::from_millis(20);
/// How many jobs are changed at once.
const BATCH_SIZE: i64 = 100;
/// How many jobs are looked at at once.
const WINDOW_SIZE: i64 = 2000;

impl Scheduler {
    /// Works off operations of this database, in this process, until the scheduler is shut down.
    pub(in crate::jobs) fn work_off_operations(&self) {
        self.spawn_periodic(INTERVAL, |scheduler| async move {
            match scheduler.next_batch().await {
                Ok(true) => PAUSE,
                Ok(false) => INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "an operation on many jobs does not get on, and is tried again");
                    INTERVAL
                }
            }
        });
    }

    /// Whether an operation is to be worked on.
    async fn is_operation_due(&self) -> Result<bool, JobError> {
        self.refresh_clock().await?;
        self.session()
            .read(async |conn| rows::any_due(conn, self.clock().now()).await)
            .await
    }

    /// Changes the next jobs of an operation. `false` when none is due.
    async fn next_batch(&self) -> Result<bool, JobError> {
        match self.is_operation_due().await {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => {
                // Others say that the database is away.
                tracing::debug!(%error, "operations on many jobs were not looked at");
                return Ok(false);
            }
        }
        let session = self.session();
        let worked: Result<Option<(OperationRow, bool)>, JobError> = session
            .transaction_with_retries(async |tx| {
                let now = self.clock().now();
                let Some(mut operation) = rows::lock_due(tx, now).await? else {
                    return Ok(None);
                };
                let action = OperationAction::stored(&operation.action);
                let filter = serde_json::from_str::<OperationFilter>(&operation.filter).ok();
                let (Some(action), Some(filter)) = (action, filter) else {
                    // A later version has written it, and works it off.
                    return Ok(None);
                };
                let before = operation.done;
                self.work_on(tx, &mut operation, (action, filter), now)
                    .await?;
                rows::update(tx, &operation).await?;
                let has_changed = operation.done > before;
                Ok(Some((operation, has_changed)))
            })
            .await;
        let Some((operation, has_changed)) = worked? else {
            return Ok(false);
        };
        if operation.state == OperationState::Done.number() {
            tracing::info!(
                operation_id = operation.id,
                action = operation.action,
                jobs = operation.done,
                passed_over = operation.passed_over,
                by = operation.requested_by,
                "an operation on many jobs is done"
            );
        }
        if has_changed {
            self.jobs_changed();
            self.wake();
        }
        Ok(true)
    }

    async fn work_on(
        &self,
        tx: &mut Connection,
        operation: &mut OperationRow,
        (action, filter): (OperationAction, OperationFilter),
        now: i64,
    ) -> Result<(), JobError> {
        operation.state = OperationState::Running.number();
        // Completed jobs are nearly all, so there is no index of those.
        let indexed = filter
            .status
            .filter(|status| *status != JobStatus::Completed);
        let status = indexed.map(sql::status);
        let between = (operation.seen.as_str(), operation.up_to.as_str());
        let Some(end) = rows::window_end(tx, status, between, WINDOW_SIZE).await? else {
            operation.state = OperationState::Done.number();
            operation.finished_at = Some(now);
            return Ok(());
        };
        let filter = JobFilter::from(filter);
        let ids = store::matching(
            tx,
            (&filter, action.condition()),
            (operation.seen.as_str(), end.as_str()),
            (operation.requested_at, BATCH_SIZE),
        )
        .await?;
        let changed = match action {
            OperationAction::Cancel => store::cancel_all(tx, &ids, now).await?,
            OperationAction::Retry => self.retry_all(tx, &ids, now).await?,
            OperationAction::Delete => delete_all(tx, &ids, now).await?,
        };
        let all = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        operation.done += changed;
        operation.passed_over += all - changed;
        operation.seen = match ids.last() {
            // There may be more in this window.
            Some(last) if all == BATCH_SIZE => last.clone(),
            _ => end,
        };
        Ok(())
    }

    async fn retry_all(
        &self,
        tx: &mut Connection,
        ids: &[String],
        now: i64,
    ) -> Result<i64, JobError> {
        let mut queued = 0;
        for id in ids {
            let id = JobId::stored(id);
            if self.retry_unless_duplicate(tx, id, now).await? {
                queued += 1;
            }
        }
        Ok(queued)
    }
}

async fn delete_all(tx: &mut Connection, ids: &[String], now: i64) -> Result<i64, JobError> {
    let mut deleted = 0;
    for id in ids {
        let id = JobId::stored(id);
        if !store::delete(tx, id).await? {
            // It runs: it is gone once its code has ended.
            store::cancel(tx, id, now).await?;
        }
        deleted += 1;
    }
    Ok(deleted)
}
