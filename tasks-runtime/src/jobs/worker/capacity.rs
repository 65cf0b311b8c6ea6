//! How many more jobs this process can run, and what to claim to fill that capacity.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::claim::ClaimKind;
use super::claimed_job::ClaimedJob;
use super::shared::WorkerShared;
use super::unserved::QueuedTask;
use crate::jobs::id::JobId;
use crate::jobs::state::is_quarantined;

/// A claim to be made: how many jobs of which queue, and of which kind.
pub(in crate::jobs) struct ClaimRequest {
    pub(in crate::jobs) queue: String,
    kind: ClaimKind,
    limit: usize,
}

/// Free capacity of this process: in all, by queue, and by task.
pub(in crate::jobs) struct Capacity {
    free: usize,
    queues: HashMap<String, usize>,
    /// Free capacity of the tasks that have a concurrency limit.
    tasks: BTreeMap<String, usize>,
    /// Whether a quarantined job runs: there is one at a time.
    quarantined: bool,
    /// Tasks that have limits over all processes: their jobs are claimed apart from others.
    limited: Vec<String>,
}

impl Capacity {
    pub(in crate::jobs) fn of(shared: &WorkerShared) -> Self {
        Self::without(shared, None)
    }

    /// Capacity as if one job did not run.
    pub(in crate::jobs) fn without(shared: &WorkerShared, job: Option<JobId>) -> Self {
        let taken = shared.in_flight.taken(job);
        let left = |of: &HashMap<String, usize>, name: &str, limit: usize| {
            limit.saturating_sub(of.get(name).copied().unwrap_or_default())
        };
        let queues = shared.queues.iter();
        let tasks = shared.concurrency_limits.iter();
        Self {
            free: shared.settings.max_concurrency.saturating_sub(taken.all),
            queues: queues
                .map(|(queue, limit)| (queue.clone(), left(&taken.queues, queue, *limit)))
                .collect(),
            tasks: tasks
                .map(|(task, limit)| (task.clone(), left(&taken.tasks, task, *limit)))
                .collect(),
            quarantined: taken.quarantined > 0,
            limited: shared
                .global_limits
                .task_names()
                .map(str::to_owned)
                .collect(),
        }
    }

    /// How many jobs could begin, whatever their queues and tasks.
    pub(in crate::jobs) fn free(&self) -> usize {
        self.free
    }

    /// Returns whether any job could begin.
    pub(in crate::jobs) fn is_free(&self) -> bool {
        self.free > 0 && self.queues.values().any(|room| *room > 0)
    }

    /// Returns whether a job of this queue and task could begin.
    pub(in crate::jobs) fn has_room_for(&self, queue: &str, task: &str, quarantined: bool) -> bool {
        let room = self.queues.get(queue).copied().unwrap_or(self.free);
        let of_task = self.tasks.get(task).copied().unwrap_or(room);
        room.min(self.free).min(of_task) > 0 && !(quarantined && self.quarantined)
    }

    /// How many jobs of this queue and task could begin.
    pub(in crate::jobs) fn room_for(&self, queue: &str, task: &str) -> usize {
        let room = self.queues.get(queue).copied().unwrap_or_default();
        let of_task = self.tasks.get(task).copied().unwrap_or(room);
        room.min(self.free).min(of_task)
    }

    /// Whether a quarantined job runs: no other one could begin.
    pub(in crate::jobs) fn runs_quarantined(&self) -> bool {
        self.quarantined
    }

    /// Reduces the capacity for a queue to this.
    pub(in crate::jobs) fn restrict(&mut self, queue: &str, room: usize) {
        if let Some(left) = self.queues.get_mut(queue) {
            *left = room.min(*left);
        }
    }

    /// Requests jobs of one task, for a queue whose front is taken by tasks that this process does not have.
    pub(in crate::jobs) fn request_by_name(&self, queue: &str, task: &str) -> ClaimRequest {
        ClaimRequest {
            queue: queue.to_owned(),
            kind: ClaimKind::ByName(task.to_owned()),
            limit: self.free,
        }
    }

    /// Returns whether a task has a concurrency limit.
    pub(in crate::jobs) fn has_limit(&self, task: &str) -> bool {
        self.tasks.contains_key(task)
    }

    /// Names of the queues in which another job could begin.
    pub(in crate::jobs) fn open_queues(&self) -> impl Iterator<Item = &str> {
        let open = self
            .queues
            .iter()
            .filter(|(_, room)| **room > 0 && self.free > 0);
        open.map(|(queue, _)| queue.as_str())
    }

    /// All claims to be made, beginning with another queue each turn so that none is always last.
    pub(in crate::jobs) fn requests(&self, turn: usize) -> Vec<ClaimRequest> {
        let mut requests = Vec::new();
        for (queue, room) in &self.queues {
            let room = (*room).min(self.free);
            if room == 0 {
                continue;
            }
            let want = |kind, limit| ClaimRequest {
                queue: queue.clone(),
                kind,
                limit,
            };
            if !self.quarantined {
                requests.push(want(ClaimKind::Quarantined(Vec::new()), 1));
            }
            let shared = self
                .tasks
                .iter()
                .filter(|(task, room)| **room > 0 && !self.limited.contains(task));
            for (task, room_of_task) in shared {
                let limit = room.min(*room_of_task);
                requests.push(want(ClaimKind::ByName(task.clone()), limit));
            }
            requests.push(want(ClaimKind::Normal, room));
            if !self.limited.is_empty() {
                requests.push(want(ClaimKind::Limited, room));
            }
        }
        if requests.len() > 1 {
            let by = turn % requests.len();
            requests.rotate_left(by);
        }
        requests
    }

    /// Whether this is a request for jobs of tasks with limits over all processes.
    pub(in crate::jobs) fn is_of_limited(want: &ClaimRequest) -> bool {
        want.kind == ClaimKind::Limited
    }

    /// The kind to claim now; `None` for a quarantined job while one runs. Quarantined jobs of unknown tasks are left to other workers.
    pub(in crate::jobs) fn kind(
        &self,
        want: &ClaimRequest,
        unknown: &BTreeSet<QueuedTask>,
        paused: &BTreeSet<String>,
    ) -> Option<ClaimKind> {
        match &want.kind {
            ClaimKind::Quarantined(_) if self.quarantined => None,
            ClaimKind::Quarantined(_) => {
                let full = self.tasks.iter().filter(|(_, room)| **room == 0);
                let unknown = unknown.iter().map(|unknown| &unknown.task);
                let left = full.map(|(task, _)| task).chain(unknown);
                let left = left.chain(&self.limited).chain(paused);
                Some(ClaimKind::Quarantined(left.cloned().collect()))
            }
            ClaimKind::ByName(task) if paused.contains(task) => None,
            kind => Some(kind.clone()),
        }
    }

    /// How many jobs a request may still claim, after what earlier ones have claimed.
    pub(in crate::jobs) fn limit(&self, want: &ClaimRequest) -> usize {
        let room = self.queues.get(&want.queue).copied().unwrap_or_default();
        let room = match &want.kind {
            ClaimKind::ByName(task) => room.min(self.tasks.get(task).copied().unwrap_or(room)),
            _ => room,
        };
        want.limit.min(self.free).min(room)
    }

    /// Reduces the capacity by jobs that were claimed.
    pub(in crate::jobs) fn take(&mut self, jobs: &[ClaimedJob]) {
        for job in jobs {
            self.free = self.free.saturating_sub(1);
            for room in [
                self.queues.get_mut(&job.queue),
                self.tasks.get_mut(&job.task_name),
            ]
            .into_iter()
            .flatten()
            {
                *room = room.saturating_sub(1);
            }
            self.quarantined |= is_quarantined(job.crashes);
        }
    }
}
