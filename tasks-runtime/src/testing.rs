//! Help for tests of tasks.
//!
//! A task is a plain function, so most tests call it. These helpers are for what only an execution has: decoding,
//! injection, the outcome.
//!
//! ```
//! use tasks_runtime::prelude::*;
//!
//! #[derive(Clone, Injectable)]
//! struct Clock(u64);
//!
//! #[task(register = false)]
//! async fn now(clock: Clock) -> u64 {
//!     clock.0
//! }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let executor = tasks_runtime::testing::executor([task(now)]).provide(Clock(42)).build()?;
//! assert_eq!(executor.run::<u64>(call!(now)).await?, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

use crate::execute::{ExecutorBuilder, TaskExecutor};
use crate::registry::TaskRegistry;
use crate::task::TaskFn;

/// An executor for these tasks alone, to be given fake dependencies.
///
/// # Panics
///
/// When the tasks cannot be registered together; the message says why.
#[must_use]
#[track_caller]
pub fn executor(tasks: impl IntoIterator<Item = TaskFn>) -> ExecutorBuilder {
    let registry = tasks
        .into_iter()
        .fold(TaskRegistry::builder(), |registry, task| {
            registry.task(task)
        })
        .build();
    match registry {
        Ok(registry) => TaskExecutor::builder(registry),
        Err(error) => panic!("{error}"),
    }
}
