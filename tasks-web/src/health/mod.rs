//! Whether the service is well.

mod report;
mod routes;
mod stream;

pub(crate) use report::Health;
pub(crate) use routes::part;
