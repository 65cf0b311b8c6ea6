//! The tasks, by what they are about.

#![allow(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    reason = "the doc comment of a task is what its clients read, and a task owns its arguments"
)]

pub mod admin;
pub mod data;
pub mod etl;
pub mod greetings;
pub mod math;
pub mod production;
pub mod stations;
