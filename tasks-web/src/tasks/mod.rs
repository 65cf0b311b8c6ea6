//! The tasks scope: list, describe, execute.

mod body;
mod catalog;
mod handler;
mod respond;
mod scope;

pub(crate) use body::{BodyLimits, check_json};
pub(crate) use catalog::{Document, matches_etag};
pub(crate) use respond::{conditional, json, only_get};
pub use scope::{TaskScope, scope};
