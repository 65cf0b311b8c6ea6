//! Jobs are canceled, queued again and forgotten.

use crate::jobs::id::JobId;

use super::Scheduler;
use crate::database::Connection;
use crate::jobs::error::{JobAction, JobError};
use crate::jobs::history::Count;
use crate::jobs::record::{JobRecord, JobStatus};
use crate::jobs::state::JobState;
use crate::jobs::store;
use crate::jobs::table::JobRow;

/// Canceling, retrying and forgetting.
impl Scheduler {
    /// Cancels a job that waits at once, and asks one that runs to stop; one that has ended stays as it is.
    ///
    /// An `async` task that runs is dropped. A sync task is told by its [`TaskContext`](crate::TaskContext), and the job is
    /// running until its thread has ended; what it returns is discarded.
    ///
    /// # Errors
    ///
    /// [`JobError::JobNotFound`], and when the database fails.
    pub async fn cancel(&self, id: JobId) -> Result<JobRecord, JobError> {
        let canceled: Result<(JobRow, i64), JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                let now = self.shared.clock.now();
                store::cancel(tx, id, now).await?;
                let row = store::find(tx, id).await?;
                Ok((row.ok_or(JobError::JobNotFound(id))?, now))
            })
            .await;
        let (row, now) = canceled?;
        // One that waited has ended by that; the end of one that runs is counted where it is stored.
        if row.state == JobState::Canceled && row.finished_at == Some(now) {
            self.count_canceled(&row, now);
        }
        let job = self.record(row);
        if job.status == JobStatus::Running {
            self.with_worker(|worker| worker.cancel(id));
        }
        self.shared.changes.notify(id);
        Ok(job)
    }

    /// Queues a job again that failed or was canceled, with all its attempts.
    ///
    /// # Errors
    ///
    /// [`JobError::WrongState`] when it is in another state, [`JobError::Duplicate`] when its task runs once at a time with the same
    /// parameters and another job has them, [`JobError::JobNotFound`], and when the database fails.
    pub async fn retry(&self, id: JobId) -> Result<JobRecord, JobError> {
        let mut row = self.try_to_retry(id).await;
        // A submission of the same work was faster: now it is there to be found.
        if matches!(&row, Err(JobError::Database(error)) if error.is_unique_violation()) {
            row = self.try_to_retry(id).await;
        }
        let job = self.record(row?);
        self.wake();
        self.shared.changes.notify(id);
        Ok(job)
    }

    async fn try_to_retry(&self, id: JobId) -> Result<JobRow, JobError> {
        self.shared
            .session
            .transaction_with_retries(async |tx| {
                if let Some(job) = store::find(tx, id).await?
                    && let Some(other) =
                        store::find_duplicate(tx, &job, &self.other_unique_keys(&job)).await?
                {
                    return Err(JobError::Duplicate { id, other });
                }
                let queued = store::retry(tx, id, self.shared.clock.now()).await?;
                let row = store::find(tx, id)
                    .await?
                    .ok_or(JobError::JobNotFound(id))?;
                if !queued {
                    return Err(JobError::WrongState {
                        id,
                        status: row.state.status(),
                        action: JobAction::Retry,
                    });
                }
                Ok(row)
            })
            .await
    }

    /// Queues a job again that failed or was canceled, as [`retry`](Self::retry) does, in a transaction. `false` when it is in another state, not there,
    /// or another job has the same parameters of which the task allows one at a time.
    pub(in crate::jobs) async fn retry_unless_duplicate(
        &self,
        tx: &mut Connection,
        id: JobId,
        now: i64,
    ) -> Result<bool, JobError> {
        let Some(job) = store::find(tx, id).await? else {
            return Ok(false);
        };
        let keys = self.other_unique_keys(&job);
        if store::find_duplicate(tx, &job, &keys).await?.is_some() {
            return Ok(false);
        }
        store::retry(tx, id, now).await
    }

    /// Jobs may have changed that somebody watches.
    pub(in crate::jobs) fn jobs_changed(&self) {
        self.shared.changes.notify_all();
    }

    /// Forgets a job, its result and its log; one that waits is canceled first, one that runs is asked to stop. It is not found any more from
    /// then on. `false` when it is not there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete(&self, id: JobId) -> Result<bool, JobError> {
        let (found, deleted): (Option<JobRow>, bool) = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                let found = store::find(tx, id).await?;
                let deleted = found.is_some() && store::delete(tx, id).await?;
                if found.is_some() && !deleted {
                    // It runs: it is gone once its code has ended.
                    store::cancel(tx, id, self.shared.clock.now()).await?;
                }
                Ok::<_, JobError>((found, deleted))
            })
            .await?;
        if let Some(row) = &found {
            if !deleted {
                self.with_worker(|worker| worker.cancel(id));
            } else if matches!(row.state, JobState::Scheduled | JobState::Ready) {
                self.count_canceled(row, self.shared.clock.now());
            }
        }
        self.shared.changes.notify(id);
        Ok(found.is_some())
    }

    fn count_canceled(&self, job: &JobRow, at: i64) {
        let job = (job.task_name.as_deref(), job.queue.as_str());
        self.shared.figures.count_job(job, Count::Canceled, at);
    }

    /// The unique keys of a job by all keys of encryption, as far as its parameters can be read; none where there is one kind alone.
    pub(super) fn other_unique_keys(&self, job: &JobRow) -> Vec<String> {
        let executor = self.executor().ok();
        let entry = executor.as_ref().and_then(|executor| {
            let name = job.task_name.as_deref()?;
            executor.registry().get(name).ok()
        });
        let Some(entry) = entry.filter(|entry| entry.policy().unique && entry.has_secrets()) else {
            return Vec::new();
        };
        let codec = self.params_codec();
        let Ok(params) = codec.read(entry, &job.params) else {
            return Vec::new();
        };
        let key = codec.unique_key(entry, &params);
        let mut all = key.others;
        all.insert(0, key.stored);
        all
    }
}
