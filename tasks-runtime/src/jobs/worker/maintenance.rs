//! What the driver does periodically beside its rounds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt_end::{AttemptEnd, AttemptOutcome};
use super::driver::{CANCEL_POLL_INTERVAL, Driver, POLL_INTERVAL};
use super::membership::Member;
use super::{due, held_jobs, membership, return_jobs};
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::store::PausedNames;
use crate::jobs::{schedules, store};

/// How long a job that was claimed may wait for a thread before it goes back: another process may have one.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// How often to look for schedules that were planned while a clock was ahead.
const REPLAN_INTERVAL: Duration = Duration::from_secs(30);
/// How often to look whether any worker has the tasks and the queues that this one does not.
const UNSERVED_INTERVAL: Duration = Duration::from_secs(3);

impl Driver {
    /// What there is to do now and then.
    pub(super) async fn maintain(&mut self) {
        self.look_at_threads();
        if self.last_done.cancel.elapsed() >= CANCEL_POLL_INTERVAL
            && !self.shared.in_flight.is_empty()
        {
            self.last_done.cancel = Instant::now();
            let asked: Result<Vec<JobId>, JobError> = self
                .shared
                .session
                .read(async |conn| held_jobs::cancel_requested(conn, &self.worker).await)
                .await;
            for job in asked.unwrap_or_default() {
                self.shared.in_flight.cancel(job);
            }
        }
        if self.last_done.poll.elapsed() >= POLL_INTERVAL {
            self.last_done.poll = Instant::now();
            self.can_begin().await;
            let has_limits = self.shared.global_limits.task_names().next().is_some();
            type Found = (bool, Vec<Member>, Option<i64>, PausedNames);
            let found: Result<Found, JobError> = self
                .shared
                .session
                .read(async |conn| {
                    Ok((
                        due::any_claimable(conn, has_limits, self.shared.clock.now()).await?,
                        membership::all_workers(conn).await?,
                        store::newest_submitted_at(conn).await?,
                        store::paused_names(conn).await?,
                    ))
                })
                .await;
            if let Ok((any, workers, newest, paused)) = found {
                self.paused = paused;
                let ahead = newest.map_or(0, |at| at.saturating_sub(self.shared.clock.now()));
                let ahead = chrono::TimeDelta::microseconds(ahead);
                self.shared.health.set_newest_job_ahead(ahead);
                let time = workers.iter().map(|worker| worker.time).max();
                if !self.shared.clock.is_of_database() {
                    self.shared.clock.observe(time);
                }
                // The next round finds out, too, but only with the next heartbeat.
                let reaped = !workers
                    .iter()
                    .any(|worker| worker.id == self.worker && !worker.is_dead());
                if any || reaped || !self.unknown.is_empty() {
                    self.recheck();
                }
                self.reap_others(Some(workers)).await;
            }
        }
        if self.last_done.tasks.elapsed() >= UNSERVED_INTERVAL {
            self.last_done.tasks = Instant::now();
            self.look_for_unserved_jobs().await;
        }
        if self
            .last_done
            .plans
            .is_none_or(|last| last.elapsed() >= REPLAN_INTERVAL)
        {
            self.last_done.plans = Some(Instant::now());
            match schedules::replan(&self.shared.session, self.shared.clock.now()).await {
                Ok(true) => self.recheck(),
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "schedules were not looked at"),
            }
        }
        if self.last_done.held.elapsed() >= self.shared.settings.lease / 2 {
            self.last_done.held = Instant::now();
            self.return_what_never_began().await;
        }
        #[cfg(feature = "metrics")]
        self.count_pending().await;
    }

    /// Whether a job that is claimed now could begin: a thread of the tasks answers. Nobody blocks them while nothing runs.
    pub(super) async fn can_begin(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        shared.in_flight.is_empty() || self.runtime_probe.answers(&shared.handle).await
    }

    /// Jobs that wait for a thread go back, and that all threads are blocked is said.
    fn look_at_threads(&mut self) {
        let late = self.shared.in_flight.take_back(PROBE_INTERVAL);
        if !late.is_empty() {
            tracing::warn!(
                jobs = late.len(),
                "no thread of this process was free for jobs that it had claimed: they go back"
            );
        }
        let now = self.shared.clock.now();
        for attempt in late {
            let end = AttemptEnd::new(attempt, now, AttemptOutcome::Returned);
            self.finished.push(end);
        }
        let blocked = self.runtime_probe.is_blocked();
        self.shared.health.set_blocked(blocked);
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.shared.metrics {
            metrics.worker_blocked(blocked);
        }
        if let Some(blocked) = self.runtime_probe.worth_a_line() {
            tracing::warn!(
                blocked_seconds = blocked.as_secs(),
                tasks = self.shared.in_flight.task_names().join(", "),
                "the threads of the jobs do not answer, so this process begins no other job: a task computes and never awaits; \
                 make it a plain `fn`, or use `tokio::task::spawn_blocking`"
            );
        }
    }

    /// When the connection is lost while a round is committed, nobody can tell whether the jobs of that round were given to this
    /// worker. Those that were, and that nobody started, go back.
    async fn return_what_never_began(&mut self) {
        let held: Result<Vec<AttemptKey>, JobError> = self
            .shared
            .session
            .read(async |conn| held_jobs::running_attempts(conn, &self.worker).await)
            .await;
        while let Ok(event) = self.inbox.try_recv() {
            self.take(event);
        }
        for attempt in held.unwrap_or_default() {
            let running = &self.shared.in_flight;
            if !self.started.contains(&attempt) && !running.is_claiming(attempt.job) {
                tracing::warn!(
                    job_id = %attempt.job,
                    "a job was given to this process, and never began: it goes back"
                );
                let now = self.shared.clock.now();
                let end = AttemptEnd::new(attempt, now, AttemptOutcome::Returned);
                self.finished.push(end);
            }
        }
        let orphans: Result<usize, JobError> = self
            .shared
            .session
            .transaction(async |tx| return_jobs::return_orphans(tx, self.shared.clock.now()).await)
            .await;
        if let Ok(jobs @ 1..) = orphans {
            tracing::warn!(
                jobs,
                "jobs of processes that are not there any more go back"
            );
            self.shared.changes.notify_all();
            self.recheck();
        }
    }

    #[cfg(feature = "metrics")]
    async fn count_pending(&mut self) {
        const COUNT_INTERVAL: Duration = Duration::from_secs(5);
        let Some(metrics) = self.shared.metrics.clone() else {
            return;
        };
        if self
            .last_done
            .count
            .is_some_and(|last| last.elapsed() < COUNT_INTERVAL)
        {
            return;
        }
        self.last_done.count = Some(Instant::now());
        let counts: Result<_, JobError> = self
            .shared
            .session
            .read(async |conn| store::pending_by_queue(conn).await)
            .await;
        if let Ok(counts) = counts {
            metrics.pending(&counts);
        }
    }
}
