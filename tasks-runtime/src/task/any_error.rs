//! What an error says whose type is not known.

use std::any::Any;
use std::error::Error;

use super::coded_errors::{self, Coded, known_error};
use super::error::TaskError;

/// The code of an error, and whether it is [`Permanent`](crate::Permanent): nothing, of what is not known to be an error.
pub(crate) fn read_any(error: &dyn Any) -> (Option<Coded>, bool) {
    #[cfg(feature = "anyhow")]
    if let Some(error) = error.downcast_ref::<anyhow::Error>() {
        return coded_errors::read_anyhow(error);
    }
    if let Some(error) = error.downcast_ref::<TaskError>() {
        return coded_errors::read(error.inner());
    }
    if let Some(error) = error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return coded_errors::read(error.as_ref());
    }
    known_error(error).map_or((None, false), coded_errors::read)
}
