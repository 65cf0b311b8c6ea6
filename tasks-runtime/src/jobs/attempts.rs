//! The attempts of a job: those that are stored because they failed, and the latest one, which the job itself has.

use chrono::{DateTime, Utc};

use super::record::{JobAttempt, JobStatus};
use super::store::{AttemptRow, LatestAttempt};

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// A machine and a process, as people read it.
fn worker(host: &str, process: i64) -> String {
    // After the name of the machine comes what tells its starts apart.
    let name = host.split(' ').next().unwrap_or_default();
    format!("{name} ({process})")
}

/// Oldest first.
pub(super) fn of(job: LatestAttempt, stored: Vec<AttemptRow>) -> Vec<JobAttempt> {
    let is_stored = stored.last().is_some_and(|last| last.fence == job.fence);
    let mut attempts: Vec<JobAttempt> = stored
        .into_iter()
        .map(|row| JobAttempt {
            number: row.number.unsigned_abs(),
            status: JobStatus::Failed,
            started_at: row.started_at.map(time),
            finished_at: Some(time(row.finished_at)),
            worker: Some(worker(&row.host, row.process)),
            error_type: Some(row.error_type),
            error_code: row.error_code,
            error: Some(row.error),
        })
        .collect();
    let status = job.state.status();
    let has_run = job.started_at.is_some() && status != JobStatus::Pending;
    // A job whose process died has failed by that, which is stored under the fence before.
    let is_crash = status == JobStatus::Failed && job.error_code.as_deref() == Some("crash");
    if is_stored || !has_run || (is_crash && !attempts.is_empty()) {
        return attempts;
    }
    attempts.push(JobAttempt {
        number: job.attempt.unsigned_abs(),
        status,
        started_at: job.started_at.map(time),
        finished_at: job.finished_at.map(time),
        worker: job
            .host
            .zip(job.process)
            .map(|(host, process)| worker(&host, process)),
        error_type: job.error_type,
        error_code: job.error_code,
        error: job.error,
    });
    attempts
}
