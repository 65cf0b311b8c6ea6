//! API keys: who may use what.

mod guard;
mod key;
mod key_syntax;
mod keys;
mod login;
mod part;
mod problem;
mod session;

pub(crate) use guard::Guard;
pub use key::ApiKey;
pub use keys::ApiKeys;
pub(crate) use login::Login;
pub(crate) use part::part;
