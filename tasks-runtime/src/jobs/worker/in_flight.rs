//! The attempts that run in this process.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::jobs::attempt_key::{AttemptKey, Fence};
use crate::jobs::id::JobId;

/// Why an attempt is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum StopReason {
    /// Somebody asked for it.
    Canceled,
    /// The process is about to end: the job goes back to the queue.
    Shutdown,
    /// It does not count any more.
    Superseded,
}

/// An attempt that runs in this process.
pub(in crate::jobs) struct InFlightAttempt {
    pub(in crate::jobs) fence: Fence,
    pub(in crate::jobs) queue: String,
    /// `None` for a closure, which does not count against the capacity.
    pub(in crate::jobs) task: Option<String>,
    pub(in crate::jobs) quarantined: bool,
    pub(in crate::jobs) stop: CancellationToken,
    pub(in crate::jobs) why: Option<StopReason>,
    /// When it was given to the threads of the tasks, until one of them begins with it.
    pub(in crate::jobs) waiting_since: Option<Instant>,
    /// When it was given up, by its timeout or because it was to stop, if its code has not returned since.
    pub(in crate::jobs) given_up: Option<Instant>,
}

/// Attempts that were given up and whose code has not returned.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::jobs) struct Lingering {
    pub(in crate::jobs) count: usize,
    pub(in crate::jobs) tasks: BTreeSet<String>,
}

impl Lingering {
    /// For those who ask for the health of a process that runs so many jobs.
    pub(in crate::jobs) fn warning(&self, most: usize) -> String {
        const SHOWN: usize = 10;
        let names = self.tasks.iter().take(SHOWN);
        let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        if self.tasks.len() > SHOWN {
            names.push(format!("and {} more", self.tasks.len() - SHOWN));
        }
        format!(
            "{} of the {most} places of this process are taken by jobs that were canceled or ran into their timeout, and whose code does not \
             return, of {}: have it look at `TaskContext::is_cancelled`, or restart the process",
            self.count,
            names.join(", ")
        )
    }
}

/// The attempts that run in this process, by the id of their job.
#[derive(Default)]
pub(in crate::jobs) struct InFlight(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<JobId, InFlightAttempt>,
    /// Attempts that have ended and that the driver has not acknowledged yet.
    ending: usize,
    /// Attempts whose ends are written apart from the rounds. They keep their places until then.
    writing: usize,
    /// Jobs that an engine called for and that are being claimed, with their queue and task once those are known.
    claiming: HashMap<JobId, Option<PendingClaim>>,
}

/// What is known of a job that is being claimed.
struct PendingClaim {
    queue: String,
    task: String,
    quarantined: bool,
}

/// Capacity that is reserved for a job while it is being claimed.
pub(in crate::jobs) struct Reservation<'a> {
    in_flight: &'a InFlight,
    job: JobId,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.in_flight.lock().claiming.remove(&self.job);
    }
}

impl Reservation<'_> {
    /// The job is of this queue and task.
    pub(in crate::jobs) fn is_of(&self, queue: &str, task: &str, quarantined: bool) {
        let claiming = PendingClaim {
            queue: queue.to_owned(),
            task: task.to_owned(),
            quarantined,
        };
        let mut inner = self.in_flight.lock();
        inner.claiming.insert(self.job, Some(claiming));
    }
}

/// How many jobs are in flight.
#[derive(Default)]
pub(in crate::jobs) struct InFlightCount {
    pub(in crate::jobs) all: usize,
    pub(in crate::jobs) queues: HashMap<String, usize>,
    pub(in crate::jobs) tasks: HashMap<String, usize>,
    pub(in crate::jobs) quarantined: usize,
}

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::jobs) fn add(&self, job: JobId, attempt: InFlightAttempt) {
        self.lock().entries.insert(job, attempt);
    }

    /// Reserves capacity for a job that an engine called for; `None` when that was done already, or the job runs.
    pub(in crate::jobs) fn reserve(&self, job: JobId) -> Option<Reservation<'_>> {
        let mut inner = self.lock();
        if inner.entries.contains_key(&job) || inner.claiming.contains_key(&job) {
            return None;
        }
        inner.claiming.insert(job, None);
        Some(Reservation {
            in_flight: self,
            job,
        })
    }

    /// Whether a job is being claimed.
    pub(in crate::jobs) fn is_claiming(&self, job: JobId) -> bool {
        self.lock().claiming.contains_key(&job)
    }

    /// A thread begins with an attempt. `false` when it is not to: the attempt was taken back.
    pub(in crate::jobs) fn begin(&self, attempt: AttemptKey) -> bool {
        match self.lock().entries.get_mut(&attempt.job) {
            Some(entry) if entry.fence == attempt.fence => {
                entry.waiting_since = None;
                true
            }
            _ => false,
        }
    }

    /// Takes attempts back with which no thread has begun for so long. Gives which.
    pub(in crate::jobs) fn take_back(&self, timeout: Duration) -> Vec<AttemptKey> {
        let mut inner = self.lock();
        let late = |entry: &InFlightAttempt| {
            entry
                .waiting_since
                .is_some_and(|since| since.elapsed() >= timeout)
        };
        if !inner.entries.values().any(late) {
            return Vec::new();
        }
        inner
            .entries
            .extract_if(|_, entry| late(entry))
            .map(|(job, entry)| AttemptKey {
                job,
                fence: entry.fence,
            })
            .collect()
    }

    /// Nothing is expected of an attempt any more, and its code may still run. It keeps its place until that has returned.
    pub(in crate::jobs) fn give_up(&self, attempt: AttemptKey) {
        if let Some(entry) = self.lock().entries.get_mut(&attempt.job)
            && entry.fence == attempt.fence
        {
            entry.given_up = Some(Instant::now());
        }
    }

    /// Those that were given up so long ago, if there are any.
    pub(in crate::jobs) fn lingering(&self, patience: Duration) -> Option<Lingering> {
        let inner = self.lock();
        let tasks: Vec<&str> = inner
            .entries
            .values()
            .filter(|entry| entry.given_up.is_some_and(|at| at.elapsed() > patience))
            .filter_map(|entry| entry.task.as_deref())
            .collect();
        (!tasks.is_empty()).then(|| Lingering {
            count: tasks.len(),
            tasks: tasks.into_iter().map(str::to_owned).collect(),
        })
    }

    /// Removes an attempt that has ended, and returns why it was stopped, if it was. [`acknowledge`](Self::acknowledge) follows once the
    /// driver knows.
    pub(in crate::jobs) fn remove(&self, attempt: AttemptKey) -> Option<StopReason> {
        let mut inner = self.lock();
        inner.ending += 1;
        match inner.entries.get(&attempt.job) {
            Some(entry) if entry.fence == attempt.fence => inner
                .entries
                .remove(&attempt.job)
                .and_then(|entry| entry.why),
            // The job is back already, in a later attempt.
            _ => Some(StopReason::Superseded),
        }
    }

    /// Whether the ends of attempts are written apart from the rounds.
    pub(in crate::jobs) fn is_writing(&self) -> bool {
        self.lock().writing > 0
    }

    /// The end of an attempt is written apart from the rounds from now on.
    pub(in crate::jobs) fn begin_writing(&self) {
        self.lock().writing += 1;
    }

    /// Such an end was written.
    pub(in crate::jobs) fn end_writing(&self) {
        let mut inner = self.lock();
        inner.writing = inner.writing.saturating_sub(1);
    }

    /// The driver knows of the end of an attempt that was removed.
    pub(in crate::jobs) fn acknowledge(&self) {
        let mut inner = self.lock();
        inner.ending = inner.ending.saturating_sub(1);
    }

    pub(in crate::jobs) fn cancel(&self, job: JobId) {
        if let Some(entry) = self.lock().entries.get_mut(&job) {
            entry.why.get_or_insert(StopReason::Canceled);
            entry.stop.cancel();
        }
    }

    /// Stops all attempts.
    pub(in crate::jobs) fn stop_all(&self, why: StopReason) {
        for entry in self.lock().entries.values_mut() {
            if why == StopReason::Superseded {
                entry.why = Some(why);
            }
            entry.why.get_or_insert(why);
            entry.stop.cancel();
        }
    }

    /// The names of the tasks that run now, each once.
    pub(in crate::jobs) fn task_names(&self) -> Vec<String> {
        let inner = self.lock();
        let begun = inner
            .entries
            .values()
            .filter(|entry| entry.waiting_since.is_none());
        let names = begun.map(|entry| entry.task.as_deref().unwrap_or("(closure)"));
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Whether none runs, the driver knows of all ends, and none is written apart from the rounds.
    pub(in crate::jobs) fn is_empty(&self) -> bool {
        let inner = self.lock();
        inner.entries.is_empty()
            && inner.ending == 0
            && inner.writing == 0
            && inner.claiming.is_empty()
    }

    /// What is still there, and whether it is a closure.
    pub(in crate::jobs) fn left(&self) -> Vec<(AttemptKey, bool)> {
        self.lock()
            .entries
            .iter()
            .map(|(job, entry)| {
                let attempt = AttemptKey {
                    job: *job,
                    fence: entry.fence,
                };
                (attempt, entry.task.is_none())
            })
            .collect()
    }

    /// Counts what is in flight, except for one job.
    pub(in crate::jobs) fn taken(&self, but: Option<JobId>) -> InFlightCount {
        let mut taken = InFlightCount::default();
        let inner = self.lock();
        taken.all += inner.writing;
        let others = inner.claiming.iter().filter(|(job, _)| but != Some(**job));
        for (_, claiming) in others {
            taken.all += 1;
            let Some(claiming) = claiming else {
                continue;
            };
            taken.quarantined += usize::from(claiming.quarantined);
            count(&mut taken.queues, &claiming.queue);
            count(&mut taken.tasks, &claiming.task);
        }
        for entry in inner.entries.values() {
            let Some(task) = &entry.task else {
                continue;
            };
            taken.all += 1;
            taken.quarantined += usize::from(entry.quarantined);
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
