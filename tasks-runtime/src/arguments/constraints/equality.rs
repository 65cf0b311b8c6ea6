//! When two values are the same one.

use std::fmt::Write as _;

use serde_json::Value;

/// Whether two values are the same one, where numbers are by their value (JSON Schema Core, section 4.2.2).
pub(super) fn are_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64() && !(one.is_i64() && other.is_i64())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| are_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other.get(name).is_some_and(|other| are_equal(value, other))
                })
        }
        (one, other) => one == other,
    }
}

/// A text that is the same for values that are.
pub(super) fn canonical(json: &str) -> String {
    fn write(value: &Value, text: &mut String) {
        match value {
            Value::Number(number) if !number.is_i64() && !number.is_u64() => {
                // Without a sign of zero.
                let number = number.as_f64().unwrap_or_default() + 0.0;
                let _ = write!(text, "{number}");
            }
            Value::Array(items) => {
                text.push('[');
                for item in items {
                    write(item, text);
                    text.push(',');
                }
                text.push(']');
            }
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| *name);
                text.push('{');
                for (name, value) in members {
                    let _ = write!(text, "{}:", Value::from(name.as_str()));
                    write(value, text);
                    text.push(',');
                }
                text.push('}');
            }
            other => {
                let _ = write!(text, "{other}");
            }
        }
    }
    let mut text = String::new();
    match serde_json::from_str(json) {
        Ok(value) => write(&value, &mut text),
        Err(_) => text.push_str(json),
    }
    text
}
