//! What a document says about keys.

use serde_json::{Value, json};

/// The name of the security scheme.
const SCHEME: &str = "ApiKey";

/// Says of every operation that it needs a key in this header, but for those that are open; and how a missing, a wrong
/// or a limited one is answered.
pub(super) fn require_key(document: &mut Value, header: &str, open: &[(&str, String)]) {
    document["components"]["securitySchemes"] =
        json!({SCHEME: {"type": "apiKey", "in": "header", "name": header}});
    let Some(paths) = document["paths"].as_object_mut() else {
        return;
    };
    for (path, item) in paths {
        let Some(operations) = item.as_object_mut() else {
            continue;
        };
        for (method, operation) in operations {
            let is_open = open
                .iter()
                .any(|(open_method, open_path)| open_method == method && open_path == path);
            if !is_open {
                operation["security"] = json!([{SCHEME: []}]);
                add(operation, "401", "The key is missing or wrong.");
                add(operation, "403", "The key does not reach this.");
                add(
                    operation,
                    "429",
                    "Too many wrong keys came from the client's address.",
                );
            }
        }
    }
}

/// Adds a problem to the responses, or another reason to one that is there.
fn add(operation: &mut Value, status: &str, reason: &str) {
    let response = &mut operation["responses"][status];
    *response = match response["description"].as_str() {
        Some(known) => {
            json!({"description": format!("{known} {reason}"), "content": response["content"]})
        }
        None => json!({
            "description": reason,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }),
    };
}
