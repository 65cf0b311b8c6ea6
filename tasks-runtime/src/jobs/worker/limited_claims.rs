//! The part of a round that claims jobs of tasks with limits over all processes, and keeps those of queues.

use std::collections::{BTreeMap, HashMap};

use super::capacity::Capacity;
use super::claim;
use super::claimed_job::ClaimedJob;
use super::global_limits::GlobalLimits;
use super::limited_jobs::{self, ClaimFor};
use super::limited_line;
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::flow_control::usage::{self, Scope};
use crate::jobs::flow_control::{QueueLimits, Room, Starts};
use crate::jobs::id::JobId;
use crate::jobs::store::PausedNames;
use crate::registry::TaskRegistry;

/// How many keys are looked at at once, where the first ones are all at their limits.
const PAGE: usize = 500;
/// How many more keys than places are looked at at first.
const SPARE_KEYS: usize = 16;
/// How often one round looks for keys of one task: the next one goes on from there.
const MAX_PAGES: u32 = 10;
/// When to look again for what another process is about to claim from, in microseconds: twice as long each time.
const LOCKED_PAUSE: i64 = 10_000;
const MAX_LOCKED_PAUSE: i64 = 500_000;

/// Where the keys of a task in a queue take their next turn: after this one.
pub(super) type Turns = HashMap<(String, String), String>;

/// What a driver remembers from round to round.
#[derive(Debug, Default)]
pub(super) struct LimitedState {
    turns: Turns,
    /// How many rounds one after the other have found something locked.
    locked: u32,
}

/// What a claim has to know of its round.
#[derive(Clone, Copy)]
pub(super) struct ClaimContext<'a> {
    pub(super) paused: &'a PausedNames,
    /// Jobs that are left to other processes.
    pub(super) without: &'a [JobId],
    /// How long parameters may be that are read with the claim, in bytes.
    pub(super) inline_params: usize,
    /// Counts rounds, so that each begins with another task.
    pub(super) turn: usize,
}

/// What the limits leave in one round.
pub(super) struct LimitedClaims<'a> {
    limits: &'a GlobalLimits,
    worker: &'a str,
    registry: &'a TaskRegistry,
    state: &'a mut LimitedState,
    /// The rooms of tasks that were locked; `None` of those that another process has locked.
    rooms: BTreeMap<String, Option<Room>>,
    /// What counts for the rates of queues.
    queues: BTreeMap<String, Starts>,
    was_locked: bool,
    /// When a rate lets the next job begin, or another look is due.
    again_at: Option<i64>,
    pub(super) now: i64,
}

impl<'a> LimitedClaims<'a> {
    pub(super) fn new(
        limits: &'a GlobalLimits,
        worker: &'a str,
        registry: &'a TaskRegistry,
        state: &'a mut LimitedState,
    ) -> Self {
        Self {
            limits,
            worker,
            registry,
            state,
            rooms: BTreeMap::new(),
            queues: BTreeMap::new(),
            was_locked: false,
            again_at: None,
            now: 0,
        }
    }

    fn look_again_at(&mut self, at: i64) {
        self.again_at = Some(self.again_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Whether the jobs of a task are claimed here.
    pub(super) fn is_limited(&self, task: &str) -> bool {
        self.limits.is_limited(task)
    }

    /// Reduces the capacity of queues to what their limits leave.
    pub(super) async fn limit_queues(
        &mut self,
        tx: &mut Connection,
        capacity: &mut Capacity,
    ) -> Result<(), JobError> {
        for (queue, limits) in self.limits.queues() {
            if capacity.open_queues().any(|open| open == queue) {
                let left = self.left_of_queue(tx, queue, *limits, false).await?;
                capacity.restrict(queue, left);
            }
        }
        Ok(())
    }

    /// How many jobs of a queue may begin: none while another process claims from it.
    async fn left_of_queue(
        &mut self,
        tx: &mut Connection,
        queue: &str,
        limits: QueueLimits,
        waits: bool,
    ) -> Result<usize, JobError> {
        if !usage::lock(tx, Scope::Queue(queue), waits).await? {
            self.was_locked = true;
            return Ok(0);
        }
        let mut left = usize::MAX;
        if let Some(most) = limits.concurrency {
            let running = usage::running_in_queue(tx, queue).await?;
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            left = most.saturating_sub(running);
        }
        if let Some(rate) = limits.rate {
            let starts = usage::queue_starts(tx, queue, rate, self.now).await?;
            left = left.min(starts.left(rate, self.now));
            self.queues.insert(queue.to_owned(), starts);
        }
        Ok(left)
    }

    /// Whether one job may begin, whose turn an engine decides on. Room is taken for it.
    pub(super) async fn admits(
        &mut self,
        tx: &mut Connection,
        (queue, task): (&str, &str),
        job: JobId,
    ) -> Result<bool, JobError> {
        if let Some(limits) = self.limits.queues().get(queue)
            && self.left_of_queue(tx, queue, *limits, true).await? == 0
        {
            return Ok(false);
        }
        let Some(entry) = self
            .registry
            .get(task)
            .ok()
            .filter(|_| self.is_limited(task))
        else {
            return Ok(true);
        };
        let key = limited_line::key(tx, entry, job).await?;
        self.takes_room(tx, task, &key, true).await
    }

    /// Takes room for a job with this key, if there is some.
    async fn takes_room(
        &mut self,
        tx: &mut Connection,
        task: &str,
        key: &str,
        waits: bool,
    ) -> Result<bool, JobError> {
        let now = self.now;
        let Some(room) = self.room(tx, task, waits).await? else {
            return Ok(false);
        };
        usage::add_keys(tx, (task, room), &[key], now).await?;
        let has_room = room.left().min(room.left_of_key(key)) > 0;
        if has_room {
            room.take(key, 1);
        }
        Ok(has_room)
    }

    /// What the limits of a task leave; `None` while another process claims its jobs.
    async fn room(
        &mut self,
        tx: &mut Connection,
        task: &str,
        waits: bool,
    ) -> Result<Option<&mut Room>, JobError> {
        if !self.rooms.contains_key(task) {
            let limits = self.limits.of_task(task).unwrap_or_default();
            let room = if usage::lock(tx, Scope::Task(task), waits).await? {
                Some(usage::room(tx, task, limits, self.now).await?)
            } else {
                self.was_locked = true;
                None
            };
            self.rooms.insert(task.to_owned(), room);
        }
        Ok(self.rooms.get_mut(task).and_then(Option::as_mut))
    }

    /// Takes jobs of a queue, each task of these in its turn.
    pub(super) async fn claim(
        &mut self,
        tx: &mut Connection,
        capacity: &mut Capacity,
        queue: &str,
        tasks: Vec<String>,
        context: ClaimContext<'_>,
    ) -> Result<Vec<ClaimedJob>, JobError> {
        let mut tasks = tasks;
        // One whose limits this program does not know is left to those that do.
        tasks.retain(|task| self.is_limited(task) && !context.paused.tasks.contains(task));
        if tasks.len() > 1 {
            let by = context.turn % tasks.len();
            tasks.rotate_left(by);
        }
        let mut claimed = Vec::new();
        for task in tasks {
            let jobs = self
                .claim_of_task(tx, capacity, (queue, &task), context)
                .await?;
            claimed.extend(jobs);
        }
        Ok(claimed)
    }

    /// Takes jobs of one task: its keys take turns, from where the last round has ended.
    async fn claim_of_task(
        &mut self,
        tx: &mut Connection,
        capacity: &mut Capacity,
        (queue, task): (&str, &str),
        context: ClaimContext<'_>,
    ) -> Result<Vec<ClaimedJob>, JobError> {
        let mut claimed = Vec::new();
        let (worker, now) = (self.worker, self.now);
        let place = (queue.to_owned(), task.to_owned());
        let mut after = self.state.turns.get(&place).cloned();
        let mut is_second_time = after.is_none();
        let (mut free_at, mut is_cut): (Option<i64>, bool) = (None, true);
        for page in 0..MAX_PAGES {
            let Some(room) = self.room(tx, task, false).await? else {
                is_cut = false;
                break;
            };
            let places = capacity.room_for(queue, task).min(room.left());
            if places == 0 {
                is_cut = false;
                break;
            }
            let size = if page == 0 {
                places.saturating_add(SPARE_KEYS).min(PAGE)
            } else {
                PAGE
            };
            let keys = limited_jobs::keys(tx, (queue, task), after.as_deref(), size).await?;
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            usage::add_keys(tx, (task, room), &names, now).await?;
            let shares = room.share(&keys, places);
            // Where all of these keys got what they may, the turn is after the last of them; else after the last one that got something.
            let last = match shares.last() {
                Some((key, _)) if shares.len() == places => Some((*key).to_owned()),
                _ => keys.last().cloned(),
            };
            let is_whole = last.as_ref() == keys.last();
            if !shares.is_empty() {
                let whom = ClaimFor {
                    worker,
                    queue,
                    task,
                };
                let limits = (context.inline_params, now);
                let jobs = limited_jobs::claim(tx, whom, &shares, limits, context.without).await?;
                for (_, key) in &jobs {
                    room.take(key, 1);
                }
                let jobs: Vec<ClaimedJob> = jobs.into_iter().map(|(job, _)| job).collect();
                capacity.take(&jobs);
                claimed.extend(jobs);
            }
            free_at = free_at.into_iter().chain(room.keys_free_at(&keys)).min();
            if keys.len() < size && is_whole {
                // These were the last keys: it begins from the first one again, once.
                after = None;
                if is_second_time {
                    is_cut = false;
                    break;
                }
                is_second_time = true;
            } else {
                after = last;
            }
        }
        if let Some(Some(room)) = self.rooms.get(task) {
            free_at = free_at.into_iter().chain(room.task_free_at()).min();
        }
        match after {
            Some(key) => _ = self.state.turns.insert(place, key),
            None => _ = self.state.turns.remove(&place),
        }
        if is_cut {
            self.look_again_at(now);
        }
        if let Some(at) = free_at {
            self.look_again_at(at);
        }
        Ok(claimed)
    }

    /// Takes a job that runs alone, if there is room for one.
    pub(super) async fn claim_quarantined(
        &mut self,
        tx: &mut Connection,
        capacity: &mut Capacity,
        queue: &str,
        context: ClaimContext<'_>,
    ) -> Result<Option<ClaimedJob>, JobError> {
        if capacity.runs_quarantined() {
            return Ok(None);
        }
        let (worker, now) = (self.worker, self.now);
        let tasks: Vec<&str> = (self.limits.task_names())
            .filter(|task| !context.paused.tasks.contains(*task))
            .filter(|task| capacity.room_for(queue, task) > 0)
            .collect();
        if tasks.is_empty() {
            return Ok(None);
        }
        let found = limited_jobs::quarantined(tx, queue, &tasks, context.without).await?;
        for (job, task) in found {
            let Ok(entry) = self.registry.get(&task) else {
                continue;
            };
            let key = limited_line::key(tx, entry, job).await?;
            if !self.takes_room(tx, &task, &key, false).await? {
                continue;
            }
            let limits = (context.inline_params, now);
            if let Some(job) = claim::claim_one(tx, worker, job, limits).await? {
                capacity.take(std::slice::from_ref(&job));
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// Counts what was claimed for the rates. Gives when to look again, if something kept jobs from being claimed that will be over by then.
    pub(super) async fn finish(
        &mut self,
        tx: &mut Connection,
        claimed: &[ClaimedJob],
    ) -> Result<Option<i64>, JobError> {
        for (task, room) in &self.rooms {
            if let Some(room) = room {
                usage::add_taken(tx, task, room, self.now).await?;
            }
        }
        let mut queues = std::mem::take(&mut self.queues);
        for (queue, starts) in &mut queues {
            let Some(rate) = self
                .limits
                .queues()
                .get(queue)
                .and_then(|limits| limits.rate)
            else {
                continue;
            };
            let count = claimed.iter().filter(|job| job.queue == *queue).count();
            if count > 0 {
                let scope = Scope::Queue(queue);
                usage::add_starts(tx, scope, (rate, self.now), &[("", count)]).await?;
                starts.add(rate.part_of(self.now), count);
            }
            if let Some(at) = starts.free_at(rate, self.now) {
                self.look_again_at(at);
            }
        }
        if self.was_locked {
            let pause = LOCKED_PAUSE << self.state.locked.min(6);
            // Not all at the same time.
            let spread = i64::from(std::process::id() % 8) * LOCKED_PAUSE / 8;
            self.look_again_at(self.now + pause.min(MAX_LOCKED_PAUSE) + spread);
            self.state.locked = self.state.locked.saturating_add(1);
        } else {
            self.state.locked = 0;
        }
        Ok(self.again_at)
    }
}
