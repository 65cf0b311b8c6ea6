//! Decides what is to be done next, and does it: rounds, which take jobs and write how they ended, and what there is to look after.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::id::JobId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::aging::Aging;
use super::attempt::{Attempt, Event};
use super::attempt_end::AttemptEnd;
use super::capacity::Capacity;
use super::held_back::HeldBack;
use super::in_flight::StopReason;
use super::last_done::LastDone;
use super::limited_claims::LimitedState;
use super::membership::MAX_LOCK_WAIT;
use super::recovery::{END_THEM, HeartbeatWatch};
use super::round_budget::RoundBudget;
use super::runner;
use super::runtime_probe::RuntimeProbe;
use super::shared::WorkerShared;
use super::unserved::QueuedTask;
use super::{end_writer, listener};
use crate::database::DatabaseError;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::error::JobError;
use crate::jobs::store::{LogLine, PausedNames};

/// How often to look for jobs that other processes submitted, when nobody says so.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often to look whether somebody wants a job to stop.
pub(super) const CANCEL_POLL_INTERVAL: Duration = Duration::from_millis(400);
/// Pause after a round that has failed.
const FAILED_ROUND_PAUSE: Duration = Duration::from_millis(300);
/// How many ends are written at once.
const BATCH_SIZE: usize = 500;
/// How many lines of logs.
const LINES_AT_ONCE: usize = 2000;

pub(in crate::jobs) struct Driver {
    pub(super) shared: Arc<WorkerShared>,
    pub(super) inbox: mpsc::UnboundedReceiver<Event>,
    /// To where ends are written apart from the rounds.
    apart: mpsc::UnboundedSender<AttemptEnd>,
    pub(super) budget: RoundBudget,
    pub(super) worker: String,
    /// What is to be written.
    pub(super) finished: Vec<AttemptEnd>,
    pub(super) changed: BTreeMap<JobId, Arc<Attempt>>,
    pub(super) lines: Vec<LogLine>,
    /// What is written later, because rows are locked.
    pub(super) held_back: HeldBack,
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
    /// The queues and tasks that are paused, as they were at the last look: a second ago at most.
    pub(super) paused: PausedNames,
    /// Tasks of ready jobs that this process does not have, in the queues that it serves.
    pub(super) unknown: BTreeSet<QueuedTask>,
    /// How many rounds have failed since the last one that succeeded.
    pub(super) failed_rounds: u32,
    /// Counts rounds, so that each begins with another queue.
    pub(super) turn: usize,
    pub(super) aging: Aging,
    /// What is remembered of tasks with limits over all processes.
    pub(super) limited: LimitedState,
    /// Whether there are ready jobs of such tasks.
    pub(super) any_limited: bool,
    /// When to look for them again, whatever happens until then.
    pub(super) limits_at: Option<i64>,
    /// When others were told last that a limit may have places free.
    pub(super) told_of_places: Option<Instant>,
    pub(super) runtime_probe: RuntimeProbe,
    pub(super) last_done: LastDone,
    pub(super) watch: HeartbeatWatch,
}

impl Driver {
    pub(in crate::jobs) fn new(
        shared: Arc<WorkerShared>,
        inbox: mpsc::UnboundedReceiver<Event>,
        apart: mpsc::UnboundedSender<AttemptEnd>,
    ) -> Self {
        Self {
            shared,
            inbox,
            apart,
            budget: RoundBudget::default(),
            worker: String::new(),
            finished: Vec::new(),
            changed: BTreeMap::new(),
            lines: Vec::new(),
            held_back: HeldBack::default(),
            started: HashSet::new(),
            may_claim: true,
            recheck_timers: true,
            due: None,
            by_name: false,
            paused: PausedNames::default(),
            unknown: BTreeSet::new(),
            failed_rounds: 0,
            turn: 0,
            aging: Aging::default(),
            limited: LimitedState::default(),
            any_limited: false,
            limits_at: None,
            told_of_places: None,
            runtime_probe: RuntimeProbe::new(),
            last_done: LastDone::new(),
            watch: HeartbeatWatch::default(),
        }
    }

    pub(in crate::jobs) async fn run(mut self) {
        let listening = listener::listen(Arc::clone(&self.shared));
        self.shared.health.round_succeeded();
        self.join().await;
        while !self.shared.stopping.is_cancelled() {
            self.collect();
            if !self.has_something_to_do() {
                self.wait().await;
                continue;
            }
            self.round_or_wait(true).await;
            self.maintain().await;
        }
        if let Some(listening) = listening {
            listening.abort();
        }
        self.drain().await;
        self.shared.health.ended();
    }

    /// Everything that attempts have said until now.
    pub(super) fn collect(&mut self) {
        let mut bytes = 0;
        while self.finished.len() < BATCH_SIZE
            && self.lines.len() < LINES_AT_ONCE
            && bytes < self.budget.bytes()
            && let Ok(event) = self.inbox.try_recv()
        {
            if let Event::Logged(line) = &event {
                bytes += line.message.len();
            }
            self.take(event);
        }
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Finished(end) => {
                if self.budget.is_large(&end) {
                    self.write_apart(*end);
                } else {
                    self.finished.push(*end);
                    // A place is free.
                    self.may_claim = true;
                }
            }
            Event::Written(attempt) => {
                self.shared.in_flight.end_writing();
                self.started.remove(&attempt);
                self.recheck();
                self.shared.changes.notify(attempt.job);
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

    /// Has an end be written apart from the rounds.
    fn write_apart(&self, end: AttemptEnd) {
        self.shared.in_flight.begin_writing();
        // Its other side lives as long as this one.
        let _ = self.apart.send(end);
    }

    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= self.shared.clock.now())
    }

    /// Whether a limit over all processes may let jobs begin now.
    pub(super) fn is_time_for_limits(&self) -> bool {
        self.limits_at
            .is_some_and(|at| at <= self.shared.clock.now())
    }

    pub(super) fn is_time_for_heartbeat(&self) -> bool {
        self.last_done.heartbeat.elapsed() >= self.shared.settings.lease / 4
    }

    fn has_something_to_do(&self) -> bool {
        !self.finished.is_empty()
            || !self.changed.is_empty()
            || !self.lines.is_empty()
            || ((self.may_claim || self.is_time_for_limits())
                && !self.runtime_probe.is_blocked()
                && Capacity::of(&self.shared).is_free())
            || self.is_due()
            || self.held_back.is_due()
            || self.is_time_for_heartbeat()
    }

    /// Somebody else has changed something.
    pub(super) fn recheck(&mut self) {
        self.may_claim = true;
        self.recheck_timers = true;
    }

    async fn wait(&mut self) {
        let lease = self.shared.settings.lease;
        let mut until =
            (self.last_done.heartbeat + lease / 4).min(self.last_done.poll + POLL_INTERVAL);
        if !self.shared.in_flight.is_empty() {
            until = until.min(self.last_done.cancel + CANCEL_POLL_INTERVAL);
        }
        let now = self.shared.clock.now();
        let due = self.due.into_iter().chain(self.limits_at);
        if let Some(due) = due.filter(|due| *due > now).min() {
            let wait = u64::try_from(due - now).unwrap_or(0);
            until = until.min(Instant::now() + Duration::from_micros(wait));
        }
        if let Some(due) = self.held_back.due() {
            until = until.min(due);
        }
        let blocked = self.runtime_probe.is_blocked();
        let answer = self.runtime_probe.answer();
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
            () = tokio::time::sleep_until(until) => self.maintain().await,
        }
    }

    /// One round; when the database fails, a pause, and what was to be written is kept.
    pub(super) async fn round_or_wait(&mut self, claim: bool) {
        match self.round(claim).await {
            Ok(round) => {
                self.last_done.heartbeat = Instant::now();
                self.failed_rounds = 0;
                self.budget.succeeded();
                self.shared.health.round_succeeded();
                let ahead = self.shared.clock.machine_is_ahead();
                let own = self.shared.clock.is_of_database();
                self.shared.health.set_clock_ahead(ahead, own);
                if round.was_reaped {
                    self.was_reaped().await;
                    return;
                }
                self.may_claim = round.full;
                self.due = round.due;
                self.any_limited = round.any_limited;
                self.limits_at = round.limits_at;
                self.by_name = round.by_name;
                self.paused = round.paused;
                if let Some(unknown) = round.unknown {
                    self.unknown = unknown;
                }
                for job in round.claimed {
                    self.started.insert(job.key);
                    runner::start(&self.shared, job);
                }
            }
            Err(error) => self.round_failed(&error).await,
        }
    }

    /// Has the next round do without what this one may have failed of.
    pub(super) fn lighten(&mut self, error: &JobError) {
        if end_writer::is_refusal(error) {
            for end in std::mem::take(&mut self.finished) {
                self.write_apart(end);
            }
        } else if matches!(
            error,
            JobError::Database(
                DatabaseError::TransactionTimeout { .. } | DatabaseError::StatementTimeout { .. }
            )
        ) {
            self.budget.was_too_much();
        }
    }

    /// Says that a round has failed, and pauses before the next one.
    async fn round_failed(&mut self, error: &JobError) {
        self.failed_rounds = self.failed_rounds.saturating_add(1);
        self.lighten(error);
        if matches!(error, JobError::Database(error) if error.is_lock_timeout()) {
            let reason = format!(
                "a round waited {MAX_LOCK_WAIT:?} for a row that another transaction has locked; {END_THEM}"
            );
            self.shared.health.round_failed(&reason);
            // The next round steps over rows of jobs that are locked, and says which these are.
            if self.failed_rounds == 1 {
                tracing::debug!(reason, "a round of the jobs is repeated");
                return;
            }
            tracing::warn!(reason, "a round of the jobs failed");
        } else {
            self.shared.health.round_failed(error);
            tracing::warn!(%error, "the jobs cannot reach their database");
        }
        // By now others may have taken this process for dead. A process that was stopped in the middle of a round asks first: that
        // round fails, and the next one finds out.
        if self.failed_rounds > 1 && self.last_done.heartbeat.elapsed() > self.shared.settings.lease
        {
            self.shared.in_flight.stop_all(StopReason::Superseded);
        }
        tokio::time::sleep(FAILED_ROUND_PAUSE).await;
    }
}
