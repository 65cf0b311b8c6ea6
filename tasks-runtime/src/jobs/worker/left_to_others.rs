//! Jobs that this process cannot run for want of an encryption key, and does not take again for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::jobs::id::JobId;

/// For how long a job is left to other processes. Shorter than a lack of keys is part of the health, so that this stays.
const PERIOD: Duration = Duration::from_secs(30);
/// How many are remembered: each claim steps over them.
const MAX_REMEMBERED: usize = 1000;

/// Jobs that this process does not take for a while.
#[derive(Debug, Default)]
pub(in crate::jobs) struct LeftToOthers(Mutex<HashMap<JobId, Instant>>);

impl LeftToOthers {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a job to others. `false` when there are too many already.
    pub(in crate::jobs) fn add(&self, job: JobId) -> bool {
        let mut all = self.lock();
        if all.len() >= MAX_REMEMBERED && !all.contains_key(&job) {
            return false;
        }
        all.insert(job, Instant::now());
        true
    }

    /// The jobs that are not to be taken now.
    pub(in crate::jobs) fn current(&self) -> Vec<JobId> {
        let mut all = self.lock();
        if all.is_empty() {
            return Vec::new();
        }
        all.retain(|_, since| since.elapsed() < PERIOD);
        all.keys().copied().collect()
    }
}
