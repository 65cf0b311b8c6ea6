//! Responses that are problems.

use serde_json::{Map, Value, json};

use super::references::to as reference;

/// What every operation may answer but for pages.
pub(super) const UNKNOWN_PARAMETER: (u16, &str) = (
    422,
    "A parameter of the query is not known, or given twice.",
);

pub(super) fn responses(problems: &[(u16, &str)]) -> Map<String, Value> {
    problems
        .iter()
        .map(|(status, description)| {
            let content = json!({"application/problem+json": {"schema": reference("Problem")}});
            (
                status.to_string(),
                json!({"description": description, "content": content}),
            )
        })
        .collect()
}
