//! The attempts that run in this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    /// When it was given to the threads of the tasks, until one of them begins with it.
    pub(in crate::jobs) waiting_since: Option<Instant>,
}

/// All of them, by their ids.
#[derive(Default)]
pub(in crate::jobs) struct Running(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<String, Entry>,
    /// Attempts that have ended, and have not told the driver yet.
    ending: usize,
    /// Jobs that an engine called for and that are being claimed, with their queue and task once those are known.
    claiming: HashMap<String, Option<Claiming>>,
}

/// What is known of a job that is being claimed.
struct Claiming {
    queue: String,
    task: String,
    suspect: bool,
}

/// A place that is kept for a job while it is being claimed.
pub(in crate::jobs) struct Reservation<'a> {
    running: &'a Running,
    id: String,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.running.lock().claiming.remove(&self.id);
    }
}

impl Reservation<'_> {
    /// The job is of this queue and task.
    pub(in crate::jobs) fn is_of(&self, queue: &str, task: &str, suspect: bool) {
        let claiming = Claiming {
            queue: queue.to_owned(),
            task: task.to_owned(),
            suspect,
        };
        let mut running = self.running.lock();
        running.claiming.insert(self.id.clone(), Some(claiming));
    }
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

    /// Keeps a place for a job that an engine called for; `None` when one is kept already, or it runs.
    pub(in crate::jobs) fn reserve(&self, id: &str) -> Option<Reservation<'_>> {
        let mut running = self.lock();
        if running.entries.contains_key(id) || running.claiming.contains_key(id) {
            return None;
        }
        running.claiming.insert(id.to_owned(), None);
        Some(Reservation {
            running: self,
            id: id.to_owned(),
        })
    }

    /// Whether a job is being claimed.
    pub(in crate::jobs) fn is_claiming(&self, id: &str) -> bool {
        self.lock().claiming.contains_key(id)
    }

    /// A thread begins with an attempt. `false` when it is not to: the attempt was taken back.
    pub(in crate::jobs) fn begin(&self, id: &str, fence: i64) -> bool {
        match self.lock().entries.get_mut(id) {
            Some(entry) if entry.fence == fence => {
                entry.waiting_since = None;
                true
            }
            _ => false,
        }
    }

    /// Takes attempts back with which no thread has begun for so long. Gives their ids and fences.
    pub(in crate::jobs) fn take_back(&self, patience: Duration) -> Vec<(String, i64)> {
        let mut running = self.lock();
        let late = |entry: &Entry| {
            entry
                .waiting_since
                .is_some_and(|since| since.elapsed() >= patience)
        };
        if !running.entries.values().any(late) {
            return Vec::new();
        }
        running
            .entries
            .extract_if(|_, entry| late(entry))
            .map(|(id, entry)| (id, entry.fence))
            .collect()
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

    /// The names of the tasks that run now, each once.
    pub(in crate::jobs) fn task_names(&self) -> Vec<String> {
        let running = self.lock();
        let begun = running
            .entries
            .values()
            .filter(|entry| entry.waiting_since.is_none());
        let names = begun.map(|entry| entry.task.as_deref().unwrap_or("(closure)"));
        let names: std::collections::BTreeSet<&str> = names.collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Whether none runs, and the driver knows of all ends.
    pub(in crate::jobs) fn is_empty(&self) -> bool {
        let running = self.lock();
        running.entries.is_empty() && running.ending == 0 && running.claiming.is_empty()
    }

    /// What is still there, as id, fence and whether it is a closure.
    pub(in crate::jobs) fn left(&self) -> Vec<(String, i64, bool)> {
        self.lock()
            .entries
            .iter()
            .map(|(id, entry)| (id.clone(), entry.fence, entry.task.is_none()))
            .collect()
    }

    /// The places that are taken, but for that of one job.
    pub(in crate::jobs) fn taken(&self, but: Option<&str>) -> Taken {
        let mut taken = Taken::default();
        let running = self.lock();
        let others = running
            .claiming
            .iter()
            .filter(|(id, _)| but != Some(id.as_str()));
        for (_, claiming) in others {
            taken.all += 1;
            let Some(claiming) = claiming else {
                continue;
            };
            taken.suspects += usize::from(claiming.suspect);
            count(&mut taken.queues, &claiming.queue);
            count(&mut taken.tasks, &claiming.task);
        }
        for entry in running.entries.values() {
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
