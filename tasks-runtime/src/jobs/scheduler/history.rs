//! What became of jobs over time.

use std::time::Duration;

use super::Scheduler;
use crate::jobs::error::JobError;
use crate::jobs::history::{self, Count, JobHistory, JobHistoryQuery};
use crate::jobs::id::JobId;
use crate::jobs::new_job_row::NewJobRow;

/// How long a shutdown waits for the last figures to be written.
const LAST_WRITE: Duration = Duration::from_secs(2);

impl Scheduler {
    /// Figures of what jobs came to over a span of time, step by step: how many were submitted, completed, failed and were canceled, and how long
    /// attempts waited and ran. They are of all processes that share the database, and are kept when the jobs themselves are forgotten
    /// ([`Jobs::history_retention`](crate::jobs::Jobs::history_retention)).
    ///
    /// Each process adds what it has counted every 10 seconds, and at its end: what a process that is killed counted in its last seconds is missing,
    /// and nothing is counted twice.
    ///
    /// # Errors
    ///
    /// [`JobError::Invalid`] when the span ends before it begins, or the step is none that there is, or makes more than 1000 points; and when the
    /// database fails.
    pub async fn history(&self, query: &JobHistoryQuery) -> Result<JobHistory, JobError> {
        self.refresh_clock().await?;
        let (retention, now) = (self.settings().history_retention, self.clock().now());
        self.session()
            .read(async |conn| history::read(conn, query, retention, now).await)
            .await
    }

    /// Adds what was counted to the table now and then, until this is shut down.
    pub(super) fn watch_history(&self) {
        let interval = self.settings().history_interval;
        self.spawn_periodic(interval, move |scheduler| async move {
            if let Err(error) = scheduler.write_and_prune_history().await {
                tracing::debug!(%error, "figures of the jobs are not written yet");
            }
            interval
        });
    }

    async fn write_and_prune_history(&self) -> Result<(), JobError> {
        self.write_history().await?;
        let retention = self.settings().history_retention;
        // Who counts nothing leaves alone what others count.
        if retention == Some(Duration::ZERO) {
            return Ok(());
        }
        let (session, now) = (self.session(), self.clock().now());
        let mut writer = self.shared.history.lock().await;
        writer.prune(session, retention, now).await
    }

    async fn write_history(&self) -> Result<(), JobError> {
        let (session, figures) = (self.session(), &self.shared.figures);
        let mut writer = self.shared.history.lock().await;
        if self.settings().history_retention == Some(Duration::ZERO) {
            figures.forget();
            return Ok(());
        }
        writer.write(session, figures, self.clock().now()).await
    }

    /// Adds what is left when this ends, if the database takes it soon.
    pub(super) async fn write_last_history(&self) {
        match tokio::time::timeout(LAST_WRITE, self.write_history()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the latest figures of the jobs were not written");
            }
            Err(_) => tracing::warn!("the latest figures of the jobs were not written in time"),
        }
    }

    /// Counts those of the submissions that were stored, by the jobs that they were answered with.
    pub(in crate::jobs) fn count_submitted(&self, rows: &[NewJobRow], stored: &[JobId]) {
        for (row, _) in rows.iter().zip(stored).filter(|(row, id)| row.id == **id) {
            let job = (row.task_name.as_deref(), row.queue.as_str());
            let figures = &self.shared.figures;
            figures.count_job(job, Count::Submitted, row.submitted_at);
        }
    }
}
