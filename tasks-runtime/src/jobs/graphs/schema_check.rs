//! Whether a part of a task's result can be a parameter of another task, as far as their schemas say.

use std::collections::BTreeSet;

use serde_json::Value;

/// Why it cannot, if that is sure. Where a schema leaves it open, the value says it when it is there.
pub(super) fn mismatch(
    output: Option<&Value>,
    pointer: &str,
    input: &Value,
    param: &str,
) -> Option<String> {
    let output = output?;
    let tokens: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
    let mut budget = MAX_LOOKS;
    let found = match look(output, output, &tokens, &mut budget) {
        Look::At(found) => found,
        Look::Unknown => return None,
        Look::Missing(names) => {
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            return Some(if names.is_empty() {
                format!("its result has no `{pointer}`")
            } else {
                format!("its result has no `{pointer}`: there are {names}")
            });
        }
    };
    let param = input.get("properties")?.get(param)?;
    let mut given = BTreeSet::new();
    for schema in found {
        given.extend(types(output, schema)?);
    }
    let taken = types(input, param)?;
    let fits =
        |given: &&str| taken.contains(given) || (*given == "integer" && taken.contains("number"));
    if given.iter().any(fits) {
        return None;
    }
    let list = |types: &BTreeSet<&str>| types.iter().copied().collect::<Vec<_>>().join(" or ");
    Some(format!(
        "it is {}, and the parameter takes {}",
        list(&given),
        list(&taken)
    ))
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// How deep schemas refer to one another that are followed.
const MAX_DEPTH: usize = 32;

/// How many schemas are looked at: one that contains itself in several ways has no end.
const MAX_LOOKS: usize = 1000;

enum Look<'a> {
    /// One of these.
    At(Vec<&'a Value>),
    /// The schema does not say.
    Unknown,
    /// There is nothing, beside these.
    Missing(BTreeSet<String>),
}

/// A schema without references.
fn resolved<'a>(root: &'a Value, mut schema: &'a Value) -> Option<&'a Value> {
    for _ in 0..MAX_DEPTH {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
            return Some(schema);
        };
        schema = root.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

fn variants(schema: &Value) -> Option<&Vec<Value>> {
    let of = |keyword| schema.get(keyword).and_then(Value::as_array);
    of("anyOf").or_else(|| of("oneOf"))
}

fn look<'a>(root: &'a Value, schema: &'a Value, tokens: &[String], budget: &mut usize) -> Look<'a> {
    let Some(left) = budget.checked_sub(1) else {
        return Look::Unknown;
    };
    *budget = left;
    let Some(schema) = resolved(root, schema) else {
        return Look::Unknown;
    };
    let [token, rest @ ..] = tokens else {
        return Look::At(vec![schema]);
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(found) = properties.and_then(|properties| properties.get(token)) {
        return look(root, found, rest, budget);
    }
    // Several keywords together say more than each.
    let is_combined = ["anyOf", "oneOf", "allOf", "properties", "patternProperties"]
        .into_iter()
        .filter(|keyword| schema.get(keyword).is_some())
        .count()
        > 1;
    if is_combined || schema.get("allOf").is_some() {
        return Look::Unknown;
    }
    if let Some(variants) = variants(schema) {
        let mut names = BTreeSet::new();
        let mut all = Vec::new();
        for variant in variants {
            match look(root, variant, tokens, budget) {
                Look::Missing(more) => names.extend(more),
                Look::At(found) => all.extend(found),
                Look::Unknown => return Look::Unknown,
            }
        }
        return if all.is_empty() {
            Look::Missing(names)
        } else {
            Look::At(all)
        };
    }
    if let Some(properties) = properties {
        return match schema.get("additionalProperties") {
            None | Some(Value::Bool(false)) => Look::Missing(properties.keys().cloned().collect()),
            Some(_) => Look::Unknown,
        };
    }
    match schema.get("items") {
        Some(items) if token.bytes().all(|digit| digit.is_ascii_digit()) => {
            look(root, items, rest, budget)
        }
        _ => match types(root, schema) {
            Some(types) if !types.contains("object") && !types.contains("array") => {
                Look::Missing(BTreeSet::new())
            }
            _ => Look::Unknown,
        },
    }
}

/// The types that a schema allows, if it says them.
fn types<'a>(root: &'a Value, schema: &'a Value) -> Option<BTreeSet<&'a str>> {
    types_to(root, schema, MAX_DEPTH)
}

fn types_to<'a>(root: &'a Value, schema: &'a Value, depth: usize) -> Option<BTreeSet<&'a str>> {
    let depth = depth.checked_sub(1)?;
    let schema = resolved(root, schema)?;
    match schema.get("type") {
        Some(Value::String(one)) => return Some(BTreeSet::from([one.as_str()])),
        Some(Value::Array(several)) => return several.iter().map(Value::as_str).collect(),
        _ => {}
    }
    if let Some(variants) = variants(schema) {
        let mut all = BTreeSet::new();
        for variant in variants {
            all.extend(types_to(root, variant, depth)?);
        }
        return Some(all);
    }
    let values = match (schema.get("const"), schema.get("enum")) {
        (Some(one), _) => std::slice::from_ref(one),
        (None, Some(Value::Array(several))) => several,
        _ => return None,
    };
    Some(values.iter().map(type_of).collect())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::mismatch;
    use serde_json::{Value, json};

    fn output() -> Value {
        json!({
            "type": "object",
            "properties": {
                "rows": {"type": "array", "items": {"$ref": "#/$defs/Row"}},
                "next": {"anyOf": [{"$ref": "#/$defs/Row"}, {"type": "null"}]},
                "any": true,
                "open": {"type": "object", "additionalProperties": true},
            },
            "$defs": {"Row": {"type": "object", "properties": {"id": {"type": "integer"}}}},
        })
    }

    fn check(pointer: &str, param: &Value) -> Option<String> {
        let input = json!({"properties": {"p": param}});
        mismatch(Some(&output()), pointer, &input, "p")
    }

    #[test]
    fn what_cannot_fit_is_said() {
        let none: Option<String> = None;
        assert_eq!(check("/rows/3/id", &json!({"type": "number"})), none);
        assert_eq!(
            check("/next/id", &json!({"type": ["integer", "null"]})),
            none
        );
        assert_eq!(check("/any/thing", &json!({"type": "string"})), none);
        assert_eq!(check("/open/x", &json!({"type": "string"})), none);
        assert_eq!(check("", &json!({"type": "object"})), none);
        assert_eq!(check("/rows", &json!({})), none);
        assert_eq!(
            check("/row", &json!({"type": "array"})).unwrap(),
            "its result has no `/row`: there are any, next, open, rows"
        );
        assert_eq!(
            check("/rows/0/name", &json!({"type": "string"})).unwrap(),
            "its result has no `/rows/0/name`: there are id"
        );
        assert_eq!(
            check("/rows/0/id/x", &json!({"type": "string"})).unwrap(),
            "its result has no `/rows/0/id/x`"
        );
        assert_eq!(
            check("/rows", &json!({"type": "string"})).unwrap(),
            "it is array, and the parameter takes string"
        );
    }
}
