//! Attempts that begin because an engine calls for them.

use std::sync::Arc;
use std::time::Duration;

use ulid::Ulid;

use super::Shared;
use super::attempt::Event;
use super::membership::is_suspect;
use super::places::Places;
use super::{claim, membership, runner};
use crate::jobs::engine::Ran;
use crate::jobs::error::JobError;
use crate::jobs::table::{Claimed, now, state};

/// How long to wait before looking again whether an end is written that nobody told of.
const LOOK: Duration = Duration::from_millis(250);

/// Runs the attempt of a job, if one is due and there is a place for it.
pub(in crate::jobs) async fn run_one(shared: &Arc<Shared>, job: Ulid) -> Result<Ran, JobError> {
    // Of its own, so that a caller who goes away leaves nothing half begun.
    let begins = shared.handle.spawn(begin(Arc::clone(shared), job));
    let fence = match begins.await.map_err(|_| JobError::NotRunning)?? {
        Ok(fence) => fence,
        Err(ran) => return Ok(ran),
    };
    let mut changes = shared.changes.of(job);
    loop {
        let found: Option<(i32, i64)> = shared
            .session
            .read(async |conn| claim::standing(conn, job).await)
            .await?;
        if found != Some((state::RUNNING, fence)) {
            return Ok(Ran::Ended);
        }
        let _ = tokio::time::timeout(LOOK, changes.changed()).await;
    }
}

/// Begins the attempt in this process, and gives its fence, or says why not.
async fn begin(shared: Arc<Shared>, job: Ulid) -> Result<Result<i64, Ran>, JobError> {
    // What is free now is free until the attempt has its place.
    let _one_at_a_time = shared.beginning.lock().await;
    if shared.stopping.is_cancelled() {
        return Err(JobError::NotRunning);
    }
    let worker = shared.worker.load().await.ok_or(JobError::NotRunning)?;
    let places = Places::of(&shared);
    if !places.are_free() {
        return Ok(Err(Ran::Busy));
    }
    let id = job.to_string();
    let given: Result<Result<Claimed, Ran>, JobError> = shared
        .session
        .transaction(async |tx| {
            let Some(found) = claim::asked_for(tx, &id).await? else {
                return Ok(Err(Ran::Nothing));
            };
            if found.state == state::RUNNING {
                return Ok(Err(Ran::Busy));
            }
            if found.state != state::READY {
                return Ok(Err(Ran::Nothing));
            }
            let task = found.task_name.as_deref().unwrap_or_default();
            if !places.are_free_for(&found.queue, task, is_suspect(found.crashes))
                || !membership::beat(tx, &worker).await?
            {
                return Ok(Err(Ran::Busy));
            }
            let given = claim::claim_one(tx, &worker, &id, now()).await?;
            Ok(given.ok_or(Ran::Busy))
        })
        .await;
    Ok(given?.map(|job| {
        let fence = job.fence;
        // While nobody else begins: the driver takes what was given, and is not known to have begun, for lost.
        let _ = shared.outbox.send(Event::Began(id, fence));
        runner::start(&shared, job);
        fence
    }))
}
