//! The tasks scope: list, describe, execute.

mod body;
mod catalog;
mod handler;
mod scope;

pub(crate) use catalog::Catalog;
pub use scope::{TaskScope, scope};
