//! Schemas as readers of `OpenAPI` understand them: what JSON Schema says in a way that 3.0 does not know, or that generators of
//! clients stumble over, is said in another one.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// Keywords that 3.0 does not have, and that nothing stands in for.
const UNKNOWN: [&str; 19] = [
    "$schema",
    "$anchor",
    "$id",
    "$defs",
    "$comment",
    "contains",
    "minContains",
    "maxContains",
    "contentMediaType",
    "contentSchema",
    "contentEncoding",
    "dependentRequired",
    "dependentSchemas",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "if",
    "then",
    "else",
];

/// Says in the words of 3.0 what is left of JSON Schema 2020-12 after the transforms of schemars.
pub(super) fn older(schema: &mut Schema) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    for keyword in UNKNOWN {
        schema.remove(keyword);
    }
    types(schema);
    tuple(schema);
    patterns(schema);
    bounds(schema);
    nullable(schema);
    items(schema);
    null_default(schema);
    // Beside a reference, of which a generator makes a type, it takes a default for one it cannot write.
    if schema.contains_key("allOf") && schema.get("default").is_some_and(Value::is_object) {
        schema.remove("default");
    }
}

/// A default is a value that may be sent. That of a member that may be left out and not be null is `None` in Rust, which is
/// nothing that could be said.
fn null_default(schema: &mut Map<String, Value>) {
    if schema.get("default").is_some_and(Value::is_null) && !takes_null(schema) {
        schema.remove("default");
    }
}

fn takes_null(schema: &Map<String, Value>) -> bool {
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        return true;
    }
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|name| name == "null"),
        Some(name) => name == "null",
        None => match schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            Some(Value::Array(alternatives)) => alternatives
                .iter()
                .filter_map(Value::as_object)
                .any(takes_null),
            _ => ["$ref", "allOf", "enum", "const"]
                .iter()
                .all(|keyword| !schema.contains_key(*keyword)),
        },
    }
}

/// A list says what its elements are, also where it has none.
fn items(schema: &mut Map<String, Value>) {
    let is_list = schema.get("type").is_some_and(|kind| kind == "array");
    if is_list && !schema.contains_key("items") && !schema.contains_key("prefixItems") {
        schema.insert("items".to_owned(), json!({}));
    }
}

/// There is one type; several are alternatives, and null is none of them.
fn types(schema: &mut Map<String, Value>) {
    let Some(Value::Array(mut types)) = schema.get("type").cloned() else {
        return;
    };
    schema.remove("type");
    let all = types.len();
    types.retain(|name| name != "null");
    if types.len() < all {
        schema.insert("nullable".to_owned(), true.into());
    }
    if let [only] = types.as_slice() {
        schema.insert("type".to_owned(), only.clone());
        return;
    }
    let alternative = |name: &Value| json!({"type": name});
    let alternatives: Vec<Value> = types.iter().map(alternative).collect();
    if !alternatives.is_empty() && !schema.contains_key("anyOf") {
        schema.insert("anyOf".to_owned(), alternatives.into());
    }
}

/// A list whose elements are each of one of the types: those of the first ones, and that of the others, if there may be any.
fn tuple(schema: &mut Map<String, Value>) {
    // Which of the two it is depends on what schemars has made of it.
    let items = match (schema.remove("prefixItems"), schema.get("items")) {
        (Some(Value::Array(items)), _) => items,
        (None, Some(Value::Array(items))) => items.clone(),
        _ => {
            schema.remove("additionalItems");
            return;
        }
    };
    let has_others = schema
        .get("maxItems")
        .and_then(Value::as_u64)
        .is_none_or(|most| usize::try_from(most).is_ok_and(|most| most > items.len()));
    // Where both are there, `items` is of the others; of a list, it was the first ones.
    let given = schema.remove("additionalItems").or_else(|| {
        let items = schema.get("items")?;
        (!items.is_array()).then(|| items.clone())
    });
    let others = match given {
        _ if !has_others => None,
        Some(Value::Bool(false)) => None,
        None | Some(Value::Bool(true)) => Some(json!({})),
        Some(others) => Some(others),
    };
    if others.as_ref().is_some_and(|others| *others == json!({})) {
        schema.insert("items".to_owned(), json!({}));
        return;
    }
    let mut kinds: Vec<Value> = Vec::new();
    for item in items.into_iter().chain(others) {
        if !kinds.contains(&item) {
            kinds.push(item);
        }
    }
    let items = match kinds.len() {
        0 => json!({}),
        1 => kinds.remove(0),
        _ => json!({"anyOf": kinds}),
    };
    schema.insert("items".to_owned(), items);
}

/// Keys of any kind: those of maps whose keys are numbers are patterns. Other keys are of one of the types, too.
fn patterns(schema: &mut Map<String, Value>) {
    let Some(Value::Object(patterns)) = schema.remove("patternProperties") else {
        return;
    };
    let mut values: Vec<Value> = patterns.into_iter().map(|(_, value)| value).collect();
    match schema.remove("additionalProperties") {
        Some(Value::Bool(false)) => {}
        Some(others @ Value::Object(_)) => values.push(others),
        // Of other keys nothing is said, and there is no way to tell them from these.
        _ => return,
    }
    let values = match values.len() {
        1 => values.remove(0),
        _ => json!({"anyOf": values}),
    };
    schema.insert("additionalProperties".to_owned(), values);
}

/// In 3.0 a flag says that a bound is exclusive.
fn bounds(schema: &mut Map<String, Value>) {
    for (exclusive, bound) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        if let Some(number @ Value::Number(_)) = schema.get(exclusive).cloned() {
            schema.insert(bound.to_owned(), number);
            schema.insert(exclusive.to_owned(), true.into());
        }
    }
}

/// It says something only beside a type: without one, null is allowed anyway.
fn nullable(schema: &mut Map<String, Value>) {
    if schema.get("nullable") != Some(&Value::Bool(true)) || schema.contains_key("type") {
        return;
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        let strings = values
            .iter()
            .all(|value| value.is_string() || value.is_null());
        if strings {
            schema.insert("type".to_owned(), "string".into());
        }
        return;
    }
    let alternatives = ["anyOf", "oneOf", "allOf", "$ref"];
    let Some(keyword) = alternatives
        .into_iter()
        .find(|key| schema.contains_key(*key))
    else {
        schema.remove("nullable");
        return;
    };
    // One of the alternatives, or null, which is the one value of an enumeration.
    schema.remove("nullable");
    let null = json!({"type": "string", "nullable": true, "enum": [null]});
    match (keyword, schema.get_mut(keyword)) {
        ("anyOf" | "oneOf", Some(Value::Array(alternatives))) => alternatives.push(null),
        _ => {
            if let Some(value) = schema.remove(keyword) {
                let whole = json!({keyword: value});
                schema.insert("anyOf".to_owned(), json!([whole, null]));
            }
        }
    }
}

/// What accepts everything is an empty object: some generators take a schema to be an object. And lists have elements.
pub(super) fn newer(schema: &mut Schema) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    for keyword in ["properties", "patternProperties"] {
        if let Some(Value::Object(members)) = schema.get_mut(keyword) {
            members.values_mut().for_each(object);
        }
    }
    for keyword in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        if let Some(Value::Array(list)) = schema.get_mut(keyword) {
            list.iter_mut().for_each(object);
        }
    }
    if let Some(items) = schema.get_mut("items") {
        object(items);
    }
    items(schema);
    null_default(schema);
    // What any value is allowed for need not be said.
    if schema.get("additionalProperties") == Some(&json!({})) {
        schema.insert("additionalProperties".to_owned(), true.into());
    }
}

fn object(schema: &mut Value) {
    if schema == &Value::Bool(true) {
        *schema = json!({});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_3_0_cannot_say_is_left_out() {
        for (schema, said) in [
            (
                json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}], "minItems": 2, "maxItems": 2}),
                json!({"type": "array", "minItems": 2, "maxItems": 2, "items": {"anyOf": [{"type": "string"}, {"type": "boolean"}]}}),
            ),
            (
                json!({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}}),
                json!({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}),
            ),
            (
                json!({"type": "array", "items": [{"type": "string"}], "additionalItems": {"type": "integer"}}),
                json!({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}),
            ),
            (
                json!({"type": "array", "items": [{"type": "string"}], "additionalItems": false}),
                json!({"type": "array", "items": {"type": "string"}}),
            ),
            (
                json!({"type": "array", "prefixItems": [{"type": "string"}]}),
                json!({"type": "array", "items": {}}),
            ),
            (
                json!({"patternProperties": {"^\\d+$": {"type": "string"}}, "additionalProperties": false}),
                json!({"additionalProperties": {"type": "string"}}),
            ),
            (
                json!({"patternProperties": {"^n_": {"maximum": 3}}, "additionalProperties": {"minimum": 10}}),
                json!({"additionalProperties": {"anyOf": [{"maximum": 3}, {"minimum": 10}]}}),
            ),
            (
                json!({"patternProperties": {"^n_": {"maximum": 3}}}),
                json!({}),
            ),
        ] {
            let mut older_schema: Schema = schema.clone().try_into().unwrap();
            older(&mut older_schema);
            assert_eq!(Value::from(older_schema), said, "{schema}");
        }
    }
}
