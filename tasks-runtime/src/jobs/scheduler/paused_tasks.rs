//! Tasks are paused and resumed.

use super::Scheduler;
use crate::jobs::error::JobError;
use crate::jobs::limits::{MAX_KEY_BYTES, MAX_PAUSE_REASON};
use crate::jobs::pause::TaskPause;
use crate::jobs::store::{self, Pausable};

/// Pausing and resuming tasks.
impl Scheduler {
    /// Pauses a task for all processes, until it is [resumed](Self::resume_task): workers begin no job of it any more, about a second later at most, and
    /// go on with the jobs of other tasks in the same queues. Jobs that run go on, and jobs are still submitted, by schedules, too. A task that is paused already
    /// gets the new reason. Executions that are no jobs are not affected.
    ///
    /// # Errors
    ///
    /// When this process does not have the task; [`JobError::Invalid`] when the reason is longer than [`MAX_PAUSE_REASON`](crate::jobs::MAX_PAUSE_REASON)
    /// characters; and when the database fails.
    pub async fn pause_task(
        &self,
        name: &str,
        reason: Option<&str>,
    ) -> Result<TaskPause, JobError> {
        self.pause_task_for(name, reason, None).await
    }

    /// Pauses a task, as [`pause_task`](Self::pause_task) does, for somebody, whose name the [pause](crate::jobs::Pause) has.
    ///
    /// # Errors
    ///
    /// As `pause_task`, and [`JobError::Invalid`] when the name is longer than 255 bytes.
    pub async fn pause_task_for(
        &self,
        name: &str,
        reason: Option<&str>,
        paused_by: Option<&str>,
    ) -> Result<TaskPause, JobError> {
        let reason = reason.filter(|reason| !reason.is_empty());
        check_pause(reason, paused_by)?;
        self.executor()?.registry().get(name)?;
        self.refresh_clock().await?;
        let paused: Result<(), JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                let now = self.shared.clock.now();
                store::pause(tx, (Pausable::Task, name), (paused_by, reason), now).await?;
                // So that workers of other processes learn of it at once.
                store::notify(tx).await
            })
            .await;
        paused?;
        tracing::info!(task = name, reason, by = paused_by, "a task was paused");
        self.wake();
        self.task_pause(name).await
    }

    /// Resumes a task: its jobs begin again, at once in this process and within a second in others. One that is not paused stays as it is.
    ///
    /// # Errors
    ///
    /// When this process does not have the task and it is not paused, and when the database fails.
    pub async fn resume_task(&self, name: &str) -> Result<TaskPause, JobError> {
        let resumed: bool = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                let resumed = store::resume(tx, (Pausable::Task, name)).await?;
                if resumed {
                    store::notify(tx).await?;
                }
                Ok::<_, JobError>(resumed)
            })
            .await?;
        if resumed {
            tracing::info!(task = name, "a task was resumed");
        } else {
            self.executor()?.registry().get(name)?;
        }
        self.wake();
        self.task_pause(name).await
    }

    /// The tasks that are paused, by name.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn paused_tasks(&self) -> Result<Vec<TaskPause>, JobError> {
        let pauses = self
            .shared
            .session
            .read(async |conn| store::pauses(conn, Pausable::Task).await)
            .await?;
        let record = |(task, pause)| TaskPause {
            task,
            paused: Some(pause),
        };
        Ok(pauses.into_iter().map(record).collect())
    }

    async fn task_pause(&self, name: &str) -> Result<TaskPause, JobError> {
        let paused = self.paused_tasks().await?;
        let found = paused.into_iter().find(|pause| pause.task == name);
        Ok(found.unwrap_or_else(|| TaskPause {
            task: name.to_owned(),
            paused: None,
        }))
    }
}

/// Refuses what is too long, or cannot be stored.
pub(super) fn check_pause(reason: Option<&str>, paused_by: Option<&str>) -> Result<(), JobError> {
    let reason = reason.unwrap_or_default();
    let count = reason.chars().count();
    if count > MAX_PAUSE_REASON {
        let words = format!("has {count} characters, and {MAX_PAUSE_REASON} are allowed");
        return Err(JobError::option("/reason", words));
    }
    let paused_by = paused_by.unwrap_or_default();
    if reason.contains('\0') {
        return Err(JobError::option(
            "/reason",
            "has a zero byte, which cannot be stored",
        ));
    }
    if paused_by.len() > MAX_KEY_BYTES || paused_by.contains('\0') {
        return Err(JobError::option(
            "",
            format!(
                "the name of who pauses it has more than {MAX_KEY_BYTES} bytes, or a zero byte"
            ),
        ));
    }
    Ok(())
}
