//! Queues are listed, paused and resumed.

use super::Scheduler;
use super::paused_tasks::check_pause;
use crate::jobs::error::JobError;
use crate::jobs::queue_record::QueueRecord;
use crate::jobs::store::{self, Pausable};

/// Pausing and resuming queues.
impl Scheduler {
    /// Each queue that a worker serves, that has a job which has not ended, or that is paused, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn queues(&self) -> Result<Vec<QueueRecord>, JobError> {
        let (counts, pauses) = self
            .shared
            .session
            .read(async |conn| {
                let counts = store::queue_counts(conn).await?;
                Ok::<_, JobError>((counts, store::pauses(conn, Pausable::Queue).await?))
            })
            .await?;
        let mut names: Vec<&String> = counts.keys().chain(pauses.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let record = |name: &String| {
            let count = counts.get(name).copied().unwrap_or_default();
            QueueRecord {
                pending: count.pending.unsigned_abs(),
                more_pending: count.more_pending,
                running: count.running.unsigned_abs(),
                workers: count.workers,
                paused: pauses.get(name).cloned(),
                ..self.with_limits(name)
            }
        };
        Ok(names.into_iter().map(record).collect())
    }

    /// A queue of which nothing is known but its limits, as this process has them.
    fn with_limits(&self, queue: &str) -> QueueRecord {
        let settings = &self.shared.settings;
        let own = settings.queues.get(queue);
        let global = settings.queue_limits.get(queue);
        QueueRecord {
            concurrency: own.and_then(|limit| u64::try_from(*limit).ok()),
            global_concurrency: global.and_then(|limits| limits.concurrency).map(u64::from),
            rate: global.and_then(|limits| Some(limits.rate?.to_string())),
            ..QueueRecord::named(queue)
        }
    }

    /// Pauses a queue for all processes, until it is [resumed](Self::resume_queue): workers begin no job of it any more, about a second later at
    /// most. Jobs that run go on, and jobs are still submitted, by schedules, too. A queue that is paused already gets the new reason.
    ///
    /// Closures that are [spawned](Self::spawn) are in no queue that can wait: they begin at once.
    ///
    /// # Errors
    ///
    /// [`JobError::QueueNotFound`] when no worker serves it, this process does not have it, and no job waits in it; [`JobError::Invalid`] when the
    /// reason is longer than [`MAX_PAUSE_REASON`](crate::jobs::MAX_PAUSE_REASON) characters; and when the database fails.
    pub async fn pause_queue(
        &self,
        name: &str,
        reason: Option<&str>,
    ) -> Result<QueueRecord, JobError> {
        self.pause_queue_for(name, reason, None).await
    }

    /// Pauses a queue, as [`pause_queue`](Self::pause_queue) does, for somebody, whose name the [pause](crate::jobs::Pause) has.
    ///
    /// # Errors
    ///
    /// As `pause_queue`, and [`JobError::Invalid`] when the name is longer than 255 bytes.
    pub async fn pause_queue_for(
        &self,
        name: &str,
        reason: Option<&str>,
        paused_by: Option<&str>,
    ) -> Result<QueueRecord, JobError> {
        let reason = reason.filter(|reason| !reason.is_empty());
        check_pause(reason, paused_by)?;
        if !self.is_known_queue(name).await? {
            return Err(not_found(name));
        }
        self.refresh_clock().await?;
        let paused: Result<(), JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                let now = self.shared.clock.now();
                store::pause(tx, (Pausable::Queue, name), (paused_by, reason), now).await?;
                // So that workers of other processes learn of it at once.
                store::notify(tx).await
            })
            .await;
        paused?;
        tracing::info!(queue = name, reason, by = paused_by, "a queue was paused");
        self.wake();
        self.one_queue(name).await
    }

    /// Resumes a queue: its jobs begin again, by priority and then by age, at once in this process and within a second in others. One that is not
    /// paused stays as it is.
    ///
    /// # Errors
    ///
    /// [`JobError::QueueNotFound`], as of a pause, and when the database fails.
    pub async fn resume_queue(&self, name: &str) -> Result<QueueRecord, JobError> {
        if !self.is_known_queue(name).await? {
            return Err(not_found(name));
        }
        let resumed: bool = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                let resumed = store::resume(tx, (Pausable::Queue, name)).await?;
                if resumed {
                    store::notify(tx).await?;
                }
                Ok::<_, JobError>(resumed)
            })
            .await?;
        if resumed {
            tracing::info!(queue = name, "a queue was resumed");
        }
        self.wake();
        self.one_queue(name).await
    }

    /// Whether this process has a queue, a worker serves it, a job waits in it, or it is paused.
    async fn is_known_queue(&self, name: &str) -> Result<bool, JobError> {
        if self.read(|state| state.queues.contains_key(name)) {
            return Ok(true);
        }
        let queues = self.queues().await?;
        Ok(queues.iter().any(|queue| queue.name == name))
    }

    async fn one_queue(&self, name: &str) -> Result<QueueRecord, JobError> {
        let queues = self.queues().await?;
        let found = queues.into_iter().find(|queue| queue.name == name);
        Ok(found.unwrap_or_else(|| self.with_limits(name)))
    }
}

fn not_found(name: &str) -> JobError {
    JobError::QueueNotFound(name.escape_debug().take(100).collect())
}
