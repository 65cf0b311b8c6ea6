//! Background jobs over HTTP.

mod access;
mod operations;
mod problem;
mod query;
mod records;
mod schedules;
mod scope;
mod stream;
mod submit;

pub(crate) use operations::{endpoints, schedule_endpoints, submit as submit_operation};
pub(crate) use scope::location;
pub use scope::{JobScope, jobs};
pub(crate) use submit::{REPLAYED, submit};
#[doc(inline)]
pub use tasks_runtime::jobs::*;
