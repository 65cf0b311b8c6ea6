//! Runs one attempt.

use std::sync::Arc;
use std::time::Duration;

use crate::jobs::id::JobId;
#[cfg(feature = "metrics")]
use crate::jobs::metrics::AttemptOutcome;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Event};
use super::finish::Finish;
use super::in_flight::{InFlightAttempt, StopReason};
use super::shared::Shared;
use crate::artifacts::ArtifactId;
use crate::call::ExecuteError;
use crate::execute::loggable;
use crate::jobs::clock::Clock;
use crate::jobs::state::{JobState, is_quarantined};
use crate::jobs::table::Claimed;
use crate::registry::RegisteredTask;
use crate::task::{Caller, JobPolicy, Outcome, TaskFailure};

/// How long a job waits that could not begin for want of a place.
const BUSY: Duration = Duration::from_secs(1);

/// How long a job waits whose parameters this process cannot decrypt.
const NO_KEY: Duration = Duration::from_secs(5);

/// Starts the attempt of a job that this worker was given.
pub(in crate::jobs) fn start(shared: &Arc<Shared>, job: Claimed) {
    let Ok(id) = job.id.parse::<JobId>() else {
        return;
    };
    let stop = CancellationToken::new();
    shared.in_flight.add(
        job.id.clone(),
        InFlightAttempt {
            fence: job.fence,
            queue: job.queue.clone(),
            task: Some(job.task_name.clone().unwrap_or_default()),
            quarantined: is_quarantined(job.crashes),
            stop: stop.clone(),
            why: None,
            waiting_since: Some(std::time::Instant::now()),
        },
    );
    let attempt = Arc::new(Attempt::new(
        id,
        job.attempt.unsigned_abs(),
        job.max_attempts.unsigned_abs(),
        job.fence,
        shared.outbox.clone(),
        shared.clock.clone(),
    ));
    shared.changes.notify_id(id);
    #[cfg(feature = "metrics")]
    if let Some(metrics) = &shared.metrics {
        let waited = u64::try_from(shared.clock.now() - job.run_at).unwrap_or(0);
        let task = job.task_name.as_deref().unwrap_or_default();
        metrics.started(task, Duration::from_micros(waited));
    }
    shared
        .handle
        .spawn(run(Arc::clone(shared), job, attempt, stop));
}

async fn run(shared: Arc<Shared>, job: Claimed, attempt: Arc<Attempt>, stop: CancellationToken) {
    if !shared.in_flight.begin(&job.id, job.fence) {
        // It waited for a thread for too long, and was returned.
        return;
    }
    let name = job.task_name.as_deref().unwrap_or_default();
    #[cfg(feature = "metrics")]
    let began = std::time::Instant::now();
    let entry = shared.executor.registry().get(name);
    let policy = entry
        .as_ref()
        .map_or(JobPolicy::DEFAULT, |entry| entry.policy());
    let mut without_key = false;
    let result = match entry {
        Ok(entry) => {
            let timeout = job
                .timeout_ms
                .map(|milliseconds| Duration::from_millis(milliseconds.unsigned_abs()));
            match shared.settings.params_store().read(entry, &job.params) {
                Ok(params) => {
                    let caller = match job.submitted_by.as_deref() {
                        Some(name) => Caller::new().with_key_name(name),
                        None => Caller::new(),
                    };
                    let call = (params.as_str(), caller);
                    let handle = Arc::<Attempt>::clone(&attempt);
                    let running = shared.executor.attempt(entry, call, handle, timeout);
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => None,
                        result = running => Some(result),
                    }
                }
                // Another process may have the key, or this one after its next start: no attempt is spent.
                Err(error) => {
                    shared.condition.lacks_key(&error.to_string());
                    without_key = true;
                    None
                }
            }
        }
        Err(error) => Some(Err(error)),
    };
    // A thread cannot be stopped: until it has ended, so has not the attempt.
    attempt.ended().await;
    let why = shared.in_flight.remove(&job.id, job.fence);
    let end = match why {
        None | Some(StopReason::Shutdown) if without_key => {
            let back = Finish::returned(&job.id, job.fence, shared.clock.now());
            Some(later(back, shared.clock.after(NO_KEY)))
        }
        why => end(&job, &attempt, &policy, result, why, &shared.clock),
    };
    #[cfg(feature = "metrics")]
    if let Some(metrics) = &shared.metrics
        && (end.is_some() || attempt.is_completed())
    {
        // Without an end it was completed in a transaction of the task's own.
        let outcome = end
            .as_ref()
            .map_or(AttemptOutcome::Completed, Finish::outcome);
        metrics.ended(name, outcome, began.elapsed());
    }
    if let Some(end) = &end {
        let secret = shared
            .executor
            .registry()
            .get(name)
            .is_ok_and(RegisteredTask::has_secrets);
        say(&job, &attempt, end, secret, shared.clock.now());
    }
    let event = match end {
        Some(end) => Event::Finished(Box::new(end)),
        None => Event::Over(job.id, job.fence),
    };
    let _ = shared.outbox.send(event);
    shared.in_flight.acknowledge();
}

/// An attempt that failed is seen in the log.
fn say(job: &Claimed, attempt: &Attempt, end: &Finish, secret: bool, now: i64) {
    let (job_id, task, number) = (&job.id, job.task_name.as_deref(), attempt.number);
    let error = end.error.as_deref().map(|error| loggable(error, secret));
    let place = end
        .error_traceback
        .as_deref()
        .and_then(TaskFailure::place_in);
    if end.state == JobState::Failed {
        tracing::error!(job_id, task, attempt = number, error, place, "a job failed");
    } else if end.state == JobState::Waiting && error.is_some() {
        let seconds = (end.run_at - now).max(0) / 1_000_000;
        tracing::warn!(
            job_id,
            task,
            attempt = number,
            error,
            place,
            again_in = format!("{seconds} s"),
            "an attempt of a job failed"
        );
    }
}

/// What an attempt came to; `None` when there is nothing to be written.
fn end(
    job: &Claimed,
    attempt: &Attempt,
    policy: &JobPolicy,
    result: Option<Result<Outcome, ExecuteError>>,
    why: Option<StopReason>,
    clock: &Clock,
) -> Option<Finish> {
    let now = clock.now();
    let blank = Finish {
        artifact_id: attempt.artifact().map(|id| id.to_string()),
        ..Finish::returned(&job.id, job.fence, now)
    };
    match why {
        Some(StopReason::Superseded) => return None,
        Some(StopReason::Canceled) => {
            return Some(Finish {
                state: JobState::Canceled,
                attempts: 0,
                finished_at: Some(now),
                ..blank
            });
        }
        Some(StopReason::Shutdown) if result.is_none() => {
            return Some(Finish::left_behind(&job.id, job.fence, false, now));
        }
        _ => {}
    }
    let result = result?;
    let failure = match result {
        Ok(Outcome::Completed(_)) if attempt.is_completed() => return None,
        Ok(Outcome::Completed(json)) => {
            let json = String::from_utf8(json).unwrap_or_default();
            return Some(Finish {
                state: JobState::Completed,
                attempts: 0,
                finished_at: Some(now),
                artifact_id: blank.artifact_id.clone().or_else(|| artifact_in(&json)),
                progress: attempt.take_reported().0,
                result: Some(json),
                ..blank
            });
        }
        Ok(Outcome::Failed(failure)) => failure,
        Err(ExecuteError::Refused { .. }) => return Some(later(blank, clock.after(BUSY))),
        // Only known ones are claimed.
        Err(ExecuteError::UnknownTask { .. }) => return Some(blank),
        Err(error) => {
            let lasting = !matches!(error, ExecuteError::Unavailable { .. });
            TaskFailure::of_execution(&error, lasting)
        }
    };
    let failed = Finish {
        attempts: 0,
        error_type: Some(failure.r#type),
        error: Some(failure.message),
        error_traceback: failure.traceback,
        progress: attempt.take_reported().0,
        ..blank
    };
    if failure.permanent || job.attempt >= job.max_attempts {
        return Some(Finish {
            state: JobState::Failed,
            finished_at: Some(now),
            ..failed
        });
    }
    Some(later(
        failed,
        clock.after(spread(policy.backoff.delay(job.attempt.unsigned_abs()))),
    ))
}

/// The job waits until then.
fn later(end: Finish, at: i64) -> Finish {
    Finish {
        state: JobState::Waiting,
        run_at: at,
        ..end
    }
}

/// Up to a tenth more, so that jobs that failed together do not come back together.
fn spread(delay: Duration) -> Duration {
    let random = ulid::Ulid::new().random() % 1000;
    let share = u32::try_from(random).unwrap_or(0);
    delay + delay / 10 * share / 1000
}

/// The artifact that a result names: it is its id, or has it as `artifact_id`.
fn artifact_in(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        artifact_id: Option<String>,
    }
    let id = if json.starts_with('"') {
        json.trim_matches('"').to_owned()
    } else if json.contains("\"artifact_id\"") {
        serde_json::from_str::<Named>(json).ok()?.artifact_id?
    } else {
        return None;
    };
    id.parse::<ArtifactId>().is_ok().then_some(id)
}
