//! Whether defaults are values that may be sent.

use serde_json::{Map, Value, json};

use super::walk::{Kind, walk};

/// Each default that is not valid by the schema it is in.
pub(super) fn errors(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, &mut |pointer, kind, schema| {
        if kind == Kind::Schema {
            below(pointer, schema, &mut found);
        }
    });
    // One schema with all of them as its members: the references lead into a document that is read once.
    let schemas: Map<String, Value> = found
        .iter()
        .map(|(pointer, schema)| (pointer.clone(), schema.clone()))
        .collect();
    let defaults: Map<String, Value> = found
        .iter()
        .map(|(pointer, schema)| (pointer.clone(), schema["default"].clone()))
        .collect();
    let mut whole = json!({"components": document["components"], "properties": schemas});
    if !document["openapi"]
        .as_str()
        .is_some_and(|version| version.starts_with("3.1"))
    {
        newer(&mut whole);
    }
    // A schema that is none is said elsewhere.
    let Ok(validator) = jsonschema::validator_for(&whole) else {
        return Vec::new();
    };
    validator
        .iter_errors(&Value::Object(defaults))
        .map(|error| format!("default of {}: {error}", error.instance_path()))
        .collect()
}

fn below(pointer: &str, schema: &Value, found: &mut Vec<(String, Value)>) {
    let Some(members) = schema.as_object() else {
        return;
    };
    if members.contains_key("default") {
        found.push((pointer.to_owned(), schema.clone()));
    }
    for (keyword, value) in members {
        let pointer = format!("{pointer}/{keyword}");
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties" | "$defs", Value::Object(schemas)) => {
                for (name, schema) in schemas {
                    below(&format!("{pointer}/{name}"), schema, found);
                }
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                for (index, schema) in schemas.iter().enumerate() {
                    below(&format!("{pointer}/{index}"), schema, found);
                }
            }
            ("items" | "additionalProperties" | "not", schema) => below(&pointer, schema, found),
            _ => {}
        }
    }
}

/// What 3.0 says in words of its own, in those of JSON Schema.
fn newer(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(newer),
        Value::Object(members) => {
            if members.get("nullable") == Some(&Value::Bool(true))
                && let Some(Value::String(kind)) = members.get("type")
            {
                let types = json!([kind, "null"]);
                members.insert("type".to_owned(), types);
            }
            bound(members, "exclusiveMinimum", "minimum");
            bound(members, "exclusiveMaximum", "maximum");
            members.values_mut().for_each(newer);
        }
        _ => {}
    }
}

fn bound(members: &mut Map<String, Value>, exclusive: &str, bound: &str) {
    if let Some(Value::Bool(is_exclusive)) = members.get(exclusive) {
        if *is_exclusive && let Some(number) = members.remove(bound) {
            members.insert(exclusive.to_owned(), number);
        } else {
            members.remove(exclusive);
        }
    }
}
