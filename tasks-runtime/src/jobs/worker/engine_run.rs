//! Attempts that begin because an engine calls for them.

use std::sync::Arc;
use std::time::Duration;

use crate::jobs::id::JobId;

use super::attempt::Event;
use super::capacity::Capacity;
use super::claimed_job::ClaimedJob;
use super::limited_claims::{LimitedClaims, LimitedState};
use super::shared::WorkerShared;
use super::{claim, membership, read_job, runner};
use crate::jobs::attempt_key::Fence;
use crate::jobs::engine::RunOutcome;
use crate::jobs::error::JobError;
use crate::jobs::state::{JobState, is_quarantined};
use crate::jobs::store;

/// How long to wait before checking again whether the end of an attempt was written, without having been notified.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How long the parameters of a job may be that are read with its claim, in bytes.
const MAX_INLINE_PARAMS: usize = 64 * 1024;

/// Runs the attempt of a job, if one is due and there is a place for it.
pub(in crate::jobs) async fn run_one(
    shared: &Arc<WorkerShared>,
    job: JobId,
) -> Result<RunOutcome, JobError> {
    // Of its own, so that a caller who goes away leaves nothing half begun.
    let begins = shared.control.spawn(begin(Arc::clone(shared), job));
    let fence = match begins.await.map_err(|_| JobError::NotRunning)?? {
        Ok(fence) => fence,
        Err(ran) => return Ok(ran),
    };
    let mut changes = shared.changes.of(job);
    loop {
        let found: Option<(JobState, Fence)> = shared
            .session
            .read(async |conn| read_job::state_and_fence(conn, job).await)
            .await?;
        if found != Some((JobState::Running, fence)) {
            return Ok(RunOutcome::Ended);
        }
        let _ = tokio::time::timeout(POLL_INTERVAL, changes.changed()).await;
    }
}

/// Begins the attempt in this process, and gives its fence, or says why not.
async fn begin(
    shared: Arc<WorkerShared>,
    job: JobId,
) -> Result<Result<Fence, RunOutcome>, JobError> {
    // From here on the place is taken, until the attempt has it or does not begin. The shutdown waits for that.
    let free = Capacity::of(&shared).is_free();
    let Some(reservation) = shared.in_flight.reserve(job).filter(|_| free) else {
        return Ok(Err(RunOutcome::Busy));
    };
    if shared.stopping.is_cancelled() {
        return Err(JobError::NotRunning);
    }
    let worker = shared.worker.load().await.ok_or(JobError::NotRunning)?;
    let given: Result<Result<ClaimedJob, RunOutcome>, JobError> = shared
        .session
        .transaction(async |tx| {
            let Some(found) = read_job::requested_job(tx, job).await? else {
                return Ok(Err(RunOutcome::NotDue));
            };
            if found.state == JobState::Running {
                return Ok(Err(RunOutcome::Busy));
            }
            if found.state != JobState::Ready {
                return Ok(Err(RunOutcome::NotDue));
            }
            let task = found.task_name.as_deref().unwrap_or_default();
            let paused = store::paused_names(tx).await?;
            if paused.queues.contains(&found.queue) || paused.tasks.contains(task) {
                return Ok(Err(RunOutcome::Busy));
            }
            let quarantined = is_quarantined(found.crashes);
            // One of a task that this process does not have is run by another that is called.
            let known = shared.executor.registry().get(task).is_ok();
            // Nobody else looks between these two: it is the thread of the driver.
            let capacity = Capacity::without(&shared, Some(job));
            if !known || !capacity.has_room_for(&found.queue, task, quarantined) {
                return Ok(Err(RunOutcome::Busy));
            }
            reservation.is_of(&found.queue, task, quarantined);
            if membership::heartbeat(tx, &worker, &shared.clock)
                .await?
                .is_none()
            {
                return Ok(Err(RunOutcome::Busy));
            }
            let (mut state, now) = (LimitedState::default(), shared.clock.now());
            let registry = shared.executor.registry();
            let mut limited =
                LimitedClaims::new(&shared.global_limits, &worker, registry, &mut state);
            limited.now = now;
            if !limited.admits(tx, (&found.queue, task), job).await? {
                return Ok(Err(RunOutcome::Busy));
            }
            let Some(given) = claim::claim_one(tx, &worker, job, (MAX_INLINE_PARAMS, now)).await?
            else {
                return Ok(Err(RunOutcome::Busy));
            };
            limited.finish(tx, std::slice::from_ref(&given)).await?;
            Ok(Ok(given))
        })
        .await;
    Ok(given?.map(|job| {
        let key = job.key;
        // While its place is kept: the driver takes what was given, and is not known to have begun, for lost.
        let _ = shared.outbox.send(Event::Began(key));
        runner::start(&shared, job);
        key.fence
    }))
}
