//! Texts as they are stored.

use super::error::JobError;
use super::limits::MAX_DESCRIPTION;
pub(super) use crate::text::storable;

/// Refuses a description that is too long.
pub(super) fn check_description(text: &str) -> Result<(), JobError> {
    let count = text.chars().count();
    if count > MAX_DESCRIPTION {
        let reason = format!("has {count} characters, and {MAX_DESCRIPTION} are allowed");
        return Err(JobError::option("/description", reason));
    }
    Ok(())
}
