//! Offers attempts that are due to an engine.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::id::JobId;
use tokio::time::Instant;

use super::due;
use super::shared::WorkerShared;
use crate::call::panic;
use crate::jobs::engine::{DueAttempt, Engine};
use crate::jobs::error::JobError;
use crate::jobs::store;
use crate::task::Traceback;

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
                let paused = store::paused_names(conn).await?;
                let names = shared.executor.registry().names();
                let known: Vec<&str> = names.filter(|task| !paused.tasks.contains(*task)).collect();
                let open = |queue: &&(String, usize)| !paused.queues.contains(&queue.0);
                for (queue, _) in shared.queues.iter().filter(open) {
                    due.extend(due::due_attempts(conn, queue, &known, MAX_OFFERED).await?);
                }
                Ok(due)
            })
            .await;
        match due {
            Ok(due) => {
                tokio::select! {
                    () = offer(&shared, &*engine, &mut offered, &due) => {}
                    () = shared.stopping.cancelled() => return,
                }
            }
            Err(error) => tracing::warn!(%error, "the jobs cannot reach their database"),
        }
        tokio::select! {
            () = shared.due.notified() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = shared.stopping.cancelled() => {}
        }
    }
}

async fn offer(
    shared: &WorkerShared,
    engine: &dyn Engine,
    offered: &mut HashMap<JobId, u64>,
    due: &[DueAttempt],
) {
    let still: HashSet<(JobId, u64)> = due.iter().map(|due| (due.job, due.fence)).collect();
    offered.retain(|job, fence| still.contains(&(*job, *fence)));
    let new: Vec<DueAttempt> = due
        .iter()
        .filter(|due| offered.get(&due.job) != Some(&due.fence))
        .copied()
        .collect();
    if new.is_empty() {
        // What was refused is not due any more.
        shared.health.engine_answered(None);
        return;
    }
    shared.health.engine_is_asked();
    match dispatch(engine, &new, shared.settings.lease).await {
        Ok(()) => {
            shared.health.engine_answered(None);
            offered.extend(new.iter().map(|due| (due.job, due.fence)));
        }
        Err(reason) => {
            tracing::warn!(
                reason,
                jobs = new.len(),
                "the engine did not take jobs on, which are offered again"
            );
            shared.health.engine_answered(Some(reason));
        }
    }
}

/// Has the engine take attempts on. It is code of the application's: it may panic, and may never answer.
async fn dispatch(
    engine: &dyn Engine,
    attempts: &[DueAttempt],
    limit: Duration,
) -> Result<(), String> {
    let dispatched = panic::catch_polls(Traceback::Off, async { engine.dispatch(attempts).await });
    match tokio::time::timeout(limit, dispatched).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(caught)) => Err(format!("it panicked: {}", caught.message)),
        Err(_) => Err(format!("it has not answered within {limit:?}")),
    }
}
