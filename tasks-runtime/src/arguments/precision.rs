//! Numbers that a type takes, and reads as other ones.

use serde_json::Value;

use super::json_kind::Kind;
use super::schema_types::types;

/// How many digits a decimal number keeps on its way through a double.
pub(super) const DOUBLE_DIGITS: usize = 15;

/// Whether numbers may be read as other ones: where a type has single precision, decimal digits of its own, or any value.
pub(super) fn is_delicate(schema: &Value) -> bool {
    match schema {
        Value::Bool(anything) => *anything,
        Value::Array(list) => list.iter().any(is_delicate),
        Value::Object(map) => {
            is_single(schema)
                || is_decimal(schema)
                || is_anything(schema)
                || map.iter().any(|(keyword, value)| match keyword.as_str() {
                    "properties" | "$defs" => value
                        .as_object()
                        .is_some_and(|schemas| schemas.values().any(is_delicate)),
                    "items"
                    | "prefixItems"
                    | "anyOf"
                    | "oneOf"
                    | "allOf"
                    | "additionalProperties" => is_delicate(value),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Whether a text has a number of many digits or of a large exponent. It may be part of a string.
pub(super) fn has_long_numbers(json: &str) -> bool {
    let (mut digits, mut exponent) = (0_usize, None);
    for byte in json.bytes() {
        match byte {
            b'0'..=b'9' => {
                match &mut exponent {
                    None => digits += 1,
                    Some(length) => *length += 1,
                }
                if digits > DOUBLE_DIGITS || exponent >= Some(2) {
                    return true;
                }
            }
            b'.' | b'+' if digits > 0 => {}
            b'e' | b'E' if digits > 0 => exponent = Some(0),
            _ => (digits, exponent) = (0, None),
        }
    }
    false
}

pub(super) fn is_single(schema: &Value) -> bool {
    schema.get("format").and_then(Value::as_str) == Some("float")
}

/// A number that may be a string as well has digits that a double has not.
pub(super) fn is_decimal(schema: &Value) -> bool {
    let types = types(schema);
    types.contains(&"string") && (types.contains(&"number") || types.contains(&"integer"))
}

/// `true`, `{}`, and those with nothing but words.
pub(super) fn is_anything(schema: &Value) -> bool {
    match schema {
        Value::Bool(anything) => *anything,
        Value::Object(map) => ![
            "type",
            "$ref",
            "anyOf",
            "oneOf",
            "allOf",
            "enum",
            "const",
            "properties",
            "not",
        ]
        .iter()
        .any(|keyword| map.contains_key(*keyword)),
        _ => false,
    }
}

pub(super) fn is_exact_integer(json: &str) -> bool {
    json.parse::<i64>().is_ok() || json.parse::<u64>().is_ok()
}

/// Digits without the zeros at both ends.
pub(super) fn significant_digits(json: &str) -> usize {
    let mantissa = json.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len()
}

pub(super) fn too_many_digits(kind: Kind, json: &str) -> String {
    format!(
        "{} has more digits than a number keeps here: send it as a string",
        kind.words(json)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_noticed() {
        for text in [
            "1234567890123456",
            "[1,0.1234567890123456]",
            "12345678.90123456",
            "1e39",
            "-1E+39",
            r#"{"a":18446744073709551616}"#,
        ] {
            assert!(has_long_numbers(text), "{text}");
        }
        for text in [
            "123456789012345",
            "1e-39",
            "1e9",
            "0.1",
            "\"e10x10\"",
            "[1234567890,1234567890]",
        ] {
            assert!(!has_long_numbers(text), "{text}");
        }
    }
}
