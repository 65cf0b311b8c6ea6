//! Jobs that are futures of this process.

use std::sync::Arc;

use crate::jobs::id::JobId;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::attempt::Event;
use super::attempt_end::{AttemptEnd, AttemptOutcome};
use super::in_flight::{InFlightAttempt, StopReason};
use super::membership;
use super::shared::WorkerShared;
use crate::call::panic;
use crate::database::Connection;
use crate::jobs::attempt_key::{AttemptKey, Fence};
use crate::jobs::clock::Clock;
use crate::jobs::error::JobError;
use crate::jobs::history::Timing;
use crate::jobs::new_job_row::{ExplicitOptions, NewJobRow};
use crate::jobs::origin::Origin;
use crate::jobs::state::{ClaimLine, JobState};
use crate::jobs::stored_text::{check_description, storable};
use crate::task::{IntoTaskFailure, TaskFailure, TaskOutput as _, Traceback};

/// The row of one that is about to run.
pub(in crate::jobs) async fn row(
    shared: &WorkerShared,
    description: &str,
) -> Result<NewJobRow, JobError> {
    check_description(description)?;
    let worker = shared.worker.load().await.ok_or(JobError::NotRunning)?;
    let now = shared.clock.now();
    Ok(NewJobRow {
        id: JobId::new(),
        task_name: None,
        description: Some(storable(description)),
        queue: crate::jobs::DEFAULT_QUEUE.to_owned(),
        state: JobState::Running,
        priority: 0,
        run_at: now,
        submitted_at: now,
        scheduled_at: None,
        attempt: 1,
        max_attempts: 1,
        crashes: 0,
        fence: Fence::FIRST,
        worker: Some(worker),
        started_at: Some(now),
        timeout_ms: None,
        idempotency_key: None,
        unique_key: None,
        by_name: ClaimLine::Shared.number(),
        concurrency_key: None,
        params: "{}".to_owned(),
        schedule_name: None,
        submitted_by: None,
        again: false,
        burst: None,
        explicit: ExplicitOptions::default(),
        origin: Origin::here(None),
        other_unique_keys: Vec::new(),
    })
}

/// Holds the row of its worker until the job is stored, so that a later crash recovers it.
pub(in crate::jobs) async fn check_worker(
    conn: &mut Connection,
    row: &NewJobRow,
    clock: &Clock,
) -> Result<(), JobError> {
    let worker = row.worker.as_deref().unwrap_or_default();
    if membership::heartbeat(conn, worker, clock).await?.is_some() {
        Ok(())
    } else {
        Err(JobError::NotRunning)
    }
}

/// Runs it; its row is stored.
pub(in crate::jobs) fn start<T, E>(
    shared: &Arc<WorkerShared>,
    row: &NewJobRow,
    future: impl Future<Output = Result<T, E>> + Send + 'static,
) where
    T: Serialize + Send + 'static,
    E: IntoTaskFailure + Send,
{
    let key = AttemptKey {
        job: row.id,
        fence: row.fence,
    };
    let stop = CancellationToken::new();
    shared.in_flight.add(
        key.job,
        InFlightAttempt {
            fence: key.fence,
            queue: row.queue.clone(),
            task: None,
            quarantined: false,
            stop: stop.clone(),
            why: None,
            waiting_since: None,
            given_up: None,
        },
    );
    let series = shared.figures.series(None, &row.queue);
    let began = std::time::Instant::now();
    let shared = Arc::clone(shared);
    let handle = shared.handle.clone();
    handle.spawn(async move {
        // Of its own, so that it can be aborted.
        let running = tokio::spawn(catch_panics(async move {
            let value = future
                .await
                .map_err(|error| error.into_task_failure(Traceback::Causes))?;
            let mut json = Vec::new();
            value
                .write(&mut json)
                .map_err(|error| TaskFailure::of_output(&error, Traceback::Causes))?;
            String::from_utf8(json).map_err(|error| TaskFailure::internal(error.to_string()))
        }));
        let abort = running.abort_handle();
        let result = tokio::select! {
            biased;
            () = stop.cancelled() => {
                abort.abort();
                None
            }
            result = running => Some(result.unwrap_or_else(|error| {
                Err(TaskFailure::internal(format!("the closure was ended: {error}")))
            })),
        };
        let why = shared.in_flight.remove(key);
        let outcome = match outcome(result, why) {
            AttemptOutcome::Completed(json) => {
                AttemptOutcome::completed(json, shared.settings.max_result_size)
            }
            outcome => outcome,
        };
        let timing = Timing {
            series,
            wait: None,
            run: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        };
        let end = AttemptEnd {
            timing: Some(timing),
            ..AttemptEnd::new(key, shared.clock.now(), outcome)
        };
        let _ = shared.outbox.send(Event::Finished(Box::new(end)));
        shared.in_flight.acknowledge();
    });
}

fn outcome(result: Option<Result<String, TaskFailure>>, why: Option<StopReason>) -> AttemptOutcome {
    match (why, result) {
        (Some(StopReason::Canceled), _) => AttemptOutcome::Canceled,
        // If the worker was reaped, this does not count; if only the database was away, no other process would write it.
        (Some(StopReason::Superseded), _) | (_, None) => AttemptOutcome::Lost,
        (_, Some(Ok(json))) => AttemptOutcome::Completed(json),
        (_, Some(Err(failure))) => AttemptOutcome::Failed(failure.into()),
    }
}

/// A closure that panics fails as a task does.
async fn catch_panics<T>(
    future: impl Future<Output = Result<T, TaskFailure>>,
) -> Result<T, TaskFailure> {
    match panic::catch_polls(Traceback::Causes, future).await {
        Ok(result) => result,
        Err(caught) => Err(caught.into_failure(Traceback::Causes)),
    }
}
