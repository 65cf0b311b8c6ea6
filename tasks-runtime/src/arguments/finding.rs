//! One thing that is wrong with a value.

use super::code::{ArgumentErrorCode, code_of_serde};
use super::repeated;

/// One thing that is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Where: a JSON pointer into the value.
    pub(super) pointer: String,
    pub(super) code: ArgumentErrorCode,
    pub(super) detail: String,
}

impl Finding {
    /// A member that is given twice.
    pub(super) fn repeated(pointer: String) -> Self {
        Self {
            pointer,
            code: ArgumentErrorCode::Repeated,
            detail: repeated::TWICE.to_owned(),
        }
    }

    /// What a decoder has said.
    pub(super) fn of_serde((pointer, detail): (String, String)) -> Self {
        Self {
            pointer,
            code: code_of_serde(&detail),
            detail,
        }
    }
}
