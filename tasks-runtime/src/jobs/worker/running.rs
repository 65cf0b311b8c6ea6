//! The attempts that run in this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Why an attempt is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Why {
    /// Somebody asked for it.
    Canceled,
    /// The process is about to end: the job goes back to the queue.
    Shutdown,
    /// It does not count any more.
    Superseded,
}

/// One of them.
pub(in crate::jobs) struct Entry {
    pub(in crate::jobs) fence: i64,
    pub(in crate::jobs) queue: String,
    /// `None` for a closure, which takes no place of a job.
    pub(in crate::jobs) task: Option<String>,
    pub(in crate::jobs) suspect: bool,
    pub(in crate::jobs) stop: CancellationToken,
    pub(in crate::jobs) why: Option<Why>,
}

/// All of them, by their ids.
#[derive(Default)]
pub(in crate::jobs) struct Running(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<String, Entry>,
    /// Attempts that have ended, and have not told the driver yet.
    ending: usize,
}

/// How many places are taken.
#[derive(Default)]
pub(in crate::jobs) struct Taken {
    pub(in crate::jobs) all: usize,
    pub(in crate::jobs) queues: HashMap<String, usize>,
    pub(in crate::jobs) tasks: HashMap<String, usize>,
    pub(in crate::jobs) suspects: usize,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::jobs) fn add(&self, id: String, entry: Entry) {
        self.lock().entries.insert(id, entry);
    }

    /// Takes an attempt out that has ended, and says why it was to stop, if it was. [`told`](Self::told) follows once the driver
    /// knows.
    pub(in crate::jobs) fn remove(&self, id: &str, fence: i64) -> Option<Why> {
        let mut running = self.lock();
        running.ending += 1;
        match running.entries.get(id) {
            Some(entry) if entry.fence == fence => {
                running.entries.remove(id).and_then(|entry| entry.why)
            }
            // The job is back already, in a later attempt.
            _ => Some(Why::Superseded),
        }
    }

    /// The driver has been told of the end of an attempt that was removed.
    pub(in crate::jobs) fn told(&self) {
        let mut running = self.lock();
        running.ending = running.ending.saturating_sub(1);
    }

    pub(in crate::jobs) fn cancel(&self, id: &str) {
        if let Some(entry) = self.lock().entries.get_mut(id) {
            entry.why.get_or_insert(Why::Canceled);
            entry.stop.cancel();
        }
    }

    /// Stops all of them.
    pub(in crate::jobs) fn stop_all(&self, why: Why) {
        for entry in self.lock().entries.values_mut() {
            if why == Why::Superseded {
                entry.why = Some(why);
            }
            entry.why.get_or_insert(why);
            entry.stop.cancel();
        }
    }

    /// Whether none runs, and the driver knows of all ends.
    pub(in crate::jobs) fn is_empty(&self) -> bool {
        let running = self.lock();
        running.entries.is_empty() && running.ending == 0
    }

    /// What is still there, as id, fence and whether it is a closure.
    pub(in crate::jobs) fn left(&self) -> Vec<(String, i64, bool)> {
        self.lock()
            .entries
            .iter()
            .map(|(id, entry)| (id.clone(), entry.fence, entry.task.is_none()))
            .collect()
    }

    pub(in crate::jobs) fn taken(&self) -> Taken {
        let mut taken = Taken::default();
        for entry in self.lock().entries.values() {
            let Some(task) = &entry.task else {
                continue;
            };
            taken.all += 1;
            taken.suspects += usize::from(entry.suspect);
            count(&mut taken.queues, &entry.queue);
            count(&mut taken.tasks, task);
        }
        taken
    }
}

fn count(counts: &mut HashMap<String, usize>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_owned(), 1);
        }
    }
}
