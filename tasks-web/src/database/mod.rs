//! The database of a service: where it is from, its health, and its errors.

mod part;
mod problem;
mod source;

pub(crate) use part::part;
pub use source::DatabaseSource;
#[doc(inline)]
pub use tasks_runtime::database::*;
