//! References to the schemas of a document.

use serde_json::{Value, json};

/// Where the schemas are.
const SCHEMAS: &str = "#/components/schemas/";

/// A schema that refers to the one of this name.
pub(super) fn to(name: &str) -> Value {
    json!({"$ref": format!("{SCHEMAS}{name}")})
}

/// The name that a reference has.
pub(super) fn name_in(reference: &str) -> Option<&str> {
    reference.strip_prefix(SCHEMAS)
}

/// Visits the names that references into the components have.
pub(super) fn each_reference<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref")
                && let Some(name) = name_in(reference)
            {
                visit(name);
            }
            map.values().for_each(|value| each_reference(value, visit));
        }
        Value::Array(list) => list.iter().for_each(|value| each_reference(value, visit)),
        _ => {}
    }
}

/// Replaces the names that references into the components have, where `new_name` gives another.
pub(super) fn visit_references(value: &mut Value, new_name: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(name) = name_in(reference).and_then(new_name)
            {
                *reference = format!("{SCHEMAS}{name}");
            }
            map.values_mut()
                .for_each(|value| visit_references(value, new_name));
        }
        Value::Array(list) => list
            .iter_mut()
            .for_each(|value| visit_references(value, new_name)),
        _ => {}
    }
}
