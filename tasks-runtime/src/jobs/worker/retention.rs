//! Forgets jobs that were deleted while they ran, and those that ended long ago.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::shared::WorkerShared;
use crate::jobs::error::JobError;
use crate::jobs::flow_control::usage;
use crate::jobs::{graphs, store};

/// How often to look for what was deleted.
const DELETED_INTERVAL: Duration = Duration::from_secs(1);
/// How often to look for what ended long ago.
const ENDED_INTERVAL: Duration = Duration::from_secs(60);
/// How many at once: others want to write, too.
const BATCH_SIZE: i64 = 500;
/// How long others may write before more go.
const BATCH_PAUSE: Duration = Duration::from_millis(20);

/// Goes on until the process is to end, beside the rounds of the driver.
pub(in crate::jobs) async fn run(shared: Arc<WorkerShared>) {
    // A process that starts often does so, too.
    let every = shared
        .settings
        .retention
        .map_or(ENDED_INTERVAL, |time| time.min(ENDED_INTERVAL));
    let mut next = Instant::now() + every;
    let mut next_flow = Instant::now() + ENDED_INTERVAL;
    loop {
        let pause = DELETED_INTERVAL.min(next.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(error) = delete_marked(&shared).await {
            tracing::warn!(%error, "jobs that were deleted are not forgotten yet");
        }
        if Instant::now() >= next_flow {
            next_flow = Instant::now() + ENDED_INTERVAL;
            if let Err(error) = forget_flow(&shared).await {
                tracing::warn!(%error, "what no limit counts any more was not forgotten");
            }
        }
        let Some(retention) = shared.settings.retention else {
            next = Instant::now() + ENDED_INTERVAL;
            continue;
        };
        if Instant::now() < next {
            continue;
        }
        let before = shared.clock.now() - i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
        let more = forget_ended(&shared, before).await;
        next = Instant::now()
            + match more {
                Ok(true) => BATCH_PAUSE,
                Ok(false) => every.max(DELETED_INTERVAL),
                Err(error) => {
                    tracing::warn!(%error, "jobs that ended long ago were not forgotten");
                    ENDED_INTERVAL
                }
            };
    }
}

/// Forgets some of what ended before a time. Gives whether there may be more.
async fn forget_ended(shared: &WorkerShared, before: i64) -> Result<bool, JobError> {
    let session = &shared.session;
    let graph: Result<bool, JobError> = session
        .transaction(async |tx| graphs::prune(tx, before).await)
        .await;
    let jobs: Result<usize, JobError> = session
        .transaction(async |tx| store::prune(tx, before, BATCH_SIZE).await)
        .await;
    let all = jobs? as i64 == BATCH_SIZE;
    Ok(graph? || all)
}

/// Forgets bursts of submissions that are over, and attempts that count for no rate any more.
async fn forget_flow(shared: &WorkerShared) -> Result<(), JobError> {
    let now = shared.clock.now();
    loop {
        let gone: Result<usize, JobError> = shared
            .session
            .transaction(async |tx| {
                let bursts = store::prune_bursts(tx, now, BATCH_SIZE).await?;
                Ok(bursts.max(usage::prune_starts(tx, now, BATCH_SIZE).await?))
            })
            .await;
        if (gone? as i64) < BATCH_SIZE {
            return Ok(());
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
}

async fn delete_marked(shared: &WorkerShared) -> Result<(), JobError> {
    let any: Result<bool, JobError> = shared
        .session
        .read(async |conn| store::any_marked(conn).await)
        .await;
    if any? {
        let gone: Result<usize, JobError> = shared
            .session
            .transaction(async |tx| store::delete_marked(tx).await)
            .await;
        gone?;
        shared.changes.notify_all();
    }
    Ok(())
}
