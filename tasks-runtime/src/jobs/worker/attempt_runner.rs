//! What an engine calls back.

use std::fmt;
use std::sync::Arc;

use super::engine_run::run_one;
use super::shared::WorkerShared;
use crate::jobs::engine::RunOutcome;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;

/// Runs attempts in this process, for an [`Engine`](crate::jobs::engine::Engine) that calls back. Cheap to clone.
#[derive(Clone)]
pub struct AttemptRunner {
    shared: Arc<WorkerShared>,
}

impl fmt::Debug for AttemptRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptRunner").finish_non_exhaustive()
    }
}

impl AttemptRunner {
    pub(in crate::jobs) fn new(shared: Arc<WorkerShared>) -> Self {
        Self { shared }
    }

    /// Runs the attempt of a job that is due, and returns when its end is written. It goes on when this future is dropped.
    ///
    /// # Errors
    ///
    /// [`JobError::NotRunning`] after the shutdown, and when the database fails.
    pub async fn run(&self, job: JobId) -> Result<RunOutcome, JobError> {
        run_one(&self.shared, job).await
    }
}
