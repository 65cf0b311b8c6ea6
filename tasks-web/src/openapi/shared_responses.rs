//! What many operations say is said once: the answers that are problems.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Moves the response that most operations have for a status into `components/responses`, and refers to it. One that says
/// something else of the same status stays where it is.
pub(super) fn responses(document: &mut Value) {
    let mut counts: BTreeMap<(String, String), (usize, Value)> = BTreeMap::new();
    each(document, &mut |status, response| {
        if let Some(key) = key(status, response) {
            counts.entry(key).or_insert_with(|| (0, response.clone())).0 += 1;
        }
    });
    let mut shared: BTreeMap<String, (usize, Value)> = BTreeMap::new();
    for ((status, _), (count, response)) in counts {
        // The first of several that are as frequent, in the order of what they say, whatever the order of the operations is.
        if count > 1 && shared.get(&status).is_none_or(|(most, _)| count > *most) {
            shared.insert(status, (count, response));
        }
    }
    each(document, &mut |status, response| {
        if shared
            .get(status)
            .is_some_and(|(_, shared)| shared == response)
        {
            *response = json!({"$ref": format!("#/components/responses/Problem{status}")});
        }
    });
    let shared: Map<String, Value> = shared
        .into_iter()
        .map(|(status, (_, response))| (format!("Problem{status}"), response))
        .collect();
    if !shared.is_empty() {
        document["components"]["responses"] = shared.into();
    }
}

/// What tells responses apart, of those that are problems.
fn key(status: &str, response: &Value) -> Option<(String, String)> {
    response["content"]
        .get("application/problem+json")
        .map(|_| (status.to_owned(), response.to_string()))
}

fn each(document: &mut Value, visit: &mut impl FnMut(&str, &mut Value)) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.filter_map(|(_, path)| path.as_object_mut()).flatten();
    let responses =
        operations.filter_map(|(_, operation)| operation.get_mut("responses")?.as_object_mut());
    for (status, response) in responses.flatten() {
        visit(status, response);
    }
}
