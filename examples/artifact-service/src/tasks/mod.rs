//! The tasks, by what they store.

#![allow(
    clippy::missing_errors_doc,
    clippy::needless_pass_by_value,
    reason = "the doc comment of a task is what its clients read, and a task owns its arguments"
)]

pub mod analyses;
pub mod results;
pub mod uploads;
