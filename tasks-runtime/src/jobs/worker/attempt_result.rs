//! What an attempt came to.

use std::time::Duration;

use super::attempt::Attempt;
use super::attempt_end::{AttemptEnd, AttemptOutcome, Failure};
use super::claimed_job::ClaimedJob;
use super::in_flight::StopReason;
use super::shared::WorkerShared;
use super::suspension::Suspension;
use crate::arguments::InvalidArguments;
use crate::artifacts::ArtifactId;
use crate::call::ExecuteError;
use crate::execute::loggable;
use crate::jobs::{MAX_DELAY, MAX_ERROR_DETAILS};
use crate::task::{JobPolicy, Outcome, TaskFailure, spread};

/// How long a job waits that could not begin for want of a place.
const BUSY_DELAY: Duration = Duration::from_secs(1);

/// That an attempt waits, for a time or an event.
pub(super) fn waiting(
    job: &ClaimedJob,
    attempt: &Attempt,
    suspension: Suspension,
    shared: &WorkerShared,
) -> AttemptEnd {
    AttemptEnd {
        artifact: attempt.artifact(),
        progress: attempt.take_reported().0,
        ..AttemptEnd::new(
            job.key,
            shared.clock.now(),
            AttemptOutcome::Suspended(suspension),
        )
    }
}

/// That the steps of a job are of another version of its task.
pub(super) fn other_version(job: &ClaimedJob, steps: u32, policy: &JobPolicy) -> String {
    let (id, task, own) = (job.key.job, &job.task_name, policy.version);
    format!(
        "job {id} has steps of version {steps} of task `{task}`, and this process has version {own}: keep a worker with version {steps} until its jobs are done, or cancel the job and fork it"
    )
}

/// That an attempt failed because the steps of its job are of an older version of the task.
pub(super) fn of_old_version(
    job: &ClaimedJob,
    reason: String,
    shared: &WorkerShared,
) -> AttemptEnd {
    let outcome = AttemptOutcome::Failed(Failure::of_old_version(reason));
    AttemptEnd::new(job.key, shared.clock.now(), outcome)
}

/// What an attempt came to; `None` when there is nothing to be written.
pub(super) fn end(
    job: &ClaimedJob,
    attempt: &Attempt,
    policy: &JobPolicy,
    result: Option<Result<Outcome, ExecuteError>>,
    why: Option<StopReason>,
    shared: &WorkerShared,
) -> Option<AttemptEnd> {
    let clock = &shared.clock;
    let end = AttemptEnd {
        artifact: attempt.artifact(),
        ..AttemptEnd::new(job.key, clock.now(), AttemptOutcome::Returned)
    };
    match why {
        Some(StopReason::Superseded) => return None,
        Some(StopReason::Canceled) => {
            return Some(AttemptEnd {
                outcome: AttemptOutcome::Canceled,
                ..end
            });
        }
        Some(StopReason::Shutdown) if result.is_none() => {
            return Some(AttemptEnd::left_behind(job.key, false, end.at));
        }
        _ => {}
    }
    let failure = match result? {
        Ok(Outcome::Completed(_)) if attempt.is_completed() => return None,
        Ok(Outcome::Completed(json)) => {
            let json = String::from_utf8(json).unwrap_or_default();
            return Some(AttemptEnd {
                artifact: end.artifact.or_else(|| artifact_in(&json)),
                progress: attempt.take_reported().0,
                outcome: AttemptOutcome::completed(json, shared.settings.max_result_size),
                ..end
            });
        }
        Ok(Outcome::Failed(failure)) => *failure,
        Err(ExecuteError::Refused { .. }) => {
            let until = clock.after(BUSY_DELAY);
            return Some(AttemptEnd {
                outcome: AttemptOutcome::Deferred { until },
                ..end
            });
        }
        // Only known ones are claimed.
        Err(ExecuteError::UnknownTask { .. }) => return Some(end),
        Err(error) => {
            let lasting = !matches!(error, ExecuteError::Unavailable { .. });
            let mut failure = TaskFailure::of_execution(&error, lasting);
            failure.location = pointer_of(&error);
            failure
        }
    };
    let is_last = failure.permanent || job.attempt >= job.max_attempts;
    let delay = failure.retry_after().map_or_else(
        || policy.backoff.delay(job.attempt),
        |time| time.min(MAX_DELAY),
    );
    let has_details = failure.details.is_some();
    let failure = Failure::from(failure);
    if has_details && failure.details.is_none() {
        let (job_id, task, error_code) =
            (job.key.job, job.task_name.as_str(), failure.code.as_deref());
        tracing::warn!(%job_id, task, error_code, "the details of an error are not stored: they are longer than {MAX_ERROR_DETAILS} bytes");
    }
    let outcome = if is_last {
        AttemptOutcome::Failed(failure)
    } else {
        let at = clock.after(spread(delay).min(MAX_DELAY));
        AttemptOutcome::Retried { failure, at }
    };
    Some(AttemptEnd {
        progress: attempt.take_reported().0,
        outcome,
        ..end
    })
}

/// The artifact that a result names: it is its id, or has it as `artifact_id`.
fn artifact_in(json: &str) -> Option<ArtifactId> {
    #[derive(serde::Deserialize)]
    struct NamedArtifact {
        artifact_id: Option<String>,
    }
    let id = if json.starts_with('"') {
        json.trim_matches('"').to_owned()
    } else if json.contains("\"artifact_id\"") {
        serde_json::from_str::<NamedArtifact>(json)
            .ok()?
            .artifact_id?
    } else {
        return None;
    };
    id.parse().ok()
}

/// The first parameter that does not fit.
fn pointer_of(error: &ExecuteError) -> Option<Box<str>> {
    let ExecuteError::InvalidArguments { reason, .. } = error else {
        return None;
    };
    let InvalidArguments::Mismatch(errors) = reason else {
        return None;
    };
    errors.first().map(|error| error.pointer.as_str().into())
}

/// An attempt that failed is seen in the log.
pub(super) fn say(job: &ClaimedJob, end: &AttemptEnd, secret: bool) {
    let (AttemptOutcome::Failed(failure) | AttemptOutcome::Retried { failure, .. }) = &end.outcome
    else {
        return;
    };
    let (job_id, task, attempt) = (job.key.job, job.task_name.as_str(), job.attempt);
    let error = loggable(&failure.message, secret);
    let error_type = failure.r#type.as_str();
    let error_location = failure
        .traceback
        .as_deref()
        .and_then(TaskFailure::location_in);
    let error_code = failure.code.as_deref();
    match end.waits_until() {
        None => {
            tracing::error!(%job_id, task, attempt, error_type, error_code, error, error_location, "a job failed");
        }
        Some(at) => {
            let retry_in_seconds = (at - end.at).max(0) / 1_000_000;
            tracing::warn!(
                %job_id,
                task,
                attempt,
                error_type,
                error_code,
                error,
                error_location,
                retry_in_seconds,
                "an attempt of a job failed"
            );
        }
    }
}
