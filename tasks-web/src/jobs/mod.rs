//! Background jobs over HTTP.

mod access;
mod handlers;
mod location;
mod operations;
mod problem;
mod query;
mod schedules;
mod scope;
mod state;
mod stream;
mod submit;

pub(crate) use location::location;
pub(crate) use operations::{endpoints, schedule_endpoints, submit as submit_operation};
pub use scope::{JobScope, jobs};
pub(crate) use submit::{REPLAYED, submit};
#[doc(inline)]
pub use tasks_runtime::jobs::*;
