//! For `tasks-web`: what both crates do in the same way. Nothing here is part of the public API.

pub use crate::arguments::repeated::find as repeated_members;
pub use crate::nearest::nearest;
