//! What executions take from their executor.

use std::sync::Arc;

use super::blocking::BlockingPool;
use super::limits::Limits;
use super::target::CallTarget;
use crate::inject::Providers;
use crate::task::Traceback;

/// The part of an executor that an execution holds on to until its end.
pub(crate) struct Resources {
    /// The tasks, by their position in the registry.
    pub(crate) targets: Vec<Arc<CallTarget>>,
    pub(crate) providers: Providers,
    pub(crate) limits: Limits,
    pub(crate) blocking: BlockingPool,
    pub(crate) traceback: Traceback,
}
