//! The rule of names: of tasks, queues and schedules.

/// Whether a name may have this character: ASCII letters, digits, `_` and `-`.
pub(crate) fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// The rule of [`is_short_name`] in words.
#[cfg(feature = "database")]
pub(crate) const SHORT_NAME: &str = "1 to 64 letters, digits, `_` and `-`";

/// Whether this is a name of a queue or of a schedule: 1 to 64 [allowed](is_allowed) characters.
#[cfg(feature = "database")]
pub(crate) fn is_short_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(is_allowed)
}
