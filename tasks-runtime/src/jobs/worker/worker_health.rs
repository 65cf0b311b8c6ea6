//! What is wrong with this process as a worker, for those who ask for its health.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::unserved::{QueuedTask, Unserved};
use crate::jobs::schedules::OverdueSchedules;

/// What the driver has found.
#[derive(Debug, Default)]
pub(in crate::jobs) struct WorkerHealth(Mutex<WorkerProblems>);

#[derive(Debug, Default)]
struct WorkerProblems {
    /// When a round succeeded last, or when the driver began; `None` while there is none.
    succeeded: Option<Moment>,
    /// Why the last round failed, if it did.
    failing: Option<String>,
    /// Since when no thread of the tasks has answered.
    blocked: Option<Moment>,
    /// Tasks and queues of which jobs wait, and which no worker has.
    unserved: Unserved,
    /// Schedules whose time has come and whose tasks no worker has, and when that was logged.
    overdue: OverdueSchedules,
    overdue_logged: Option<Instant>,
    /// Of jobs that were encrypted with a key that this process does not have.
    without_key: Option<LeftJob>,
    /// Of jobs whose parameters do not fit their task as this process has it.
    unfit: Option<LeftJob>,
    /// Since when jobs of dead workers could not be made ready again, why, and when that was logged, if it was.
    not_rescued: Option<(Moment, String, Option<Instant>)>,
    /// Since when ends of jobs are held back because rows are locked, and of which jobs.
    held_back: Option<(Moment, String)>,
    /// Since when the engine that drives the jobs takes none, and why, if it has answered.
    engine: Option<(Moment, Option<String>)>,
    /// How far the clock of this machine is ahead of that of the database.
    clock_ahead: chrono::TimeDelta,
    /// Whether the database has a clock of its own.
    clock_of_database: bool,
    /// How far in the future the newest job was submitted.
    newest_job_ahead: chrono::TimeDelta,
}

/// One moment by two clocks: a duration is measured by the first, and shown by the second.
#[derive(Clone, Copy, Debug)]
struct Moment(Instant, DateTime<Utc>);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), Utc::now())
    }

    fn shown(&self) -> String {
        self.1.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }
}

/// How often it is logged that no worker has the tasks of schedules.
const OVERDUE_PERIOD: Duration = Duration::from_secs(3600);

/// How far clocks may differ.
const CLOCKS: chrono::TimeDelta = chrono::TimeDelta::seconds(1);
/// How far in the future a job may have been submitted: what processes write down can differ by so much.
const MAX_CLOCK_SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);
/// How long threads may be blocked before that is part of the health.
const BLOCKED_AFTER: Duration = Duration::from_secs(1);

/// For how long jobs of dead workers could not be made ready again before that is logged.
const NOT_RESCUED_AFTER: Duration = Duration::from_secs(2);
/// How often it is logged that jobs of dead workers could not be made ready again.
const NOT_RESCUED_PERIOD: Duration = Duration::from_secs(60);

/// For how long a job that was left to other processes is part of the health, and how often that is logged.
const LEFT_JOB_PERIOD: Duration = Duration::from_secs(60);

/// The last job that was left to other processes for one reason.
#[derive(Debug)]
struct LeftJob {
    at: Instant,
    reason: String,
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
    fn lock(&self) -> MutexGuard<'_, WorkerProblems> {
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

    /// Why the jobs of this process are not driven at all: no round has succeeded for longer than a lease.
    pub(in crate::jobs) fn failure(&self, lease: Duration) -> Option<String> {
        let found = self.lock();
        let since = found.succeeded.filter(|since| since.0.elapsed() > lease)?;
        let reason = found.failing.as_deref();
        Some(format!(
            "no round of the jobs has succeeded since {}: {}",
            since.shown(),
            reason.unwrap_or("the last one has not ended")
        ))
    }

    /// What does not work as well as it should.
    pub(in crate::jobs) fn warnings(&self, lease: Duration) -> Vec<String> {
        let found = self.lock();
        let mut warnings = Vec::new();
        if let Some(since) = found
            .blocked
            .filter(|since| since.0.elapsed() > BLOCKED_AFTER)
        {
            warnings.push(format!(
                "all threads of the jobs have been blocked since {}, so this process begins no other job",
                since.shown()
            ));
        }
        for (what, names) in [
            (
                "jobs wait for tasks that no worker has",
                &found.unserved.tasks,
            ),
            (
                "jobs wait in queues that no worker serves",
                &found.unserved.queues,
            ),
        ] {
            if !names.is_empty() {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                warnings.push(format!("{what}: {}", names.join(", ")));
            }
        }
        if !found.unserved.apart.is_empty() {
            let pair = |job: &QueuedTask| format!("task `{}` in queue `{}`", job.task, job.queue);
            let pairs: Vec<String> = found.unserved.apart.iter().map(pair).collect();
            warnings.push(format!(
                "jobs wait for tasks that no worker of their queue has: {}; have a worker that has the task serve the queue (`Jobs::queue`)",
                pairs.join(", ")
            ));
        }
        if !found.overdue.is_empty() {
            let each = found.overdue.iter();
            let each: Vec<String> = each
                .map(|(task, schedules)| format!("{} of task `{task}`", names(schedules)))
                .collect();
            warnings.push(format!(
                "schedules submit no jobs, because no worker has their task: {}; start a worker that has it, or delete or pause them",
                each.join(", ")
            ));
        }
        for left in found.without_key.iter().chain(&found.unfit) {
            if left.at.elapsed() < LEFT_JOB_PERIOD {
                let reason = &left.reason;
                warnings.push(format!("jobs are left to other processes: {reason}"));
            }
        }
        if let Some((since, why, _)) = &found.not_rescued
            && since.0.elapsed() > lease
        {
            warnings.push(format!(
                "jobs of a dead worker have not been made ready again since {}: {why}",
                since.shown()
            ));
        }
        if let Some((since, jobs)) = &found.held_back
            && since.0.elapsed() > lease
        {
            warnings.push(format!(
                "other transactions have locked the rows of jobs since {}, so that their ends cannot be written: {jobs}",
                since.shown()
            ));
        }
        if let Some((since, reason)) = &found.engine
            && since.0.elapsed() > lease
        {
            warnings.push(format!(
                "the engine has taken no jobs on since {}: {}",
                since.shown(),
                reason.as_deref().unwrap_or("it does not answer")
            ));
        }
        let ahead = found.clock_ahead;
        if ahead.abs() > CLOCKS && !found.clock_of_database {
            warnings.push(format!(
                "the clock of this machine was set back by {:.1} seconds: jobs and schedules go by the time as it was before, until all processes \
                 that share the database have ended",
                ahead.abs().as_seconds_f64()
            ));
        } else if ahead.abs() > CLOCKS {
            warnings.push(format!(
                "the clock of this machine is {:.1} seconds {} that of the database",
                ahead.abs().as_seconds_f64(),
                if ahead > chrono::TimeDelta::zero() {
                    "ahead of"
                } else {
                    "behind"
                }
            ));
        }
        if found.newest_job_ahead > MAX_CLOCK_SKEW {
            let clock = if found.clock_of_database {
                "the database"
            } else {
                "this machine"
            };
            warnings.push(format!(
                "the newest job was submitted {} seconds in the future, so the clock of {clock} was set back: jobs that were planned before \
                 wait until it has caught up",
                found.newest_job_ahead.num_seconds()
            ));
        }
        warnings
    }
}

/// Some of these names, and how many more there are.
fn names(all: &std::collections::BTreeSet<String>) -> String {
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
