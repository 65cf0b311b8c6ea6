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
    /// What limits over all processes have as its key.
    pub(super) concurrency_key: Option<String>,
    pub(super) policy: JobPolicy,
}
