//! Tasks that start jobs, and tasks that are worth one.

#![allow(
    clippy::missing_errors_doc,
    reason = "the doc comment of a task is what its clients read"
)]

pub mod background;
pub mod pipeline;
pub mod report;
pub mod stations;
pub mod weather;

// Their tasks are found because the crate is named somewhere.
pub use task_execution;
