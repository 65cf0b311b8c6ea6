//! Whether the jobs of this process are driven, and what does not work as well as it should.

use super::Scheduler;
use crate::jobs::damaged_rows;

impl Scheduler {
    /// Whether the jobs of this process are driven.
    ///
    /// # Errors
    ///
    /// Since when no round has succeeded, and why, once that is longer than a [lease](crate::jobs::Jobs::lease).
    pub fn check(&self) -> Result<(), String> {
        let lease = self.shared.settings.lease;
        let failure = self.read(|state| {
            let worker = state.worker.as_ref()?;
            worker.shared.health.failure(lease)
        });
        failure.map_or(Ok(()), Err)
    }

    /// What does not work as well as it should, each as a sentence:
    ///
    /// - All threads are blocked by tasks that do not await.
    /// - Jobs wait for a task or a queue that no worker has, or schedules are due whose task no worker has.
    /// - For longer than a lease, the code of jobs that were canceled, or ran into their timeout, has not returned.
    /// - Jobs are left to other processes, because this one lacks their encryption key, its task does not take their parameters, or their steps are of another
    ///   version of the task.
    /// - For longer than a lease, jobs of a dead worker could not be made ready again, other transactions have locked rows of jobs, or the
    ///   engine has taken no jobs on.
    /// - The clock of this machine differs from the database's by more than a second, or was set back, or the newest job was submitted in the
    ///   future.
    /// - Rows of jobs cannot be read.
    /// - Declared schedules are not stored yet.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let lease = self.shared.settings.lease;
        self.read(|state| {
            let health = match &state.worker {
                Some(worker) => &worker.shared.health,
                None => &self.shared.health,
            };
            let mut warnings = health.warnings(lease);
            if let Some(worker) = &state.worker {
                let (shared, most) = (&worker.shared, self.shared.settings.max_concurrency);
                let lingering = shared.in_flight.lingering(lease);
                warnings.extend(lingering.map(|lingering| lingering.warning(most)));
                warnings.extend(damaged_rows::warning());
            }
            warnings.extend(self.shared.not_stored.warning());
            warnings
        })
    }
}
