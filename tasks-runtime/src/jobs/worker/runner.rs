//! Runs one attempt.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "metrics")]
use crate::jobs::metrics::OutcomeLabel;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Event};
use super::attempt_end::{AttemptEnd, AttemptOutcome};
use super::attempt_result::{end, of_old_version, other_version, say, waiting};
use super::claimed_job::ClaimedJob;
use super::in_flight::{InFlightAttempt, StopReason};
use super::shared::WorkerShared;
use super::step_journal::Interruption;
use super::{read_job, unserved, write_limits};
use crate::arguments::InvalidArguments;
use crate::call::ExecuteError;
use crate::execute::loggable;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::error::JobError;
use crate::jobs::history::{Count, Timing};
use crate::jobs::origin::as_parent;
use crate::jobs::state::is_quarantined;
use crate::jobs::store;
use crate::registry::RegisteredTask;
use crate::task::{Caller, JobPolicy};

/// Pause after parameters could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// How long a job waits that this process cannot run, and that is not [left to others](super::left_to_others).
const CANNOT_RUN_DELAY: Duration = Duration::from_secs(5);

/// The same, of a job whose steps are of another version of its task: there may be many, and each reads its steps first.
const OTHER_VERSION_DELAY: Duration = Duration::from_secs(60);

/// How long a job waits for a process that may just be starting: it takes submissions a moment before its worker is there.
const START_DELAY: Duration = Duration::from_secs(2);

/// Whether other workers may run a job that this one cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    /// It is for this one to say how it ends.
    Not,
    /// There is none yet, and one may just be starting.
    Perhaps,
    May,
}

/// Starts the attempt of a job that this worker was given.
pub(in crate::jobs) fn start(shared: &Arc<WorkerShared>, job: ClaimedJob) {
    let stop = CancellationToken::new();
    shared.in_flight.add(
        job.key.job,
        InFlightAttempt {
            fence: job.key.fence,
            queue: job.queue.clone(),
            task: Some(job.task_name.clone()),
            quarantined: is_quarantined(job.crashes),
            stop: stop.clone(),
            why: None,
            waiting_since: Some(std::time::Instant::now()),
            given_up: None,
        },
    );
    let entry = shared.executor.registry().get(&job.task_name);
    let version = entry.map_or(1, |entry| entry.policy().version);
    let attempt = Arc::new(Attempt::new(
        job.key,
        job.attempt,
        job.max_attempts,
        shared.outbox.clone(),
        Arc::clone(&shared.step_store),
        shared.settings.max_result_size,
        version,
    ));
    shared.changes.notify(job.key.job);
    shared
        .handle
        .spawn(run(Arc::clone(shared), job, attempt, stop));
}

async fn run(
    shared: Arc<WorkerShared>,
    mut job: ClaimedJob,
    attempt: Arc<Attempt>,
    stop: CancellationToken,
) {
    if !shared.in_flight.begin(job.key) {
        // It waited for a thread for too long, and was returned.
        return;
    }
    let task = job.task_name.clone();
    let name = task.as_str();
    let began = std::time::Instant::now();
    let waited = u64::try_from(shared.clock.now() - job.run_at).unwrap_or(0);
    #[cfg(feature = "metrics")]
    if let Some(metrics) = &shared.metrics {
        metrics.attempt_started(name, Duration::from_micros(waited));
    }
    let entry = shared.executor.registry().get(name);
    let policy = entry
        .as_ref()
        .map_or(JobPolicy::DEFAULT, |entry| entry.policy());
    let mut others = Others::Not;
    let mut interruption = None;
    let result = match entry {
        Ok(entry) => {
            let timeout = job
                .timeout_ms
                .map(|milliseconds| Duration::from_millis(milliseconds.unsigned_abs()));
            let stored = match job.params.take() {
                Some(params) => Some(params),
                None => tokio::select! {
                    biased;
                    () = stop.cancelled() => None,
                    params = large_params(&shared, job.key) => params,
                },
            };
            let codec = shared.settings.params_codec();
            match stored.map(|stored| codec.read(entry, &stored)) {
                // It is to stop, or does not count any more.
                None => None,
                Some(Ok(params)) => {
                    let caller = match job.submitted_by.as_deref() {
                        Some(name) => Caller::new().with_key_name(name),
                        None => Caller::new(),
                    };
                    let call = (params.as_str(), caller);
                    let handle = Arc::<Attempt>::clone(&attempt);
                    let running = shared.executor.attempt(entry, call, handle, timeout);
                    let running = as_parent(job.key.job, running);
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => None,
                        result = running => Some(result),
                        why = attempt.steps().interrupted() => {
                            interruption = Some(why);
                            None
                        }
                    }
                }
                // Another process may have the key, or this one after its next start: no attempt is spent.
                Some(Err(error)) => {
                    shared.health.lacks_key(&error.to_string());
                    others = Others::May;
                    None
                }
            }
        }
        Err(error) => Some(Err(error)),
    };
    // Parameters that do not fit may be those of another version of the task, which its steps name.
    if let Some(Err(error)) = &result
        && is_mismatch(error)
        && let Some(version) = version_of_steps(&shared, &job).await
        && version.unsigned_abs() != policy.version
    {
        interruption = Some(Interruption::OtherVersion(version));
    }
    // Nor for parameters that fit another version of the program, as it may be that has taken them.
    if interruption.is_none()
        && let Some(Err(error)) = &result
        && is_mismatch(error)
    {
        others = others_may_take(&shared, &job).await;
        if others == Others::May {
            let entry = shared.executor.registry().get(name);
            let secret = entry.is_ok_and(RegisteredTask::has_secrets);
            let error = error.to_string();
            shared.health.does_not_take(loggable(&error, secret));
        }
    }
    let old_version = match &interruption {
        Some(Interruption::OtherVersion(version)) => {
            let reason = other_version(&job, version.unsigned_abs(), &policy);
            if policy.fail_old_versions && version.unsigned_abs() < policy.version {
                Some(reason)
            } else {
                shared.health.has_other_version(&reason);
                others = Others::May;
                None
            }
        }
        _ => None,
    };
    // A thread cannot be stopped: until it has ended, so has not the attempt.
    if attempt.runs() {
        shared.in_flight.give_up(job.key);
        until_ended(&shared, &job, &attempt).await;
    }
    let why = shared.in_flight.remove(job.key);
    let mut end = match why {
        None | Some(StopReason::Shutdown) if others != Others::Not => {
            // One that can run it finds it at once. An engine does not ask what this process can run.
            let is_left = others == Others::May
                && shared.settings.engine.is_none()
                && shared.left_to_others.add(job.key.job);
            let outcome = if is_left {
                AttemptOutcome::Returned
            } else {
                let delay = match others {
                    Others::Perhaps => START_DELAY,
                    Others::May | Others::Not if interruption.is_some() => OTHER_VERSION_DELAY,
                    Others::May | Others::Not => CANNOT_RUN_DELAY,
                };
                let until = shared.clock.after(delay);
                AttemptOutcome::Deferred { until }
            };
            Some(AttemptEnd::new(job.key, shared.clock.now(), outcome))
        }
        None | Some(StopReason::Shutdown) => match (interruption, old_version) {
            (Some(Interruption::Suspended(suspension)), _) => {
                Some(waiting(&job, &attempt, suspension, &shared))
            }
            (_, Some(reason)) => Some(of_old_version(&job, reason, &shared)),
            _ => end(&job, &attempt, &policy, result, why, &shared),
        },
        why => end(&job, &attempt, &policy, result, why, &shared),
    };
    let timing = Timing {
        series: shared.figures.series(Some(name), &job.queue),
        wait: Some(waited),
        run: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
    };
    // It was completed in a transaction of the task's own; all others are counted when their ends are stored.
    if end.is_none() && attempt.is_completed() {
        let now = shared.clock.now();
        shared.figures.attempt(timing, Count::Completed, now);
    }
    #[cfg(feature = "metrics")]
    if let Some(metrics) = &shared.metrics
        && (end.is_some() || attempt.is_completed())
    {
        metrics.attempt_ran(name, began.elapsed());
        if end.is_none() {
            metrics.attempt_finished(name, OutcomeLabel::Completed);
        }
    }
    if let Some(end) = &end {
        let secret = shared
            .executor
            .registry()
            .get(name)
            .is_ok_and(RegisteredTask::has_secrets);
        say(&job, end, secret);
    }
    if let Some(end) = &mut end {
        end.task = Some(task);
        end.timing = Some(timing);
    }
    let event = match end {
        Some(end) => Event::Finished(Box::new(end)),
        None => Event::Over(job.key),
    };
    let _ = shared.outbox.send(event);
    shared.in_flight.acknowledge();
}

/// Whether an attempt did not begin because its parameters do not fit.
fn is_mismatch(error: &ExecuteError) -> bool {
    let ExecuteError::InvalidArguments { reason, .. } = error else {
        return false;
    };
    matches!(reason, InvalidArguments::Mismatch(_))
}

/// The version of the task that a job belongs to; `None` when it has no steps, or the database does not say.
async fn version_of_steps(shared: &WorkerShared, job: &ClaimedJob) -> Option<i32> {
    if job.key.fence.is_first() {
        return None;
    }
    let found: Result<Option<i32>, JobError> = shared
        .session
        .read(async |conn| store::version_of_steps(conn, job.key.job).await)
        .await;
    found.ok().flatten()
}

/// Waits for the code of an attempt that was given up, however long it takes, and says so when it takes long.
async fn until_ended(shared: &WorkerShared, job: &ClaimedJob, attempt: &Attempt) {
    let patience = shared.settings.lease;
    if tokio::time::timeout(patience, attempt.ended())
        .await
        .is_err()
    {
        tracing::warn!(
            job_id = %job.key.job,
            task = job.task_name,
            "the code of a job that was canceled, or ran into its timeout, has not returned: its thread cannot be stopped, and keeps a place \
             of this process until it does"
        );
        attempt.ended().await;
    }
}

/// Whether a job whose parameters do not fit here may be run by another worker that lives and has its task: for a while, it may.
async fn others_may_take(shared: &WorkerShared, job: &ClaimedJob) -> Others {
    let id = job.key.job;
    if shared.left_to_others.is_given_up(id) {
        return Others::Not;
    }
    let own = shared.worker.load().await;
    let found: Result<bool, JobError> = shared
        .session
        .read(async |conn| {
            unserved::others_serve(conn, own.as_deref(), &job.task_name, &job.queue).await
        })
        .await;
    match found {
        // When the database does not say, no attempt is spent.
        Ok(true) | Err(_) => Others::May,
        Ok(false) if shared.left_to_others.meet(id) => Others::Perhaps,
        Ok(false) => Others::Not,
    }
}

/// Reads parameters that were too long to be read with the claim, of one job at a time; `None` when the attempt does not count any more.
async fn large_params(shared: &WorkerShared, key: AttemptKey) -> Option<String> {
    let _one = shared.large_params.acquire().await.ok()?;
    loop {
        let bytes: Result<Option<i64>, JobError> = shared
            .session
            .read(async |conn| read_job::params_size(conn, key).await)
            .await;
        let params: Result<Option<String>, JobError> = match bytes {
            Ok(Some(bytes)) => {
                let extra = write_limits::extra_time(usize::try_from(bytes).unwrap_or_default());
                shared
                    .session
                    .read_large(extra, async |conn| read_job::params(conn, key).await)
                    .await
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match params {
            Ok(params) => return params,
            Err(error) => {
                tracing::warn!(job_id = %key.job, %error, "the parameters of a job were not read yet");
                tokio::time::sleep(READ_PAUSE).await;
            }
        }
    }
}
