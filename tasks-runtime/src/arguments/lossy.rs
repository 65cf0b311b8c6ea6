//! What types take that is not to be taken.

use serde_json::Value;

use super::finding::Finding;
use super::{precision, repeated, schema_check};

/// What a type reads without an error, and changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossyReads {
    /// Numbers as other ones: of single precision, say.
    numbers: bool,
    /// Members that are given twice, of which it keeps one.
    repeated: bool,
}

impl LossyReads {
    pub(super) fn of(schema: &Value) -> Self {
        Self {
            numbers: precision::is_delicate(schema),
            repeated: repeated::is_lossy(schema),
        }
    }

    /// Whether there is nothing to look for.
    #[inline]
    pub(super) fn is_none(self) -> bool {
        !self.numbers && !self.repeated
    }

    /// Whether there may be something of that in a text that was read.
    pub(super) fn is_in(self, json: &str) -> bool {
        self.numbers && precision::has_long_numbers(json)
            || self.repeated && !repeated::find(json, 1).is_empty()
    }

    /// All of that in a text that was read.
    pub(super) fn find(self, schema: &Value, json: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.numbers && precision::has_long_numbers(json) {
            found = schema_check::numbers(schema, json);
        }
        if self.repeated {
            found.extend(schema_check::repeated(json));
        }
        found
    }
}
