//! Offers attempts that are due to an engine.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::id::JobId;
use tokio::time::Instant;

use super::claim;
use super::shared::WorkerShared;
use crate::jobs::engine::{DueAttempt, Engine};
use crate::jobs::error::JobError;

/// How often to look for due attempts without having been notified.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum number of attempts of one queue that are offered and not begun: of tasks with a limit, of tasks without one, and of quarantined
/// jobs, each.
const MAX_OFFERED: i64 = 300;

/// Goes on until the process is to end.
pub(in crate::jobs) async fn run(shared: Arc<WorkerShared>, engine: Arc<dyn Engine>) {
    // Offered, and not begun.
    let mut offered: HashMap<JobId, u64> = HashMap::new();
    let mut since = Instant::now();
    while !shared.stopping.is_cancelled() {
        if since.elapsed() >= shared.settings.lease {
            // It may have lost something.
            offered.clear();
            since = Instant::now();
        }
        let due: Result<Vec<DueAttempt>, JobError> = shared
            .session
            .read(async |conn| {
                let mut due = Vec::new();
                let known: Vec<&str> = shared.executor.registry().names().collect();
                for (queue, _) in &shared.queues {
                    due.extend(claim::due_attempts(conn, queue, &known, MAX_OFFERED).await?);
                }
                Ok(due)
            })
            .await;
        match due {
            Ok(due) => offer(&*engine, &mut offered, &due).await,
            Err(error) => tracing::warn!(%error, "the jobs cannot reach their database"),
        }
        tokio::select! {
            () = shared.due.notified() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = shared.stopping.cancelled() => {}
        }
    }
}

async fn offer(engine: &dyn Engine, offered: &mut HashMap<JobId, u64>, due: &[DueAttempt]) {
    let still: HashSet<(JobId, u64)> = due.iter().map(|due| (due.job, due.fence)).collect();
    offered.retain(|job, fence| still.contains(&(*job, *fence)));
    let new: Vec<DueAttempt> = due
        .iter()
        .filter(|due| offered.get(&due.job) != Some(&due.fence))
        .copied()
        .collect();
    if new.is_empty() {
        return;
    }
    match engine.dispatch(&new).await {
        Ok(()) => offered.extend(new.iter().map(|due| (due.job, due.fence))),
        Err(error) => {
            tracing::warn!(error, jobs = new.len(), "the engine did not take jobs on");
        }
    }
}
