//! One round of the driver: a transaction that writes what attempts have said and takes jobs for the places that are free.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::aging::{self, Aging};
use super::attempt_end::AttemptEnd;
use super::capacity::{Capacity, ClaimRequest};
use super::claim::{self, ClaimKind};
use super::claimed_job::ClaimedJob;
use super::driver::Driver;
use super::finish::{FinishedAttempt, finish};
use super::limited_claims::{ClaimContext, LimitedClaims};
use super::unserved::QueuedTask;
use super::{by_name, due, held_back, limited_line, membership};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::history::Count;
use crate::jobs::id::JobId;
use crate::jobs::schedules::{self, ScheduledJob};
use crate::jobs::state::sql;
use crate::jobs::store::{self, PausedNames};
use crate::registry::TaskRegistry;

/// How often one want is asked for again because jobs were set aside: of tasks that this process does not have, or that are paused.
const MAX_REPEATS: u32 = 10;

/// How often others are told that a limit over all processes may have places free: they look by themselves each second, too.
const PLACES_INTERVAL: Duration = Duration::from_millis(100);

/// What a round found.
#[derive(Default)]
pub(super) struct Round {
    pub(super) was_reaped: bool,
    pub(super) claimed: Vec<ClaimedJob>,
    /// Attempts whose ends it stored.
    pub(super) finished: Vec<FinishedAttempt>,
    /// Whether all places that were asked for are taken: there may be more.
    pub(super) full: bool,
    pub(super) due: Option<i64>,
    /// Whether there are jobs that are claimed by the names of their tasks.
    pub(super) by_name: bool,
    /// Whether there are ready jobs of tasks with limits over all processes.
    pub(super) any_limited: bool,
    /// When such limits may let jobs begin that wait.
    pub(super) limits_at: Option<i64>,
    /// The queues and tasks that are paused.
    pub(super) paused: PausedNames,
    /// Whether it has told others that a limit over all processes may have places free.
    pub(super) tells_of_places: bool,
    /// Tasks of ready jobs that this process does not have, if it has looked.
    pub(super) unknown: Option<BTreeSet<QueuedTask>>,
    /// Jobs whose rows other transactions have locked, so that nothing was written of them.
    pub(super) locked: BTreeSet<JobId>,
    /// Jobs that schedules have submitted.
    pub(super) scheduled: Vec<ScheduledJob>,
}

/// What takes part in the claims of a round.
struct Claims<'a> {
    worker: &'a str,
    registry: &'a TaskRegistry,
    capacity: Capacity,
    /// How long parameters may be that are read with the claim, in bytes.
    inline_params: usize,
    /// Jobs that are left to other processes.
    without: Vec<JobId>,
    limited: LimitedClaims<'a>,
    /// Counts rounds.
    turn: usize,
    /// Tasks of jobs that were met and that this process does not have.
    unknown: BTreeSet<QueuedTask>,
    aging: &'a mut Aging,
    /// How long a job waits before its priority does not matter any more, in microseconds.
    max_priority_wait: Option<i64>,
    now: i64,
}

impl Driver {
    pub(super) async fn round(&mut self, claim: bool) -> Result<Round, JobError> {
        // A round may have failed because it waited for a row that is locked: all that is not is written. Not always, since it costs two
        // more statements.
        let is_careful = self.failed_rounds > 0 || !self.held_back.is_empty();
        if self.held_back.is_due() || !claim {
            self.write_what_was_held_back();
        }
        let finished = self.budget.take(&mut self.finished, AttemptEnd::bytes);
        let lines = (self.budget).take(&mut self.lines, |line| line.message.len());
        let changed: Vec<_> = std::mem::take(&mut self.changed)
            .into_values()
            .map(|attempt| {
                let (progress, artifact) = attempt.take_reported();
                (attempt, progress, artifact)
            })
            .collect();
        let asks = claim && (self.may_claim || self.is_due() || self.is_time_for_limits());
        // What could not begin is left to others; what is due is made ready all the same.
        let begins = asks && self.can_begin().await;
        let recheck_timers = self.recheck_timers
            || self.is_due()
            || finished.iter().any(|end| end.waits_until().is_some());
        let ticks = asks && recheck_timers;
        // Others may begin what this process gives back.
        let returns = finished.iter().any(AttemptEnd::is_returned);
        let shared = &self.shared;
        // As they may what a limit over all processes kept from them, where this process has no place for it.
        let is_told = (self.told_of_places).is_some_and(|at| at.elapsed() < PLACES_INTERVAL);
        let frees = !is_told
            && finished
                .iter()
                .any(|end| shared.global_limits.concerns(end.task.as_deref()));
        let capacity = Capacity::of(shared);
        self.turn = self.turn.wrapping_add(1);
        let takes = begins && shared.settings.engine.is_none();
        let turn = self.turn;
        let (worker, known_due, known_by_name) = (&self.worker, self.due, self.by_name);
        let known_limited = self.any_limited;
        let known_paused = &self.paused;
        let registry = shared.executor.registry();
        let params = shared.settings.params_codec();
        let mut claims = Claims {
            inline_params: self.budget.inline_params(capacity.free()),
            without: shared.left_to_others.current(),
            worker,
            registry,
            capacity,
            unknown: BTreeSet::new(),
            limited: LimitedClaims::new(&shared.global_limits, worker, registry, &mut self.limited),
            turn,
            aging: &mut self.aging,
            max_priority_wait: shared
                .settings
                .max_priority_wait
                .map(|time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX)),
            now: shared.clock.now(),
        };
        let asked = Instant::now();
        let result: Result<Round, JobError> = shared
            .session
            .transaction(async |tx| {
                let mut round = Round {
                    due: known_due,
                    by_name: known_by_name,
                    any_limited: known_limited,
                    paused: known_paused.clone(),
                    full: asks && !begins,
                    ..Round::default()
                };
                let Some(heartbeat) = membership::heartbeat(tx, worker, &shared.clock).await?
                else {
                    round.was_reaped = true;
                    return Ok(round);
                };
                if let Some(time) = heartbeat.time {
                    shared.clock.set(time, asked);
                }
                let now = shared.clock.now();
                claims.now = now;
                claims.limited.now = now;
                if is_careful {
                    let ended = finished.iter().map(|end| end.attempt.job);
                    let logged = lines.iter().map(|line| line.attempt.job);
                    let reported = changed.iter().map(|(attempt, ..)| attempt.key.job);
                    let jobs = ended.chain(logged).chain(reported).collect();
                    round.locked = held_back::lock(tx, jobs).await?;
                }
                let locked = &round.locked;
                let free = held_back::unlocked(&finished, locked, |end| end.attempt.job);
                round.finished = finish(tx, &free, now).await?;
                let superseded = free.len() - round.finished.len();
                if superseded > 0 {
                    tracing::debug!(superseded, "ends of attempts that do not count any more");
                }
                let reported = changed
                    .iter()
                    .filter(|(attempt, ..)| !locked.contains(&attempt.key.job));
                for (attempt, progress, artifact) in reported {
                    store::progress(tx, attempt.key, progress.as_deref(), *artifact).await?;
                }
                let free = held_back::unlocked(&lines, locked, |line| line.attempt.job);
                store::log(tx, &free).await?;
                if ticks {
                    let scheduled = schedules::tick(tx, registry, params, now).await?;
                    let waiting = due::promote(tx, now).await?;
                    round.due = scheduled.next.into_iter().chain(waiting.at).min();
                    round.scheduled = scheduled.submitted;
                    round.by_name = waiting.by_name > 0;
                    round.any_limited = waiting.limited > 0;
                    round.paused = match waiting.paused {
                        0 => PausedNames::default(),
                        _ => store::paused_names(tx).await?,
                    };
                }
                if takes {
                    claims
                        .limited
                        .limit_queues(tx, &mut claims.capacity)
                        .await?;
                    for want in claims.capacity.requests(turn) {
                        if round.paused.queues.contains(&want.queue) {
                            continue;
                        }
                        if !Capacity::is_of_limited(&want) {
                            claims.claim(tx, &want, &mut round).await?;
                        } else if round.any_limited {
                            claims.claim_limited(tx, &want.queue, &mut round).await?;
                        }
                    }
                }
                if takes && (round.by_name || round.any_limited) {
                    claims.claim_by_name(tx, &mut round).await?;
                } else if ticks && shared.settings.engine.is_none() {
                    round.unknown = Some(claims.unknown.clone());
                }
                round.limits_at = claims.limited.finish(tx, &round.claimed).await?;
                round.tells_of_places = frees && !(takes && claims.capacity.is_free());
                if returns || round.tells_of_places {
                    store::notify(tx).await?;
                }
                Ok(round)
            })
            .await;
        match &result {
            Ok(round) => {
                self.recheck_timers = recheck_timers && !ticks;
                if round.tells_of_places {
                    self.told_of_places = Some(tokio::time::Instant::now());
                }
                if asks {
                    self.shared.due.notify_one();
                }
                self.shared.count_finished(&finished, &round.finished);
                for ScheduledJob { task, queue, at } in &round.scheduled {
                    let job = (Some(task.as_str()), queue.as_str());
                    self.shared.figures.count_job(job, Count::Submitted, *at);
                }
                let is_locked = |job| round.locked.contains(&job);
                let changes = &self.shared.changes;
                for end in finished {
                    if is_locked(end.attempt.job) {
                        self.held_back.finished.push(end);
                    } else {
                        self.started.remove(&end.attempt);
                        changes.notify(end.attempt.job);
                    }
                }
                for (attempt, ..) in changed {
                    if is_locked(attempt.key.job) {
                        self.held_back.changed.insert(attempt.key.job, attempt);
                    } else {
                        changes.notify(attempt.key.job);
                    }
                }
                if !round.locked.is_empty() {
                    let lines = lines.into_iter();
                    let lines = lines.filter(|line| is_locked(line.attempt.job));
                    self.held_back.lines.extend(lines);
                    self.held_back.tried = Some(tokio::time::Instant::now());
                }
                if is_careful {
                    self.shared.health.set_held_back(self.held_back.jobs());
                }
            }
            Err(_) => {
                // For the next round.
                let newer = std::mem::replace(&mut self.finished, finished);
                self.finished.extend(newer);
                let newer = std::mem::replace(&mut self.lines, lines);
                self.lines.extend(newer);
                for (attempt, ..) in changed {
                    self.changed.insert(attempt.key.job, attempt);
                }
                self.recheck();
            }
        }
        result
    }
}

impl Driver {
    /// Has the next round try again to write what was held back: before what is newer.
    fn write_what_was_held_back(&mut self) {
        let held_back = std::mem::take(&mut self.held_back);
        self.finished.splice(..0, held_back.finished);
        self.lines.splice(..0, held_back.lines);
        for (job, attempt) in held_back.changed {
            self.changed.entry(job).or_insert(attempt);
        }
    }
}

impl Claims<'_> {
    /// Takes jobs for one want. What this process may not run is set aside in the same transaction, so that it was never taken.
    async fn claim(
        &mut self,
        tx: &mut Connection,
        want: &ClaimRequest,
        round: &mut Round,
    ) -> Result<(), JobError> {
        for _ in 0..MAX_REPEATS {
            let Some(kind) = self.capacity.kind(want, &self.unknown, &round.paused.tasks) else {
                return Ok(());
            };
            let limit = self.capacity.limit(want);
            if limit == 0 {
                round.full = true;
                return Ok(());
            }
            let mut jobs = self.starved(tx, &want.queue, &kind, limit).await?;
            let rest = limit - jobs.len();
            if rest > 0 {
                let which = (want.queue.as_str(), &kind, None);
                let (limits, seen) = ((rest, self.inline_params), (&*self.without, self.now));
                jobs.extend(claim::claim(tx, self.worker, which, limits, seen).await?);
            }
            self.aging.count(&want.queue, &kind, jobs.len());
            let is_full = jobs.len() == limit;
            let (known, set_aside): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| {
                let task = &job.task_name;
                let is_for_all = self.registry.get(task).is_ok() && !self.limited.is_limited(task);
                is_for_all && !round.paused.tasks.contains(task)
            });
            self.capacity.take(&known);
            round.claimed.extend(known);
            if set_aside.is_empty() {
                round.full |= is_full && !matches!(kind, ClaimKind::Quarantined(_));
                return Ok(());
            }
            by_name::set_aside(tx, self.worker, &set_aside).await?;
            let names: BTreeSet<String> = set_aside.into_iter().map(|job| job.task_name).collect();
            by_name::mark(tx, &want.queue, &names).await?;
            let queued = |task| QueuedTask::new(task, &want.queue);
            let unknown = names
                .into_iter()
                .filter(|task| self.registry.get(task).is_err());
            self.unknown.extend(unknown.map(queued));
            round.by_name = true;
        }
        round.full = true;
        Ok(())
    }

    /// Takes a share of those that have waited longest, while jobs of a higher priority wait as well.
    async fn starved(
        &mut self,
        tx: &mut Connection,
        queue: &str,
        kind: &ClaimKind,
        limit: usize,
    ) -> Result<Vec<ClaimedJob>, JobError> {
        let Some(max_priority_wait) = self.max_priority_wait else {
            return Ok(Vec::new());
        };
        let share = self.aging.share(queue, kind).min(limit);
        if share == 0 {
            return Ok(Vec::new());
        }
        let before = self.now.saturating_sub(max_priority_wait);
        match aging::starved(tx, queue, kind, before).await? {
            Some(priority) => {
                let which = (queue, kind, Some(priority));
                let (limits, seen) = ((share, self.inline_params), (&*self.without, self.now));
                claim::claim(tx, self.worker, which, limits, seen).await
            }
            None => Ok(Vec::new()),
        }
    }

    /// Takes jobs of a queue that are of tasks with limits over all processes.
    async fn claim_limited(
        &mut self,
        tx: &mut Connection,
        queue: &str,
        round: &mut Round,
    ) -> Result<(), JobError> {
        let tasks = due::tasks_in(tx, sql::READY_LIMITED, queue).await?;
        let context = ClaimContext {
            paused: &round.paused,
            without: &self.without,
            inline_params: self.inline_params,
            turn: self.turn,
        };
        let (limited, capacity) = (&mut self.limited, &mut self.capacity);
        let alone = limited.claim_quarantined(tx, capacity, queue, context);
        let alone = alone.await?;
        let jobs = limited.claim(tx, capacity, queue, tasks, context).await?;
        round.claimed.extend(alone);
        round.claimed.extend(jobs);
        Ok(())
    }

    /// Takes jobs that are claimed by the names of their tasks, because some worker does not have those, and looks for tasks that this process does not
    /// have.
    async fn claim_by_name(
        &mut self,
        tx: &mut Connection,
        round: &mut Round,
    ) -> Result<(), JobError> {
        let queues: Vec<String> = self.capacity.open_queues().map(str::to_owned).collect();
        for queue in queues {
            if round.paused.queues.contains(&queue) {
                continue;
            }
            let mut tasks = due::tasks_in(tx, sql::READY_BY_NAME, &queue).await?;
            if round.any_limited {
                let limited = due::tasks_in(tx, sql::READY_LIMITED, &queue).await?;
                tasks.extend(
                    limited
                        .into_iter()
                        .filter(|task| self.registry.get(task).is_err()),
                );
            }
            for task in tasks {
                let Ok(entry) = self.registry.get(&task) else {
                    self.unknown.insert(QueuedTask::new(task, &queue));
                    continue;
                };
                if self.limited.is_limited(&task) {
                    // They were submitted by a program that does not limit them.
                    let moved = limited_line::move_ready(tx, entry, &queue).await?;
                    round.any_limited |= moved > 0;
                    round.full |= moved > 0;
                } else if !self.capacity.has_limit(&task) && !round.paused.tasks.contains(&task) {
                    let want = self.capacity.request_by_name(&queue, &task);
                    self.claim(tx, &want, round).await?;
                }
            }
        }
        round.unknown = Some(self.unknown.clone());
        Ok(())
    }
}
