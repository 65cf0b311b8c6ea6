//! Jobs that wait for other jobs, which find no place.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::capacity::Capacity;
use super::lifecycle::Worker;
use crate::jobs::id::JobId;

/// How often it is said, at most.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

impl Worker {
    /// A job waits in vain for another one to begin: says so, if the one who waits is a job that has one of the places, all of
    /// which are taken.
    pub(in crate::jobs) fn warn_of_deadlock(&self, id: JobId) {
        let current = tokio::runtime::Handle::try_current();
        let in_job = current.is_ok_and(|current| current.id() == self.shared.handle.id());
        if !in_job || Capacity::of(&self.shared).is_free() {
            return;
        }
        let mut said = self
            .shared
            .warn_of_deadlock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if said.is_some_and(|at| at.elapsed() < WARNING_INTERVAL) {
            return;
        }
        *said = Some(Instant::now());
        tracing::warn!(
            job_id = %id,
            capacity = self.shared.settings.max_concurrency,
            "a job waits for another job that has no place to run: all capacity is in use, perhaps by jobs that wait like this one. \
             Wait with `TaskContext::spawn_child`, or give the other task a queue and the process more capacity \
             (`Jobs::max_concurrency`)"
        );
    }
}
