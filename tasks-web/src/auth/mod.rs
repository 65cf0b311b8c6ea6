//! API keys: who may use what.

mod guard;
mod key;
mod keys;
mod login;
mod problem;
mod session;
mod spelling;

pub(crate) use guard::Guard;
pub use key::ApiKey;
pub use keys::ApiKeys;
pub(crate) use login::Login;
