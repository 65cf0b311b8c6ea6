//! The places for jobs that are free in this process, and what is asked for to fill them.

use std::collections::{BTreeMap, HashMap};

use super::Shared;
use super::claim::Kind;
use crate::jobs::table::{Claimed, now};

/// How many jobs are wanted of a queue, and which.
pub(in crate::jobs) struct Want {
    pub(in crate::jobs) queue: String,
    pub(in crate::jobs) kind: Kind,
    /// One more condition, in SQL.
    only: String,
    /// The task whose jobs are wanted, if only so many of them run at once.
    task: Option<String>,
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
        let taken = shared.running.taken();
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

    /// What to ask for, beginning with another queue each time.
    pub(in crate::jobs) fn wants(&self) -> Vec<Want> {
        let unlimited = without(self.tasks.keys());
        let mut wants = Vec::new();
        for (queue, room) in &self.queues {
            let room = (*room).min(self.free);
            if room == 0 {
                continue;
            }
            let want = |kind, only: &str, task: Option<&str>, limit| Want {
                queue: queue.clone(),
                kind,
                only: only.to_owned(),
                task: task.map(str::to_owned),
                limit,
            };
            if !self.suspect {
                wants.push(want(Kind::Suspect, "", None, 1));
            }
            for (task, room_of_task) in self.tasks.iter().filter(|(_, room)| **room > 0) {
                let only = format!("AND task_name = '{task}'");
                let limit = room.min(*room_of_task);
                wants.push(want(Kind::Sound, &only, Some(task), limit));
            }
            wants.push(want(Kind::Sound, &unlimited, None, room));
        }
        if wants.len() > 1 {
            let by = usize::try_from(now().unsigned_abs() % 1009).unwrap_or(0) % wants.len();
            wants.rotate_left(by);
        }
        wants
    }

    /// Suspects run one at a time.
    pub(in crate::jobs) fn may_ask(&self, want: &Want) -> bool {
        want.kind == Kind::Sound || !self.suspect
    }

    /// One more condition of a want, in SQL. A suspect may be of any task that has room at the moment.
    pub(in crate::jobs) fn only(&self, want: &Want) -> String {
        if want.kind == Kind::Sound {
            return want.only.clone();
        }
        let full = self.tasks.iter().filter(|(_, room)| **room == 0);
        without(full.map(|(task, _)| task))
    }

    /// How many jobs a want may still have: what one takes, the next cannot.
    pub(in crate::jobs) fn limit(&self, want: &Want) -> usize {
        let room = self.queues.get(&want.queue).copied().unwrap_or_default();
        let of_task = want.task.as_ref().and_then(|task| self.tasks.get(task));
        let room = room.min(of_task.copied().unwrap_or(room));
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
            self.suspect |= job.crashes > 0;
        }
    }
}

/// A condition that leaves tasks out. Their names are letters, digits, `_` and `-`: nothing to escape.
fn without<'a>(tasks: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = tasks.map(|task| format!("'{task}'")).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("AND task_name NOT IN ({})", names.join(", "))
}
