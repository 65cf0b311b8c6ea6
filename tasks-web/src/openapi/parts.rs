//! What the operations of parts that store have in common.

use serde_json::{Value, json};

use super::Writer;
use crate::http::ULID;
use crate::http::paging::MOST;

/// A status, and what it says.
pub(crate) type Status = (u16, &'static str);

const METHOD: Status = (405, "Another method.");
const INTERNAL: Status = (500, "The database failed.");

impl Writer<'_> {
    /// An operation of a group, with the problems that each has.
    pub(crate) fn operation(
        &self,
        group: &str,
        (id, summary): (&str, &str),
        success: (u16, Value),
        problems: &[Status],
    ) -> Value {
        let mut responses = self.problems(problems);
        responses.extend(self.problems(&[METHOD, INTERNAL]));
        responses.insert(success.0.to_string(), success.1);
        json!({"operationId": id, "summary": summary, "tags": [group], "responses": responses})
    }
}

/// An answer of JSON.
pub(crate) fn answer(schema: &Value) -> Value {
    json!({"description": "The answer.", "content": {"application/json": {"schema": schema}}})
}

/// Says that the operation answers 304 to a client that has the answer already.
pub(crate) fn conditional(mut operation: Value) -> Value {
    operation["responses"]["304"] =
        json!({"description": "Nothing has changed since `If-None-Match`."});
    operation
}

/// The id of the path.
pub(crate) fn id_parameter() -> Value {
    json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": ULID}})
}

/// Says of an operation that it lists: with a page if one is asked for.
pub(crate) fn listing(operation: &mut Value) {
    operation["description"] = json!(
        "At most 100 at once: the header `Link` with `rel=\"next\"` leads to the rest. With `page` or `size` the answer is an \
         object with one page and the numbers of it."
    );
}

/// The schema of a list of such items, or of one page of it.
pub(crate) fn list_of(item: &Value) -> Value {
    let items = json!({"type": "array", "items": item, "maxItems": MOST});
    let number = json!({"type": "integer", "minimum": 0});
    json!({"oneOf": [items, {
        "type": "object",
        "required": ["items", "total", "page", "size", "pages"],
        "properties": {"items": items, "total": number, "page": number, "size": number, "pages": number},
    }]})
}
