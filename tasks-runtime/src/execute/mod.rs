//! The executor: finds tasks by name, and drives their executions.

mod build_error;
mod builder;
mod call;
mod execution;
mod executor;
mod failure_log;
mod inner;
#[cfg(feature = "metrics")]
mod metrics;
mod slow_polls;
mod span;

pub use build_error::{BuildError, MissingDependency, UnknownLimit};
pub use builder::ExecutorBuilder;
pub use call::Call;
pub use executor::{ExecutedJson, TaskExecutor};
#[cfg(feature = "database")]
pub(crate) use failure_log::loggable;
