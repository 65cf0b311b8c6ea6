//! The attempts of a job: those that are stored because they failed, and the latest one, which the job itself has.

use chrono::{DateTime, Utc};

use super::record::{JobAttempt, JobStatus};
use super::store::{AttemptRow, LatestAttempt};
use crate::database::computer_of;

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// A machine and a process, as people read it.
fn worker(host: &str, process: i64) -> String {
    format!("{} ({process})", computer_of(host))
}

/// Oldest first.
pub(super) fn of(job: LatestAttempt, stored: Vec<AttemptRow>) -> Vec<JobAttempt> {
    // A job that is taken from a dead worker gets another fence, and keeps the time at which it began.
    let is_stored = stored.last().is_some_and(|last| {
        last.fence == job.fence || (last.started_at.is_some() && last.started_at == job.started_at)
    });
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
    // It was canceled while it waited for another attempt.
    let has_waited = status == JobStatus::Canceled && job.finished_at == job.cancel_requested_at;
    if is_stored || !has_run || has_waited {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::attempt_key::Fence;
    use crate::jobs::state::JobState;

    fn stored(number: i32, started_at: i64) -> AttemptRow {
        AttemptRow {
            fence: Fence::FIRST,
            number,
            host: "one boot pid".to_owned(),
            process: 7,
            started_at: Some(started_at),
            finished_at: started_at + 1,
            error_type: "crash".to_owned(),
            error_code: Some("crash".to_owned()),
            error: "it died".to_owned(),
        }
    }

    fn latest(state: JobState, started_at: Option<i64>) -> LatestAttempt {
        LatestAttempt {
            state,
            fence: Fence::NEW,
            attempt: 1,
            started_at,
            finished_at: Some(9),
            cancel_requested_at: None,
            error_type: None,
            error_code: None,
            error: None,
            host: Some("two boot pid".to_owned()),
            process: Some(8),
        }
    }

    /// Number, status and worker of each.
    fn parts(job: LatestAttempt, rows: Vec<AttemptRow>) -> Vec<(u32, JobStatus, Option<String>)> {
        let parts = |attempt: JobAttempt| (attempt.number, attempt.status, attempt.worker);
        of(job, rows).into_iter().map(parts).collect()
    }

    #[test]
    fn an_attempt_is_there_once() {
        let crashed = (1, JobStatus::Failed, Some("one (7)".to_owned()));
        let running = (1, JobStatus::Running, Some("two (8)".to_owned()));
        // It runs again after its process died.
        assert_eq!(
            parts(latest(JobState::Running, Some(5)), vec![stored(1, 1)]),
            [crashed.clone(), running]
        );
        // It failed by that, was canceled or waits: the time at which it began is that of the attempt that died.
        for state in [JobState::Failed, JobState::Canceled, JobState::Ready] {
            assert_eq!(
                parts(latest(state, Some(1)), vec![stored(1, 1)]),
                vec![crashed.clone()]
            );
        }
        // It was canceled while it waited for its second attempt.
        let waited = LatestAttempt {
            cancel_requested_at: Some(9),
            ..latest(JobState::Canceled, Some(3))
        };
        assert_eq!(parts(waited, vec![stored(1, 1)]), [crashed]);
        assert_eq!(parts(latest(JobState::Ready, None), Vec::new()), []);
    }
}
