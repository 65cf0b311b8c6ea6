//! Responses that are problems.

use serde_json::{Map, Value, json};

use super::references::to as reference;

/// A status, and what it means there.
pub(crate) type StatusText = (u16, &'static str);

/// What every operation may answer but for pages.
pub(crate) const UNKNOWN_PARAMETER: StatusText = (
    422,
    "A parameter of the query is not known, or given twice.",
);

/// What everything answers to a precondition that does not hold, but for pages.
pub(crate) const PRECONDITION: StatusText = (
    412,
    "`If-Match` or `If-None-Match` does not hold: `If-Match` never does where there is no entity tag.",
);

/// What everything but `GET` answers to headers of a body and of conditions that it cannot heed.
pub(crate) const WRITE_HEADERS: StatusText = (
    400,
    "`Content-Range` says that the body is a part of something, `If-None-Match` is malformed, there is a checksum that nothing compares, or \
     `Upgrade` asks for WebSocket.",
);

/// What everything answers to a header that is there twice, but for pages.
pub(crate) const REPEATED_HEADER: StatusText = (400, "A header that has one value is there twice.");

/// What everything that stores may answer.
pub(crate) const STORAGE_FULL: StatusText = (507, "The disk of the service is full.");

/// What every path answers to a method that it does not know.
#[cfg(feature = "database")]
pub(crate) const ANOTHER_METHOD: StatusText = (405, "Another method.");

/// What everything that reads the database may answer.
#[cfg(feature = "database")]
pub(crate) const DATABASE_FAILED: StatusText = (500, "The database failed.");

pub(super) fn responses(problems: &[StatusText]) -> Map<String, Value> {
    problems
        .iter()
        .map(|(status, description)| {
            let mut response = response(description);
            if matches!(status, 429 | 503) {
                add_retry_after(&mut response);
            }
            (status.to_string(), response)
        })
        .collect()
}

/// A response that is a problem.
pub(super) fn response(description: &str) -> Value {
    let content = json!({"application/problem+json": {"schema": reference("Problem")}});
    json!({"description": description, "content": content})
}

/// Says of a response that it may tell when to try again.
pub(super) fn add_retry_after(response: &mut Value) {
    response["headers"]["Retry-After"] = json!({
        "description": "Seconds to wait before the next try, where they are known.",
        "schema": {"type": "integer", "minimum": 0},
    });
}
