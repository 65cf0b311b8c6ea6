//! Where a job comes from that does not come from outside.

use super::id::JobId;

tokio::task_local! {
    /// The job whose code is polled.
    static RUNNING_JOB: JobId;
}

/// The job that submitted another one, and the job whose work it repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) parent: Option<JobId>,
    pub(super) rerun_of: Option<JobId>,
}

impl Origin {
    /// That of a job which is submitted here: its parent is the job whose code this is.
    pub(super) fn here(rerun_of: Option<JobId>) -> Self {
        Self {
            parent: RUNNING_JOB.try_with(|job| *job).ok(),
            rerun_of,
        }
    }

    pub(super) fn is_outside(self) -> bool {
        self == Self::default()
    }
}

/// Runs the code of a job, which is the parent of what is submitted there.
pub(super) fn as_parent<F: Future>(
    job: JobId,
    code: F,
) -> tokio::task::futures::TaskLocalFuture<JobId, F> {
    RUNNING_JOB.scope(job, code)
}
