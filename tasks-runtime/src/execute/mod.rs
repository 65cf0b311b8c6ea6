//! Execution: decode, wait for a permit, inject, call.

mod blocking;
mod builder;
mod call;
mod error;
mod execution;
mod executor;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
pub(crate) mod panic;
mod running;
mod said;
mod shim;
mod slow_polls;
mod span;

pub use builder::ExecutorBuilder;
pub use call::{Call, Invocation};
pub use error::{BuildError, ExecuteError, MissingDependency, Refusal};
pub(crate) use executor::Shared;
pub use executor::TaskExecutor;
pub use running::{Run, Running};
#[cfg(feature = "database")]
pub(crate) use said::loggable;
pub use shim::{Asynchronous, Blocking, Facts, Finish, Shim, asynchronous, blocking};
pub(crate) use shim::{run_async, run_blocking};
