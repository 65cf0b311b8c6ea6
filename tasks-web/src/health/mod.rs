//! Whether the service is well.

mod checks;
mod report;
mod routes;
mod stream;

pub use checks::{HealthChecks, HealthState};
pub(crate) use report::Health;
pub(crate) use routes::part;
