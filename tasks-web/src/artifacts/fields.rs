//! What fields of an artifact are like, for the document.

use serde_json::{Value, json};
use tasks_runtime::artifacts::{MAX_TAG_LENGTH, MAX_TAGS};

/// The characters of a tag, by those that it does not have: of ASCII all but letters, digits, `-` and `_`; beyond it controls,
/// spaces and what cannot be seen.
const TAG: &str = "^[^\\x00-,./:-@\\[-^`{-\\xa0\\u1680\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff\\ufff0-\\uffff]+$";

/// What a list of tags is like, in any version.
pub(super) fn tag_list() -> Value {
    json!({
        "type": "array",
        "maxItems": MAX_TAGS,
        "uniqueItems": true,
        "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG_LENGTH, "pattern": TAG},
        "description": "Letters, digits, `-`, `_`, and what can be seen of the characters beyond ASCII; none twice.",
    })
}

/// The characters of the name of a file: no path, and not dots alone.
const FILE_NAME: &str =
    "[^/\\\\\\x00-\\x1f\\x7f-\\x9f]*[^/\\\\.\\x00-\\x1f\\x7f-\\x9f][^/\\\\\\x00-\\x1f\\x7f-\\x9f]*";

/// The name of a file in a form, in which an input may be left empty.
pub(super) fn file_name_text() -> Value {
    json!({"type": "string", "pattern": format!("^({FILE_NAME})?$")})
}

/// The name of a file in a query.
pub(super) fn file_name_query() -> Value {
    json!({"type": "string", "pattern": format!("^{FILE_NAME}$")})
}

/// What metadata are like as a text.
pub(super) fn metadata_text() -> Value {
    json!({"type": "string", "contentMediaType": "application/json", "contentSchema": {"type": "object"}})
}
