//! What is shown in place of a secret value.

/// What is shown in place of a secret value, as JSON.
pub(super) const MASK: &str = "\"***\"";

/// Whether a value in JSON is what is shown in place of a secret, however it is spelled: a string may be written with escapes.
#[inline]
pub(crate) fn is_mask(value: &str) -> bool {
    // An escape has six bytes.
    let may_be_escaped = value.len() > MASK.len() && value.len() <= 2 + 3 * 6;
    value == MASK || may_be_escaped && is_escaped_mask(value)
}

#[cold]
fn is_escaped_mask(value: &str) -> bool {
    serde_json::from_str::<String>(value).is_ok_and(|text| text == "***")
}

/// What is said of one that comes back: it was read somewhere, and the task would run with asterisks for a password.
pub(crate) const MASKED: &str =
    "this is what is shown in place of the secret, not the secret: send the value itself";
