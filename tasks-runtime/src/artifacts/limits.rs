//! How large a tree may be, and how many tags an artifact may have.

/// The last level there may be: a tree as JSON is nested twice as deep, and readers of JSON have limits.
pub const MAX_LEVEL: u32 = 50;

/// How many artifacts a tree may have to be shown at once.
pub const MAX_NODES: usize = 100_000;

/// How many tags an artifact may have.
pub const MAX_TAGS: usize = 50;

/// How long a tag may be, in characters.
pub const MAX_TAG_LENGTH: usize = 100;
