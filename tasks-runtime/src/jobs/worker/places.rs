//! The places for jobs that are free in this process, and what is asked for to fill them.

use std::collections::HashMap;

use super::Shared;
use super::claim::Kind;
use super::running::Taken;
use crate::jobs::table::now;

/// How many jobs are wanted of a queue, and which.
pub(in crate::jobs) struct Want {
    pub(in crate::jobs) queue: String,
    pub(in crate::jobs) kind: Kind,
    /// One more condition, in SQL.
    pub(in crate::jobs) only: String,
    limit: usize,
}

/// The places that are free: in all, and by queue.
pub(in crate::jobs) struct Places {
    taken: Taken,
    free: usize,
    rooms: HashMap<String, usize>,
}

impl Places {
    pub(in crate::jobs) fn of(shared: &Shared) -> Self {
        let taken = shared.running.taken();
        let free = shared.settings.max_concurrency.saturating_sub(taken.all);
        let room = |(queue, limit): &(String, usize)| {
            let running = taken.queues.get(queue).copied().unwrap_or_default();
            (queue.clone(), limit.saturating_sub(running))
        };
        let rooms = shared.queues.iter().map(room).collect();
        Self { taken, free, rooms }
    }

    /// Whether any job could begin.
    pub(in crate::jobs) fn are_free(&self) -> bool {
        self.free > 0 && self.rooms.values().any(|room| *room > 0)
    }

    /// What to ask for, beginning with another queue each time.
    pub(in crate::jobs) fn wants(&self, shared: &Shared) -> Vec<Want> {
        let limited = &shared.limited;
        // Letters, digits, `_` and `-`: nothing to escape.
        let names: Vec<String> = limited
            .iter()
            .map(|(task, _)| format!("'{task}'"))
            .collect();
        let others = if names.is_empty() {
            String::new()
        } else {
            format!("AND task_name NOT IN ({})", names.join(", "))
        };
        let mut wants = Vec::new();
        for (queue, room) in &self.rooms {
            let room = (*room).min(self.free);
            if room == 0 {
                continue;
            }
            let want = |kind, only, limit| Want {
                queue: queue.clone(),
                kind,
                only,
                limit,
            };
            if self.taken.suspects == 0 {
                wants.push(want(Kind::Suspect, String::new(), 1));
            }
            for ((task, most), name) in limited.iter().zip(&names) {
                let running = self.taken.tasks.get(task).copied().unwrap_or_default();
                let limit = most.saturating_sub(running).min(room);
                if limit > 0 {
                    wants.push(want(Kind::Sound, format!("AND task_name = {name}"), limit));
                }
            }
            wants.push(want(Kind::Sound, others.clone(), room));
        }
        if wants.len() > 1 {
            let by = usize::try_from(now().unsigned_abs() % 1009).unwrap_or(0) % wants.len();
            wants.rotate_left(by);
        }
        wants
    }

    /// Suspects run one at a time.
    pub(in crate::jobs) fn may_ask(&self, want: &Want) -> bool {
        want.kind == Kind::Sound || self.taken.suspects == 0
    }

    /// How many jobs a want may still have: what one takes, the next cannot.
    pub(in crate::jobs) fn limit(&self, want: &Want) -> usize {
        let room = self.rooms.get(&want.queue).copied().unwrap_or_default();
        want.limit.min(self.free).min(room)
    }

    /// So many jobs were given for a want.
    pub(in crate::jobs) fn take(&mut self, want: &Want, count: usize) {
        self.free = self.free.saturating_sub(count);
        if let Some(room) = self.rooms.get_mut(&want.queue) {
            *room = room.saturating_sub(count);
        }
        if want.kind == Kind::Suspect {
            self.taken.suspects += count;
        }
    }
}
