//! The tasks scope: list, describe, execute.

mod catalog;
mod handler;
mod scope;

pub(crate) use handler::LIST_QUERY;
pub use scope::{TaskScope, scope};
