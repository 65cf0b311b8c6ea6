//! Jobs that this process cannot run, and does not take again for a while: another one may have their encryption key, or a version of their
//! task that takes their parameters.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::jobs::id::JobId;

/// For how long a job is left to other processes. Shorter than a lack of keys is part of the health, so that this stays.
const PERIOD: Duration = Duration::from_secs(30);
/// For how long a job whose parameters do not fit is left to others in all. Then they fit nowhere, as far as this process can know.
const MAX_TIME: Duration = Duration::from_secs(300);
/// How many are remembered: each claim steps over them.
const MAX_REMEMBERED: usize = 1000;

/// Jobs that this process does not take for a while.
#[derive(Debug, Default)]
pub(in crate::jobs) struct LeftToOthers(Mutex<HashMap<JobId, Left>>);

/// Since when a job is left to others, and until when it is not to be taken.
#[derive(Clone, Copy, Debug)]
struct Left {
    first: Instant,
    until: Instant,
}

impl LeftToOthers {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Left>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a job to others. `false` when there are too many already.
    pub(in crate::jobs) fn add(&self, job: JobId) -> bool {
        let now = Instant::now();
        self.add_at(job, now, now + PERIOD)
    }

    /// Remembers a job that nobody else could take when it was met for the first time. `false` when it was met before, or there are too many
    /// already.
    pub(in crate::jobs) fn meet(&self, job: JobId) -> bool {
        let now = Instant::now();
        !self.lock().contains_key(&job) && self.add_at(job, now, now)
    }

    fn add_at(&self, job: JobId, now: Instant, until: Instant) -> bool {
        let mut all = self.lock();
        if all.len() >= MAX_REMEMBERED && !all.contains_key(&job) {
            return false;
        }
        all.entry(job).or_insert(Left { first: now, until }).until = until;
        true
    }

    /// Whether others had time enough to take a job whose parameters do not fit here.
    pub(in crate::jobs) fn is_given_up(&self, job: JobId) -> bool {
        self.is_given_up_at(job, Instant::now())
    }

    fn is_given_up_at(&self, job: JobId, now: Instant) -> bool {
        let all = self.lock();
        all.get(&job)
            .is_some_and(|left| now.duration_since(left.first) >= MAX_TIME)
    }

    /// The jobs that are not to be taken now.
    pub(in crate::jobs) fn current(&self) -> Vec<JobId> {
        self.current_at(Instant::now())
    }

    fn current_at(&self, now: Instant) -> Vec<JobId> {
        let mut all = self.lock();
        if all.is_empty() {
            return Vec::new();
        }
        // One that nobody has taken is met again soon, and is the same one then.
        all.retain(|_, left| now < left.until + PERIOD);
        all.iter()
            .filter(|(_, left)| now < left.until)
            .map(|(job, _)| *job)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_left_for_a_while_again_and_again_and_not_for_ever() {
        let (all, job, began) = (LeftToOthers::default(), JobId::new(), Instant::now());
        let mut now = began;
        while now < began + MAX_TIME {
            assert!(!all.is_given_up_at(job, now));
            assert!(all.add_at(job, now, now + PERIOD));
            assert_eq!(all.current_at(now), [job]);
            now += PERIOD;
            assert!(all.current_at(now).is_empty());
        }
        assert!(all.is_given_up_at(job, now));
        // It is another matter when it comes back after a long time.
        assert!(all.current_at(now + PERIOD).is_empty());
        assert!(!all.is_given_up_at(job, now + PERIOD));
    }

    #[test]
    fn a_job_is_met_for_the_first_time_once() {
        let (all, job) = (LeftToOthers::default(), JobId::new());
        assert!(all.meet(job));
        assert!(all.current().is_empty());
        assert!(!all.meet(job));
    }
}
