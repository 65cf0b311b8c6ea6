//! Texts as they are stored.

use super::error::JobError;
use super::limits::MAX_DESCRIPTION;

/// Refuses a description that is too long.
pub(super) fn check_description(text: &str) -> Result<(), JobError> {
    let count = text.chars().count();
    if count > MAX_DESCRIPTION {
        let reason = format!("has {count} characters, and {MAX_DESCRIPTION} are allowed");
        return Err(JobError::option("/description", reason));
    }
    Ok(())
}

/// Without what cannot be stored: PostgreSQL has no text with such a character. For what the program says; what a client says is refused.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
