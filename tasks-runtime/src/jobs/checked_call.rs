//! A call that was checked, on its way into a row.

use super::params_codec::UniqueKey;
use crate::task::JobPolicy;

/// A call whose parameters fit.
#[derive(Debug)]
pub(super) struct CheckedCall {
    pub(super) task: String,
    /// As they are stored.
    pub(super) params: String,
    /// What the job has in common with those that may not wait or run beside it.
    pub(super) unique_key: Option<UniqueKey>,
    pub(super) policy: JobPolicy,
}

/// What a submission says by itself, and not its task: what is submitted again under its key has to be the same there. How much later it
/// is to run counts from another moment each time, so it is not compared; nor is what is left to the task, which may be another version by
/// then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Explicit {
    pub(super) description: bool,
    pub(super) queue: bool,
    pub(super) priority: bool,
    pub(super) max_attempts: bool,
    pub(super) timeout: bool,
    pub(super) scheduled_at: bool,
}
