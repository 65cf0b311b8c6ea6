//! Works operations off, one batch after the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// How long the changes of a batch may take: a transaction that takes too long is undone, and locks rows meanwhile.
const MAX_BATCH_TIME: Duration = Duration::from_secs(2);
/// How long an operation is left aside that has failed, so that others get on.
const LEFT_ASIDE: Duration = Duration::from_secs(30);
/// The same when the database could not do it just now.
const LEFT_ASIDE_SHORTLY: Duration = Duration::from_secs(2);

/// The operations that have failed here, and until when they are left aside.
type LeftAside = HashMap<String, Instant>;

impl Scheduler {
    /// Works off operations of this database, in this process, until the scheduler is shut down.
    pub(in crate::jobs) fn work_off_operations(&self) {
        let left_aside = Arc::new(tokio::sync::Mutex::new(LeftAside::new()));
        self.spawn_periodic(INTERVAL, move |scheduler| {
            let left_aside = Arc::clone(&left_aside);
            async move {
                let mut left_aside = left_aside.lock().await;
                if scheduler.next_batch(&mut left_aside).await {
                    PAUSE
                } else {
                    INTERVAL
                }
            }
        });
    }

    /// The operations that are to be worked on and that this version understands.
    async fn due_operations(&self) -> Result<Vec<String>, JobError> {
        self.refresh_clock().await?;
        let rows = self
            .session()
            .read(async |conn| rows::due(conn, self.clock().now()).await)
            .await?;
        // A later version has written the others, and works them off.
        let understood = rows.into_iter().filter(|row| parts(row).is_some());
        Ok(understood.map(|row| row.id).collect())
    }

    /// Changes the next jobs of an operation. `false` when there is nothing to do.
    async fn next_batch(&self, left_aside: &mut LeftAside) -> bool {
        let due = match self.due_operations().await {
            Ok(due) => due,
            Err(error) => {
                // Others say that the database is away.
                tracing::debug!(%error, "operations on many jobs were not looked at");
                return false;
            }
        };
        let now = Instant::now();
        left_aside.retain(|_, until| *until > now);
        for id in due {
            if left_aside.contains_key(&id) {
                continue;
            }
            match self.work_on_operation(&id).await {
                Ok(true) => return true,
                // Another process is at it, or it is over.
                Ok(false) => {}
                Err(error) => {
                    let is_temporary =
                        matches!(&error, JobError::Database(error) if error.is_temporary());
                    let pause = if is_temporary {
                        LEFT_ASIDE_SHORTLY
                    } else {
                        LEFT_ASIDE
                    };
                    tracing::warn!(
                        operation_id = id,
                        %error,
                        "an operation on many jobs does not get on, and is tried again in {pause:?}"
                    );
                    left_aside.insert(id, Instant::now() + pause);
                }
            }
        }
        false
    }

    /// Changes the next jobs of one. `false` when it was not worked on.
    async fn work_on_operation(&self, id: &str) -> Result<bool, JobError> {
        let session = self.session();
        let worked: Result<Option<(OperationRow, bool)>, JobError> = session
            .transaction_with_retries(async |tx| {
                let now = self.clock().now();
                let Some(mut operation) = rows::lock(tx, id).await? else {
                    return Ok(None);
                };
                let Some(parts) = parts(&operation) else {
                    return Ok(None);
                };
                let before = operation.done;
                self.work_on(tx, &mut operation, parts, now).await?;
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
        let began = Instant::now();
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
        let found = store::lock_matching(
            tx,
            (&filter, action.condition()),
            (operation.seen.as_str(), end.as_str()),
            (operation.requested_at, BATCH_SIZE),
        )
        .await?;
        let ids = &found.fitting;
        let progress = match action {
            OperationAction::Cancel => Progress {
                looked_at: ids.len(),
                changed: store::cancel_all(tx, ids, now).await?,
            },
            OperationAction::Retry => self.retry_all(tx, ids, now, began).await?,
            OperationAction::Delete => delete_all(tx, ids, now, began).await?,
        };
        let looked_at = i64::try_from(progress.looked_at).unwrap_or(i64::MAX);
        operation.done += progress.changed;
        operation.passed_over += looked_at - progress.changed;
        operation.seen = if progress.looked_at < ids.len() {
            // The time was over.
            ids.get(progress.looked_at.wrapping_sub(1))
                .cloned()
                .unwrap_or_else(|| operation.seen.clone())
        } else {
            // There may be more in this window.
            found.last_of_full.unwrap_or(end)
        };
        Ok(())
    }

    async fn retry_all(
        &self,
        tx: &mut Connection,
        ids: &[String],
        now: i64,
        began: Instant,
    ) -> Result<Progress, JobError> {
        let mut progress = Progress::default();
        for id in ids {
            let id = JobId::stored(id);
            if self.retry_unless_duplicate(tx, id, now).await? {
                progress.changed += 1;
            }
            progress.looked_at += 1;
            if began.elapsed() > MAX_BATCH_TIME {
                break;
            }
        }
        Ok(progress)
    }
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    looked_at: usize,
    changed: i64,
}

/// What is to be done to which jobs; `None` of an operation that a later version has written.
fn parts(operation: &OperationRow) -> Option<(OperationAction, OperationFilter)> {
    let action = OperationAction::stored(&operation.action)?;
    Some((action, serde_json::from_str(&operation.filter).ok()?))
}

async fn delete_all(
    tx: &mut Connection,
    ids: &[String],
    now: i64,
    began: Instant,
) -> Result<Progress, JobError> {
    let mut progress = Progress::default();
    for id in ids {
        let id = JobId::stored(id);
        if !store::delete(tx, id).await? {
            // It runs: it is gone once its code has ended.
            store::cancel(tx, id, now).await?;
        }
        progress.changed += 1;
        progress.looked_at += 1;
        if began.elapsed() > MAX_BATCH_TIME {
            break;
        }
    }
    Ok(progress)
}
