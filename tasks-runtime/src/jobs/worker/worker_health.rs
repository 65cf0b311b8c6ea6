//! What the driver finds to be wrong with this process as a worker.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::unserved::Unserved;
use crate::jobs::schedules::OverdueSchedules;

/// What the driver has found.
#[derive(Debug, Default)]
pub(in crate::jobs) struct WorkerHealth(Mutex<WorkerProblems>);

#[derive(Debug, Default)]
pub(super) struct WorkerProblems {
    /// When a round succeeded last, or when the driver began; `None` while there is none.
    pub(super) succeeded: Option<Moment>,
    /// Why the last round failed, if it did.
    pub(super) failing: Option<String>,
    /// Since when no thread of the tasks has answered.
    pub(super) blocked: Option<Moment>,
    /// Tasks and queues of which jobs wait, and which no worker has.
    pub(super) unserved: Unserved,
    /// Schedules whose time has come and whose tasks no worker has, and when that was logged.
    pub(super) overdue: OverdueSchedules,
    pub(super) overdue_logged: Option<Instant>,
    /// Of jobs that were encrypted with a key that this process does not have.
    pub(super) without_key: Option<LeftJob>,
    /// Of jobs whose parameters do not fit their task as this process has it.
    pub(super) unfit: Option<LeftJob>,
    /// Of jobs whose steps are of a version of their task that this process does not have.
    pub(super) other_version: Option<LeftJob>,
    /// Since when jobs of dead workers could not be made ready again, why, and when that was logged, if it was.
    pub(super) not_rescued: Option<(Moment, String, Option<Instant>)>,
    /// Since when ends of jobs are held back because rows are locked, and of which jobs.
    pub(super) held_back: Option<(Moment, String)>,
    /// Since when the engine that drives the jobs takes none, and why, if it has answered.
    pub(super) engine: Option<(Moment, Option<String>)>,
    /// How far the clock of this machine is ahead of that of the database.
    pub(super) clock_ahead: chrono::TimeDelta,
    /// Whether the database has a clock of its own.
    pub(super) clock_of_database: bool,
    /// How far in the future the newest job was submitted.
    pub(super) newest_job_ahead: chrono::TimeDelta,
}

/// One moment by two clocks: a duration is measured by the first, and shown by the second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) Instant, DateTime<Utc>);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), Utc::now())
    }

    pub(super) fn shown(&self) -> String {
        self.1.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }
}

/// How often it is logged that no worker has the tasks of schedules.
const OVERDUE_PERIOD: Duration = Duration::from_secs(3600);

/// How far in the future a job may have been submitted: what processes write down can differ by so much.
pub(super) const MAX_CLOCK_SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);
/// For how long a job that was left to other processes is part of the health, and how often that is logged.
pub(super) const LEFT_JOB_PERIOD: Duration = Duration::from_secs(60);

/// For how long jobs of dead workers could not be made ready again before that is logged.
const NOT_RESCUED_AFTER: Duration = Duration::from_secs(2);
/// How often it is logged that jobs of dead workers could not be made ready again.
const NOT_RESCUED_PERIOD: Duration = Duration::from_secs(60);

/// The last job that was left to other processes for one reason.
#[derive(Debug)]
pub(super) struct LeftJob {
    pub(super) at: Instant,
    pub(super) reason: String,
    /// When that was logged.
    logged: Instant,
}

impl LeftJob {
    fn note(left: &mut Option<Self>, reason: &str, message: &'static str) {
        let now = Instant::now();
        let logged = left.as_ref().map(|left| left.logged);
        let recent = logged.filter(|at| now.duration_since(*at) <= LEFT_JOB_PERIOD);
        if recent.is_none() {
            tracing::warn!(reason, "{message}");
        }
        *left = Some(Self {
            at: now,
            reason: reason.to_owned(),
            logged: recent.unwrap_or(now),
        });
    }
}

impl WorkerHealth {
    pub(super) fn lock(&self) -> MutexGuard<'_, WorkerProblems> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A round has succeeded, or the driver begins: from now on there has to be one in every lease.
    pub(in crate::jobs) fn round_succeeded(&self) {
        let now = Moment::now();
        let mut found = self.lock();
        found.succeeded = Some(now);
        found.failing = None;
    }

    pub(in crate::jobs) fn round_failed(&self, error: &dyn std::fmt::Display) {
        self.lock().failing = Some(error.to_string());
    }

    /// The driver ends: no round is expected any more.
    pub(in crate::jobs) fn ended(&self) {
        self.lock().succeeded = None;
    }

    /// Whether a thread of the tasks answers.
    pub(in crate::jobs) fn set_blocked(&self, blocked: bool) {
        let mut found = self.lock();
        found.blocked = match (found.blocked, blocked) {
            (since, true) => since.or_else(|| Some(Moment::now())),
            (_, false) => None,
        };
    }

    /// The parameters of a job cannot be decrypted here.
    pub(in crate::jobs) fn lacks_key(&self, reason: &str) {
        LeftJob::note(
            &mut self.lock().without_key,
            reason,
            "a job was left to other processes: its parameters cannot be decrypted here",
        );
    }

    /// The parameters of a job do not fit its task as this process has it.
    pub(in crate::jobs) fn does_not_take(&self, reason: &str) {
        LeftJob::note(
            &mut self.lock().unfit,
            reason,
            "a job was left to other processes: its parameters do not fit the task as this process has it",
        );
    }

    /// The steps of a job are of a version of its task that this process does not have.
    pub(in crate::jobs) fn has_other_version(&self, reason: &str) {
        LeftJob::note(
            &mut self.lock().other_version,
            reason,
            "a job was left to other processes: its steps are of another version of its task",
        );
    }

    /// Why jobs of dead workers could not be made ready again at the last look; nothing when all could.
    pub(in crate::jobs) fn set_not_rescued(&self, obstacles: &[String]) {
        let mut found = self.lock();
        if obstacles.is_empty() {
            found.not_rescued = None;
            return;
        }
        let (why, now) = (obstacles.join("; "), Moment::now());
        let (since, mut logged) = found
            .not_rescued
            .take()
            .map_or((now, None), |(since, _, logged)| (since, logged));
        // Another worker may just be about it.
        let is_due = logged.is_none_or(|at: Instant| at.elapsed() > NOT_RESCUED_PERIOD);
        if since.0.elapsed() > NOT_RESCUED_AFTER && is_due {
            logged = Some(now.0);
            tracing::warn!(
                why,
                "jobs of a dead worker are not ready again yet, and it is tried again every second"
            );
        }
        found.not_rescued = Some((since, why, logged));
    }

    /// The jobs of which nothing can be written, because other transactions have locked their rows; empty when there are none.
    pub(in crate::jobs) fn set_held_back(&self, jobs: String) {
        let mut found = self.lock();
        if jobs.is_empty() {
            found.held_back = None;
            return;
        }
        let since = found.held_back.take().map_or_else(
            || {
                tracing::warn!(
                    jobs,
                    "other transactions have locked the rows of jobs of this process: how these ended is written as soon as they are \
                     unlocked, and all others go on. End those transactions, which `pg_locks` and `pg_stat_activity` show"
                );
                Moment::now()
            },
            |(since, _)| since,
        );
        found.held_back = Some((since, jobs));
    }

    /// Attempts are offered to the engine, which is to answer.
    pub(in crate::jobs) fn engine_is_asked(&self) {
        let mut found = self.lock();
        found.engine.get_or_insert_with(|| (Moment::now(), None));
    }

    /// The engine has taken attempts on, or not, and why.
    pub(in crate::jobs) fn engine_answered(&self, refusal: Option<String>) {
        let mut found = self.lock();
        let since = found.engine.take();
        found.engine = refusal.map(|reason| {
            let since = since.map_or_else(Moment::now, |(since, _)| since);
            (since, Some(reason))
        });
    }

    /// `of_database`: whether the database has a clock of its own.
    pub(in crate::jobs) fn set_clock_ahead(&self, ahead: chrono::TimeDelta, of_database: bool) {
        let mut found = self.lock();
        found.clock_ahead = ahead;
        found.clock_of_database = of_database;
    }

    /// How far in the future the newest job was submitted: more than a little says that a clock was set back.
    pub(in crate::jobs) fn set_newest_job_ahead(&self, ahead: chrono::TimeDelta) {
        let mut found = self.lock();
        if ahead > MAX_CLOCK_SKEW && found.newest_job_ahead <= MAX_CLOCK_SKEW {
            tracing::warn!(
                ahead_seconds = ahead.num_seconds(),
                "the newest job was submitted in the future: a clock was set back, and jobs that were planned before wait until it has caught up"
            );
        }
        found.newest_job_ahead = ahead;
    }

    /// Tasks and queues of which jobs wait and which no worker has. Gives those that were not among them before.
    pub(in crate::jobs) fn set_unserved(&self, unserved: Unserved) -> Unserved {
        let mut found = self.lock();
        let new = unserved.without(&found.unserved);
        found.unserved = unserved;
        new
    }

    /// Schedules whose time has come, and whose tasks no worker has.
    pub(in crate::jobs) fn set_overdue(&self, overdue: OverdueSchedules) {
        let mut found = self.lock();
        let is_new = overdue.iter().any(|(task, schedules)| {
            let known = found.overdue.get(task);
            known.is_none_or(|known| !schedules.is_subset(known))
        });
        let is_due = found
            .overdue_logged
            .is_none_or(|at| at.elapsed() > OVERDUE_PERIOD);
        if !overdue.is_empty() && (is_new || is_due) {
            found.overdue_logged = Some(Instant::now());
            for (task, schedules) in &overdue {
                tracing::warn!(
                    task,
                    schedules = names(schedules),
                    "no worker has the task of schedules whose time has come, so they submit no jobs: start a worker that has it, or delete or \
                     pause them"
                );
            }
        }
        found.overdue = overdue;
    }
}

/// Some of these names, and how many more there are.
pub(super) fn names(all: &std::collections::BTreeSet<String>) -> String {
    const SHOWN: usize = 10;
    let mut shown: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    if all.len() > SHOWN {
        shown.push(format!("and {} more", all.len() - SHOWN));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_expected_in_every_lease() {
        let lease = Duration::from_millis(20);
        let health = WorkerHealth::default();
        std::thread::sleep(lease * 2);
        assert_eq!(health.failure(lease), None, "nothing has begun");
        health.round_succeeded();
        health.round_failed(&"out of order");
        assert_eq!(health.failure(Duration::from_secs(60)), None);
        std::thread::sleep(lease * 2);
        let failure = health.failure(lease).unwrap();
        assert!(failure.ends_with(": out of order"), "{failure}");
        health.round_succeeded();
        assert_eq!(health.failure(Duration::from_secs(60)), None);
        // Without an error: a round that never ends.
        std::thread::sleep(lease * 2);
        let failure = health.failure(lease).unwrap();
        assert!(failure.ends_with("has not ended"), "{failure}");
        health.ended();
        assert_eq!(health.failure(lease), None);
    }
}
