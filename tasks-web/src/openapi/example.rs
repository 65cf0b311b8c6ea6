//! Examples of requests.

use serde_json::{Map, Value, json};

use super::references;

/// How deep a made-up value goes.
const DEPTH: usize = 6;

/// A value that fits the schema, made of its examples and defaults where it has some. `definitions` finds what it refers
/// to. `None` when the schema says too little.
pub(super) fn of(schema: &Value, definitions: &impl Fn(&str) -> Option<Value>) -> Option<Value> {
    sample(schema, definitions, DEPTH)
}

fn sample(
    schema: &Value,
    definitions: &impl Fn(&str) -> Option<Value>,
    depth: usize,
) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let first = |key: &str| schema.get(key)?.as_array()?.first();
    let told = schema
        .get("const")
        .or_else(|| first("examples"))
        .or_else(|| schema.get("example"))
        .or_else(|| schema.get("default"))
        .or_else(|| first("enum"));
    if let Some(value) = told {
        return Some(value.clone());
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return sample(
            &definitions(references::name_in(reference)?)?,
            definitions,
            depth,
        );
    }
    if let Some(variants) = ["anyOf", "oneOf", "allOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array())
    {
        return variants
            .iter()
            .find_map(|variant| sample(variant, definitions, depth));
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")?,
        _ if schema.get("properties").is_some() => "object",
        _ => return None,
    };
    match kind {
        "object" => object(schema, definitions, depth),
        "array" => array(schema, definitions, depth),
        "string" => string(schema),
        "integer" => Some(number(schema, 1.0).map_or(json!(1), |n| json!(n as i64))),
        "number" => Some(number(schema, 1.5).map_or(json!(1.5), |n| json!(n))),
        "boolean" => Some(json!(true)),
        "null" => Some(Value::Null),
        _ => None,
    }
}

/// The required properties, and those that have an example or a default.
fn object(
    schema: &Value,
    definitions: &impl Fn(&str) -> Option<Value>,
    depth: usize,
) -> Option<Value> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut sampled = Map::new();
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let told = ["default", "example", "examples"]
            .iter()
            .any(|key| property.get(key).is_some());
        if required.contains(&name.as_str()) {
            sampled.insert(name.clone(), sample(property, definitions, depth)?);
        } else if told {
            sampled.extend(sample(property, definitions, depth).map(|value| (name.clone(), value)));
        }
    }
    Some(Value::Object(sampled))
}

fn array(
    schema: &Value,
    definitions: &impl Fn(&str) -> Option<Value>,
    depth: usize,
) -> Option<Value> {
    if let Some(items) = schema.get("prefixItems").and_then(Value::as_array) {
        return items
            .iter()
            .map(|item| sample(item, definitions, depth))
            .collect::<Option<Vec<_>>>()
            .map(Value::Array);
    }
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
    let item = schema
        .get("items")
        .and_then(|items| sample(items, definitions, depth));
    match item {
        // A list of a few is enough to show what goes into it.
        Some(item) if least <= 4 => Some(Value::Array(vec![item; least.max(1) as usize])),
        _ if least == 0 => Some(json!([])),
        _ => None,
    }
}

fn string(schema: &Value) -> Option<Value> {
    let text = match schema.get("format").and_then(Value::as_str) {
        None | Some("password") => "text",
        Some("date-time") => "2026-01-31T12:00:00Z",
        Some("date") => "2026-01-31",
        Some("time") => "12:00:00Z",
        Some("uuid") => "018f3a1c-7b2d-7c4e-9a6f-0123456789ab",
        Some("uri" | "uri-reference" | "url") => "https://example.org/",
        Some("email") => "ada@example.org",
        // Anything made up would probably be wrong.
        Some(_) => return None,
    };
    let length = text.chars().count() as u64;
    let fits = schema
        .get("minLength")
        .and_then(Value::as_u64)
        .is_none_or(|least| least <= length)
        && schema
            .get("maxLength")
            .and_then(Value::as_u64)
            .is_none_or(|most| most >= length)
        && schema.get("pattern").is_none();
    fits.then(|| json!(text))
}

/// The bound next to `wanted` when it is out of bounds.
fn number(schema: &Value, wanted: f64) -> Option<f64> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|least| least + 1.0));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|most| most - 1.0));
    match (least, most) {
        (Some(least), _) if wanted < least => Some(least),
        (_, Some(most)) if wanted > most => Some(most),
        _ => None,
    }
}
