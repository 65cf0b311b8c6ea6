//! What a schema says of the kind of a value.

use serde_json::Value;

/// The names of `type`.
pub(super) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Rust's name of a format, and its range.
pub(super) fn range(format: &str) -> Option<(&'static str, i128, i128)> {
    Some(match format {
        "int8" => ("i8", i8::MIN.into(), i8::MAX.into()),
        "int16" => ("i16", i16::MIN.into(), i16::MAX.into()),
        "int32" => ("i32", i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => ("i64", i64::MIN.into(), i64::MAX.into()),
        "uint8" => ("u8", 0, u8::MAX.into()),
        "uint16" => ("u16", 0, u16::MAX.into()),
        "uint32" => ("u32", 0, u32::MAX.into()),
        "uint64" | "uint" => ("u64", 0, u64::MAX.into()),
        _ => return None,
    })
}
