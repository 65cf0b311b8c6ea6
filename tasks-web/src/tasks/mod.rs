//! The tasks scope: list, describe, execute.

mod catalog;
mod handler;
mod scope;

pub use scope::{TaskScope, scope};
