//! What is wrong with this process as a worker, in sentences.

use std::time::Duration;

use super::unserved::QueuedTask;
use super::worker_health::{LEFT_JOB_PERIOD, MAX_CLOCK_SKEW, WorkerHealth, names};

/// How far clocks may differ.
const CLOCKS: chrono::TimeDelta = chrono::TimeDelta::seconds(1);
/// How long threads may be blocked before that is part of the health.
const BLOCKED_AFTER: Duration = Duration::from_secs(1);

impl WorkerHealth {
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
        let left = [&found.without_key, &found.unfit, &found.other_version];
        for left in left.into_iter().flatten() {
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
