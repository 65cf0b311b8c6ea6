//! Ids in paths.

/// What a ULID looks like: 26 digits and capital letters.
pub(crate) const ULID: &str = tasks_runtime::jobs::JobId::PATTERN;
