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
        let of_document = references::name_in(reference);
        let name = of_document.or_else(|| reference.strip_prefix("#/$defs/"))?;
        return sample(&definitions(name)?, definitions, depth);
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
        "integer" => number(schema, 1.0)
            .filter(|number| number.fract() == 0.0)
            .map(|number| json!(number as i64)),
        "number" => number(schema, 1.5).map(|number| json!(number)),
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
    if least > 1 && schema.get("uniqueItems").and_then(Value::as_bool) == Some(true) {
        return None;
    }
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
        Some("hostname") => "example.org",
        Some("ipv4") => "127.0.0.1",
        Some("ipv6") => "::1",
        Some("duration") => "PT15M",
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

/// `wanted`, or a number near it that keeps the bounds; none if that is not easily found.
fn number(schema: &Value, wanted: f64) -> Option<f64> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let (least, above) = (bound("minimum"), bound("exclusiveMinimum"));
    let (most, below) = (bound("maximum"), bound("exclusiveMaximum"));
    let step = bound("multipleOf").filter(|step| *step > 0.0);
    let fits = |number: &f64| {
        least.is_none_or(|least| *number >= least)
            && above.is_none_or(|above| *number > above)
            && most.is_none_or(|most| *number <= most)
            && below.is_none_or(|below| *number < below)
            && step.is_none_or(|step| (number / step).fract() == 0.0)
    };
    let middle = above.or(least).zip(below.or(most));
    let next = |number: f64| step.map_or(number, |step| (number / step).ceil() * step);
    let candidates = [
        Some(wanted),
        step,
        least.map(next),
        above.map(|above| next(above + step.unwrap_or(1.0))),
        most.filter(|_| step.is_none()),
        below.map(|below| below - 1.0).filter(|_| step.is_none()),
        middle.map(|(from, to)| next((from + to) / 2.0)),
    ];
    candidates.into_iter().flatten().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_bounds() {
        for (schema, expected) in [
            (json!({"type": "integer"}), Some(json!(1))),
            (json!({"type": "integer", "minimum": 5}), Some(json!(5))),
            (
                json!({"type": "integer", "exclusiveMinimum": 5}),
                Some(json!(6)),
            ),
            (json!({"type": "integer", "maximum": 0}), Some(json!(0))),
            (
                json!({"type": "integer", "minimum": 20, "multipleOf": 15}),
                Some(json!(30)),
            ),
            (
                json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
                Some(json!(0.5)),
            ),
            (
                json!({"type": "number", "multipleOf": 0.5}),
                Some(json!(1.5)),
            ),
            (
                json!({"type": "integer", "minimum": 3, "maximum": 4, "multipleOf": 5}),
                None,
            ),
        ] {
            assert_eq!(of(&schema, &|_| None), expected, "{schema}");
        }
    }
}
