//! What a document of 3.0 leaves out. It is there for generators of clients, and some of those take one type for all
//! answers that are good, one for all that are bad, and one body: for the rest they have no words, or end with an error.

use serde_json::{Map, Value};

/// Keeps of each operation one kind of body, and answers of one kind.
pub(super) fn simplify(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.filter_map(|(_, path)| path.as_object_mut()).flatten();
    for (_, operation) in operations {
        if let Some(content) = operation
            .pointer_mut("/requestBody/content")
            .and_then(Value::as_object_mut)
        {
            one_body(content);
        }
        if let Some(responses) = operation
            .get_mut("responses")
            .and_then(Value::as_object_mut)
        {
            answers(responses);
        }
    }
}

/// JSON where there is a choice.
fn one_body(content: &mut Map<String, Value>) {
    const JSON: &str = "application/json";
    if content.contains_key(JSON) {
        content.retain(|media, _| media == JSON);
    }
    let mut first = true;
    content.retain(|_, _| std::mem::take(&mut first));
}

/// What is good has a body, if any of it has; what is bad is a problem.
fn answers(responses: &mut Map<String, Value>) {
    let has_body = |status: &str, response: &Value| {
        status.starts_with('2') && response.get("content").is_some()
    };
    let any = responses
        .iter()
        .any(|(status, response)| has_body(status, response));
    responses.retain(|status, response| match status.as_bytes().first() {
        Some(b'2') => !any || has_body(status, response),
        Some(b'4' | b'5') => {
            let content = response.get("content");
            content.is_none_or(|content| content.get("application/problem+json").is_some())
        }
        _ => true,
    });
}
