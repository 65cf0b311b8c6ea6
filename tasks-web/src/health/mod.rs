//! Whether the service is well.

mod part;
mod report;
mod stream;

pub(crate) use self::part::part;
pub(crate) use report::Health;
