//! The tasks scope: list, describe, execute.

mod body;
mod catalog;
mod handler;
mod respond;
mod scope;

pub(crate) use catalog::Document;
pub(crate) use respond::{conditional, only_get};
pub use scope::{TaskScope, scope};
