//! API keys: who may use what.

mod access;
mod guard;
mod keys;
mod login;
mod session;
mod spelling;

pub use access::Access;
pub(crate) use guard::Guard;
pub use keys::{ApiKey, ApiKeys};
pub(crate) use login::Login;
