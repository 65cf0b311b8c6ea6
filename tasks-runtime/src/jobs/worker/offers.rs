//! Tells an engine of the attempts that are due.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::id::JobId;
use tokio::time::Instant;

use super::claim;
use super::shared::Shared;
use crate::jobs::engine::{Due, Engine};
use crate::jobs::error::JobError;

/// How often to look for what nobody told of.
const POLL: Duration = Duration::from_secs(1);
/// How many attempts of a queue an engine is told of and has not begun, at most: of those of tasks with a limit, of those without
/// one, and of suspects.
const MOST: i64 = 300;

/// Goes on until the process is to end.
pub(in crate::jobs) async fn run(shared: Arc<Shared>, engine: Arc<dyn Engine>) {
    // What the engine was told of, and has not begun.
    let mut told: HashMap<JobId, u64> = HashMap::new();
    let mut since = Instant::now();
    while !shared.stopping.is_cancelled() {
        if since.elapsed() >= shared.settings.lease {
            // It may have lost something.
            told.clear();
            since = Instant::now();
        }
        let due: Result<Vec<Due>, JobError> = shared
            .session
            .read(async |conn| {
                let mut due = Vec::new();
                let known: Vec<&str> = shared.executor.registry().names().collect();
                for (queue, _) in &shared.queues {
                    due.extend(claim::due(conn, queue, &known, MOST).await?);
                }
                Ok(due)
            })
            .await;
        match due {
            Ok(due) => tell(&*engine, &mut told, &due).await,
            Err(error) => tracing::warn!(%error, "the jobs cannot reach their database"),
        }
        tokio::select! {
            () = shared.due.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            () = shared.stopping.cancelled() => {}
        }
    }
}

async fn tell(engine: &dyn Engine, told: &mut HashMap<JobId, u64>, due: &[Due]) {
    let still: HashSet<(JobId, u64)> = due.iter().map(|due| (due.job, due.number)).collect();
    told.retain(|job, number| still.contains(&(*job, *number)));
    let new: Vec<Due> = due
        .iter()
        .filter(|due| told.get(&due.job) != Some(&due.number))
        .copied()
        .collect();
    if new.is_empty() {
        return;
    }
    match engine.drive(&new).await {
        Ok(()) => told.extend(new.iter().map(|due| (due.job, due.number))),
        Err(error) => {
            tracing::warn!(error, jobs = new.len(), "the engine did not take jobs on");
        }
    }
}
