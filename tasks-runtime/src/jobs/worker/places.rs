//! The places for jobs that are free in this process, and what is asked for to fill them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::claim::Kind;
use super::membership::is_suspect;
use super::shared::Shared;
use crate::jobs::table::Claimed;

/// How many jobs are wanted of a queue, and which.
pub(in crate::jobs) struct Want {
    pub(in crate::jobs) queue: String,
    kind: Kind,
    limit: usize,
}

/// The places that are free: in all, by queue, and by task.
pub(in crate::jobs) struct Places {
    free: usize,
    queues: HashMap<String, usize>,
    /// Of the tasks of which only so many jobs run at once.
    tasks: BTreeMap<String, usize>,
    /// Whether a suspect runs: there is one at a time.
    suspect: bool,
}

impl Places {
    pub(in crate::jobs) fn of(shared: &Shared) -> Self {
        Self::but_for(shared, None)
    }

    /// As if the place of one job were free.
    pub(in crate::jobs) fn but_for(shared: &Shared, job: Option<&str>) -> Self {
        let taken = shared.running.taken(job);
        let left = |of: &HashMap<String, usize>, name: &str, limit: usize| {
            limit.saturating_sub(of.get(name).copied().unwrap_or_default())
        };
        let queues = shared.queues.iter();
        let tasks = shared.limited.iter();
        Self {
            free: shared.settings.max_concurrency.saturating_sub(taken.all),
            queues: queues
                .map(|(queue, limit)| (queue.clone(), left(&taken.queues, queue, *limit)))
                .collect(),
            tasks: tasks
                .map(|(task, limit)| (task.clone(), left(&taken.tasks, task, *limit)))
                .collect(),
            suspect: taken.suspects > 0,
        }
    }

    /// Whether any job could begin.
    pub(in crate::jobs) fn are_free(&self) -> bool {
        self.free > 0 && self.queues.values().any(|room| *room > 0)
    }

    /// Whether this job could begin.
    pub(in crate::jobs) fn are_free_for(&self, queue: &str, task: &str, suspect: bool) -> bool {
        let room = self.queues.get(queue).copied().unwrap_or(self.free);
        let of_task = self.tasks.get(task).copied().unwrap_or(room);
        room.min(self.free).min(of_task) > 0 && !(suspect && self.suspect)
    }

    /// What to ask for to fill one queue with jobs of a task that has no limit of its own.
    pub(in crate::jobs) fn want_by_name(&self, queue: &str, task: &str) -> Want {
        Want {
            queue: queue.to_owned(),
            kind: Kind::Limited(task.to_owned()),
            limit: self.free,
        }
    }

    /// Whether a task has a limit of its own.
    pub(in crate::jobs) fn has_limit(&self, task: &str) -> bool {
        self.tasks.contains_key(task)
    }

    /// The queues in which another job could begin.
    pub(in crate::jobs) fn open_queues(&self) -> impl Iterator<Item = &str> {
        let open = self
            .queues
            .iter()
            .filter(|(_, room)| **room > 0 && self.free > 0);
        open.map(|(queue, _)| queue.as_str())
    }

    /// What to ask for, beginning with another queue each turn.
    pub(in crate::jobs) fn wants(&self, turn: usize) -> Vec<Want> {
        let mut wants = Vec::new();
        for (queue, room) in &self.queues {
            let room = (*room).min(self.free);
            if room == 0 {
                continue;
            }
            let want = |kind, limit| Want {
                queue: queue.clone(),
                kind,
                limit,
            };
            if !self.suspect {
                wants.push(want(Kind::Suspect(Vec::new()), 1));
            }
            for (task, room_of_task) in self.tasks.iter().filter(|(_, room)| **room > 0) {
                let limit = room.min(*room_of_task);
                wants.push(want(Kind::Limited(task.clone()), limit));
            }
            wants.push(want(Kind::Sound, room));
        }
        if wants.len() > 1 {
            let by = turn % wants.len();
            wants.rotate_left(by);
        }
        wants
    }

    /// What is asked for now; `None` when a suspect is wanted and one runs already. Suspects of unknown tasks are left to others.
    pub(in crate::jobs) fn kind(&self, want: &Want, unknown: &BTreeSet<String>) -> Option<Kind> {
        match &want.kind {
            Kind::Suspect(_) if self.suspect => None,
            Kind::Suspect(_) => {
                let full = self.tasks.iter().filter(|(_, room)| **room == 0);
                let left = full.map(|(task, _)| task).chain(unknown);
                Some(Kind::Suspect(left.cloned().collect()))
            }
            kind => Some(kind.clone()),
        }
    }

    /// How many jobs a want may still have: what one takes, the next cannot.
    pub(in crate::jobs) fn limit(&self, want: &Want) -> usize {
        let room = self.queues.get(&want.queue).copied().unwrap_or_default();
        let room = match &want.kind {
            Kind::Limited(task) => room.min(self.tasks.get(task).copied().unwrap_or(room)),
            _ => room,
        };
        want.limit.min(self.free).min(room)
    }

    /// These jobs were given.
    pub(in crate::jobs) fn take(&mut self, jobs: &[Claimed]) {
        for job in jobs {
            self.free = self.free.saturating_sub(1);
            let task = job.task_name.as_deref().unwrap_or_default();
            for room in [self.queues.get_mut(&job.queue), self.tasks.get_mut(task)]
                .into_iter()
                .flatten()
            {
                *room = room.saturating_sub(1);
            }
            self.suspect |= is_suspect(job.crashes);
        }
    }
}
