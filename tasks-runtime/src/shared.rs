//! For `tasks-web`: what both crates do in the same way. Nothing here is part of the public API.

pub use crate::arguments::code_of_serde;
pub use crate::arguments::repeated::find as repeated_members;
pub use crate::arguments::{Member, split};
#[cfg(feature = "database")]
pub use crate::jobs::error_class::JobErrorClass;
pub use crate::nearest::nearest;
pub use crate::pointer::escape as escape_pointer;
