//! The tasks scope: list, describe, execute.

mod catalog;
mod handler;
mod operations;
mod problem;
mod scope;

pub use scope::{TaskScope, scope};
