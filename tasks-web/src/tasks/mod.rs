//! The tasks scope: list, describe, execute.

mod body;
mod catalog;
mod handler;
mod respond;
mod scope;

#[cfg(feature = "database")]
pub(crate) use body::{BodyLimits, check_json};
pub(crate) use catalog::Document;
#[cfg(feature = "database")]
pub(crate) use catalog::matches_etag;
#[cfg(feature = "database")]
pub(crate) use respond::json;
pub(crate) use respond::{conditional, only_get};
pub use scope::{TaskScope, scope};
