//! Decides what is to be done next, and does it: rounds, which take jobs and write how they ended, and what there is to look after.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::id::JobId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::aging::Aging;
use super::attempt::{Attempt, Event};
use super::attempt_end::{AttemptEnd, AttemptOutcome};
use super::capacity::Capacity;
use super::claim;
use super::in_flight::StopReason;
use super::listener;
use super::membership::{self, Member};
use super::recovery::{self, Watch};
use super::responsiveness::Responsiveness;
use super::runner;
use super::shared::Shared;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::error::JobError;
use crate::jobs::store;
use crate::jobs::store::Line;

/// How often to look for jobs that other processes submitted, when nobody says so.
const POLL: Duration = Duration::from_secs(1);
/// How often to look whether somebody wants a job to stop.
pub(super) const CANCEL: Duration = Duration::from_millis(400);
/// How many ends are written at once.
const AT_ONCE: usize = 500;
/// How many lines of logs.
const LINES_AT_ONCE: usize = 2000;
/// How long a job that was claimed may wait for a thread before it goes back: another process may have one.
const NO_THREAD: Duration = Duration::from_millis(500);
/// How often to look whether any worker has the tasks that this one does not.
const TASKS: Duration = Duration::from_secs(3);

pub(in crate::jobs) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) inbox: mpsc::UnboundedReceiver<Event>,
    pub(super) worker: String,
    /// What is to be written.
    pub(super) finished: Vec<AttemptEnd>,
    pub(super) changed: BTreeMap<JobId, Arc<Attempt>>,
    pub(super) lines: Vec<Line>,
    /// The jobs whose attempts were started and whose ends are not written yet.
    pub(super) started: HashSet<AttemptKey>,
    /// There may be jobs to take.
    pub(super) may_claim: bool,
    /// There may be other times than those that are known: of jobs that wait, of schedules.
    pub(super) recheck_timers: bool,
    /// When the next job that waits is due.
    pub(super) due: Option<i64>,
    /// Whether there are jobs that are claimed by the names of their tasks.
    pub(super) by_name: bool,
    /// Tasks of ready jobs that this process does not have.
    pub(super) unknown: BTreeSet<String>,
    /// Counts rounds, so that each begins with another queue.
    pub(super) turn: usize,
    pub(super) aging: Aging,
    responsiveness: Responsiveness,
    clock: Clock,
    watch: Watch,
}

/// When this and that was done last, by the steady clock.
struct Clock {
    heartbeat: Instant,
    poll: Instant,
    cancel: Instant,
    held: Instant,
    tasks: Instant,
    #[cfg(feature = "metrics")]
    count: Option<Instant>,
}

impl Driver {
    pub(in crate::jobs) fn new(shared: Arc<Shared>, inbox: mpsc::UnboundedReceiver<Event>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            inbox,
            worker: String::new(),
            finished: Vec::new(),
            changed: BTreeMap::new(),
            lines: Vec::new(),
            started: HashSet::new(),
            may_claim: true,
            recheck_timers: true,
            due: None,
            by_name: false,
            unknown: BTreeSet::new(),
            turn: 0,
            aging: Aging::default(),
            responsiveness: Responsiveness::new(),
            clock: Clock {
                heartbeat: now,
                poll: now,
                cancel: now,
                held: now,
                tasks: now,
                #[cfg(feature = "metrics")]
                count: None,
            },
            watch: Watch::default(),
        }
    }

    pub(in crate::jobs) async fn run(mut self) {
        let listening = listener::listen(Arc::clone(&self.shared));
        self.join().await;
        while !self.shared.stopping.is_cancelled() {
            self.collect();
            if !self.has_something_to_do() {
                self.wait().await;
                continue;
            }
            self.round_or_wait(true).await;
            self.look_after().await;
        }
        if let Some(listening) = listening {
            listening.abort();
        }
        self.end().await;
    }

    /// Becomes a worker that others see.
    async fn join(&mut self) {
        let (host, process) = (recovery::host(), i64::from(std::process::id()));
        let registry = self.shared.executor.registry();
        let tasks: Vec<&str> = registry.names().collect();
        let tasks = serde_json::to_string(&tasks).unwrap_or_default();
        let mut pause = Duration::from_millis(100);
        loop {
            let id = ulid::Ulid::new().to_string();
            let joined: Result<(), JobError> = self
                .shared
                .session
                .transaction(async |tx| {
                    self.shared.clock.refresh(tx).await?;
                    claim::mark_by_name(tx, registry).await?;
                    let now = self.shared.clock.now();
                    membership::register(tx, &id, &host, process, &tasks, now).await
                })
                .await;
            match joined {
                Ok(()) => {
                    self.worker.clone_from(&id);
                    self.shared.worker.store(id);
                    self.clock.heartbeat = Instant::now();
                    break;
                }
                Err(error) if self.shared.stopping.is_cancelled() => {
                    tracing::warn!(%error, "the jobs never began");
                    return;
                }
                Err(error) => {
                    self.shared.condition.round_failed(&error);
                    tracing::warn!(%error, "the jobs cannot begin yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
            }
        }
        self.reap_others(None).await;
    }

    /// Reaps workers whose process is gone or whose heartbeat is stale; `members` if they were read already.
    async fn reap_others(&mut self, members: Option<Vec<Member>>) {
        let members = match members {
            Some(members) => members,
            None => {
                let found: Result<Vec<Member>, JobError> = self
                    .shared
                    .session
                    .read(async |conn| membership::all(conn).await)
                    .await;
                found.unwrap_or_default()
            }
        };
        let gone = recovery::reap_gone(&self.shared, &self.worker, &members).await;
        // Twice in a lease, for one that was late.
        let heartbeats = self.clock.heartbeat.elapsed() < self.shared.settings.lease / 2;
        let stale = recovery::reap_stale(
            &self.shared,
            &mut self.watch,
            &self.worker,
            members,
            heartbeats,
        );
        if stale.await || gone {
            self.recheck();
        }
    }

    /// Everything that attempts have said until now.
    pub(super) fn collect(&mut self) {
        while self.finished.len() < AT_ONCE
            && self.lines.len() < LINES_AT_ONCE
            && let Ok(event) = self.inbox.try_recv()
        {
            self.take(event);
        }
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Finished(end) => {
                self.finished.push(*end);
                // A place is free.
                self.may_claim = true;
            }
            Event::Began(attempt) => {
                self.started.insert(attempt);
            }
            Event::Over(attempt) => {
                self.started.remove(&attempt);
                self.may_claim = true;
                // It may have been completed in a transaction of the task's own.
                self.shared.changes.notify(attempt.job);
            }
            Event::Changed(attempt) => {
                self.changed.insert(attempt.key.job, attempt);
            }
            Event::Logged(line) => self.lines.push(line),
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= self.shared.clock.now())
    }

    pub(super) fn is_time_for_heartbeat(&self) -> bool {
        self.clock.heartbeat.elapsed() >= self.shared.settings.lease / 4
    }

    fn has_something_to_do(&self) -> bool {
        !self.finished.is_empty()
            || !self.changed.is_empty()
            || !self.lines.is_empty()
            || (self.may_claim
                && !self.responsiveness.is_blocked()
                && Capacity::of(&self.shared).is_free())
            || self.is_due()
            || self.is_time_for_heartbeat()
    }

    /// Somebody else has changed something.
    pub(super) fn recheck(&mut self) {
        self.may_claim = true;
        self.recheck_timers = true;
    }

    async fn wait(&mut self) {
        let lease = self.shared.settings.lease;
        let mut until = (self.clock.heartbeat + lease / 4).min(self.clock.poll + POLL);
        if !self.shared.in_flight.is_empty() {
            until = until.min(self.clock.cancel + CANCEL);
        }
        if let Some(due) = self.due.filter(|_| !self.is_due()) {
            let wait = u64::try_from(due - self.shared.clock.now()).unwrap_or(0);
            until = until.min(Instant::now() + Duration::from_micros(wait));
        }
        let blocked = self.responsiveness.is_blocked();
        let answer = self.responsiveness.answer();
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            event = self.inbox.recv() => {
                if let Some(event) = event {
                    self.take(event);
                }
            }
            () = shared.wake.notified() => self.recheck(),
            () = answer, if blocked => self.recheck(),
            () = shared.stopping.cancelled() => {}
            () = tokio::time::sleep_until(until) => self.look_after().await,
        }
    }

    /// What there is to do now and then.
    pub(super) async fn look_after(&mut self) {
        self.look_at_threads();
        if self.clock.cancel.elapsed() >= CANCEL && !self.shared.in_flight.is_empty() {
            self.clock.cancel = Instant::now();
            let asked: Result<Vec<JobId>, JobError> = self
                .shared
                .session
                .read(async |conn| membership::asked_to_stop(conn, &self.worker).await)
                .await;
            for job in asked.unwrap_or_default() {
                self.shared.in_flight.cancel(job);
            }
        }
        if self.clock.poll.elapsed() >= POLL {
            self.clock.poll = Instant::now();
            self.can_begin().await;
            let found: Result<(bool, Vec<Member>, Option<i64>), JobError> = self
                .shared
                .session
                .read(async |conn| {
                    Ok((
                        claim::is_any(conn, self.shared.clock.now()).await?,
                        membership::all(conn).await?,
                        store::newest_submitted_at(conn).await?,
                    ))
                })
                .await;
            if let Ok((any, workers, newest)) = found {
                let ahead = newest.map_or(0, |at| at.saturating_sub(self.shared.clock.now()));
                let ahead = chrono::TimeDelta::microseconds(ahead);
                self.shared.condition.set_newest_job_ahead(ahead);
                let time = workers.iter().map(|worker| worker.time).max();
                if !self.shared.clock.is_of_database() {
                    self.shared.clock.heard(time);
                }
                if any || !self.unknown.is_empty() {
                    self.recheck();
                }
                self.reap_others(Some(workers)).await;
            }
        }
        if self.clock.tasks.elapsed() >= TASKS {
            self.clock.tasks = Instant::now();
            self.look_for_workers_of_others().await;
        }
        if self.clock.held.elapsed() >= self.shared.settings.lease / 2 {
            self.clock.held = Instant::now();
            self.return_what_never_began().await;
        }
        #[cfg(feature = "metrics")]
        self.count_those_that_wait().await;
    }

    /// Whether a job that is claimed now could begin: a thread of the tasks answers. Nobody blocks them while nothing runs.
    pub(super) async fn can_begin(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        shared.in_flight.is_empty() || self.responsiveness.answers(&shared.handle).await
    }

    /// Jobs that wait for a thread go back, and that all threads are blocked is said.
    fn look_at_threads(&mut self) {
        let late = self.shared.in_flight.take_back(NO_THREAD);
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
        let blocked = self.responsiveness.is_blocked();
        self.shared.condition.set_blocked(blocked);
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.shared.metrics {
            metrics.threads_blocked(blocked);
        }
        if let Some(blocked) = self.responsiveness.worth_a_line() {
            tracing::warn!(
                seconds = blocked.as_secs(),
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
            .read(async |conn| membership::held(conn, &self.worker).await)
            .await;
        while let Ok(event) = self.inbox.try_recv() {
            self.take(event);
        }
        for attempt in held.unwrap_or_default() {
            let running = &self.shared.in_flight;
            if !self.started.contains(&attempt) && !running.is_claiming(attempt.job) {
                tracing::warn!(
                    job = %attempt.job,
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
            .transaction(async |tx| membership::return_orphans(tx, self.shared.clock.now()).await)
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
    async fn count_those_that_wait(&mut self) {
        const COUNT: Duration = Duration::from_secs(5);
        let Some(metrics) = self.shared.metrics.clone() else {
            return;
        };
        if self.clock.count.is_some_and(|last| last.elapsed() < COUNT) {
            return;
        }
        self.clock.count = Some(Instant::now());
        let counts: Result<_, JobError> = self
            .shared
            .session
            .read(async |conn| store::waiting(conn).await)
            .await;
        if let Ok(counts) = counts {
            metrics.waiting(&counts);
        }
    }

    /// One round; when the database fails, a pause, and what was to be written is kept.
    pub(super) async fn round_or_wait(&mut self, claim: bool) {
        match self.round(claim).await {
            Ok(round) => {
                self.clock.heartbeat = Instant::now();
                self.shared.condition.round_succeeded();
                let ahead = self.shared.clock.machine_is_ahead();
                let own = self.shared.clock.is_of_database();
                self.shared.condition.set_clock_ahead(ahead, own);
                if round.expelled {
                    self.expelled().await;
                    return;
                }
                self.may_claim = round.full;
                self.due = round.due;
                self.by_name = round.by_name;
                if let Some(unknown) = round.unknown {
                    self.unknown = unknown;
                }
                for job in round.claimed {
                    self.started.insert(job.key);
                    runner::start(&self.shared, job);
                }
            }
            Err(error) => {
                self.shared.condition.round_failed(&error);
                tracing::warn!(%error, "the jobs cannot reach their database");
                // By now others may have taken this process for dead.
                if self.clock.heartbeat.elapsed() > self.shared.settings.lease {
                    self.shared.in_flight.stop_all(StopReason::Superseded);
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    }

    /// Others took this process for dead, because it was stopped for a while, say: its jobs are theirs now.
    async fn expelled(&mut self) {
        tracing::warn!(
            "this worker had no heartbeat for longer than a lease: its jobs were given to other workers"
        );
        self.shared.in_flight.stop_all(StopReason::Superseded);
        self.finished.clear();
        self.changed.clear();
        self.started.clear();
        self.recheck();
        self.join().await;
    }
}
