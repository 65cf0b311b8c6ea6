//! The audit log over HTTP.

mod endpoints;
mod handlers;
mod part;

pub(crate) use part::part;
pub use tasks_runtime::audit::*;
