//! The tasks, by what they are about.

pub mod admin;
pub mod data;
pub mod etl;
pub mod greetings;
pub mod math;
pub mod production;
