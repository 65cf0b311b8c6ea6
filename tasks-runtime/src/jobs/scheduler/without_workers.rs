//! What a process without workers looks at now and then.

use std::time::Duration;

use super::Scheduler;
use crate::jobs::error::JobError;
use crate::jobs::worker::look_without_worker;

/// How often to look.
const INTERVAL: Duration = Duration::from_secs(5);

impl Scheduler {
    /// Looks for jobs and schedules that no worker takes, and counts what waits, in a process that has no workers: until it is shut down.
    pub(super) fn watch_without_workers(&self) {
        self.spawn_periodic(Duration::from_secs(1), |scheduler| async move {
            if let Err(error) = scheduler.look().await {
                tracing::debug!(%error, "what no worker takes was not looked at");
            }
            INTERVAL
        });
    }

    async fn look(&self) -> Result<(), JobError> {
        self.refresh_clock().await?;
        let (session, now) = (self.session(), self.clock().now());
        look_without_worker(session, &self.shared.health, now).await?;
        #[cfg(feature = "metrics")]
        if let Some(metrics) = self.read(|state| state.metrics.clone()) {
            let counts: Result<_, JobError> = session
                .read(async |conn| crate::jobs::store::pending_by_queue(conn).await)
                .await;
            metrics.pending(&counts?);
        }
        Ok(())
    }
}
