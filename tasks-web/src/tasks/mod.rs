//! The tasks scope: list, describe, execute.

mod catalog;
mod described;
mod handler;
mod problem;
mod scope;

pub use scope::{TaskScope, scope};
