//! Members of objects that are given more than once.
//!
//! A derived struct refuses them by itself; maps and values of any type keep the last one, and what somebody meant by the first is lost.

use std::borrow::Cow;

use serde_json::Value;

use crate::pointer::escape;

/// What is said of a member.
pub(super) const TWICE: &str = "given twice";

/// Whether a type takes a member twice: where it has a map, or any value.
pub(super) fn is_lossy(schema: &Value) -> bool {
    match schema {
        Value::Bool(anything) => *anything,
        Value::Array(list) => list.iter().any(is_lossy),
        Value::Object(map) => {
            let is_open = map
                .get("additionalProperties")
                .is_some_and(|others| *others != false)
                || map.contains_key("patternProperties");
            is_open
                || is_untyped(map)
                || has_keys_of_an_enum(map)
                || map.iter().any(|(keyword, value)| match keyword.as_str() {
                    "properties" | "$defs" => value
                        .as_object()
                        .is_some_and(|schemas| schemas.values().any(is_lossy)),
                    "items" | "prefixItems" | "anyOf" | "oneOf" | "allOf" => is_lossy(value),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Whether it may be that of a map whose keys are an enum: it has them as properties of one schema, of which none is required.
fn has_keys_of_an_enum(schema: &serde_json::Map<String, Value>) -> bool {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return false;
    };
    let mut schemas = properties.values();
    let first = schemas.next();
    !schema.contains_key("required") && first.is_some() && schemas.all(|other| Some(other) == first)
}

/// Whether it says nothing of what an object has.
fn is_untyped(schema: &serde_json::Map<String, Value>) -> bool {
    let is_object = match schema.get("type") {
        None => !["$ref", "anyOf", "oneOf", "allOf", "enum", "const", "not"]
            .iter()
            .any(|keyword| schema.contains_key(*keyword)),
        Some(Value::Array(types)) => types.iter().any(|name| name == "object"),
        Some(name) => name == "object",
    };
    is_object && !schema.contains_key("properties")
}

/// What is open at some place of a text.
#[derive(Clone, Copy)]
enum Level {
    /// An object, whose keys begin at this one of all that are kept.
    Object(usize),
    /// A list, and which of its elements it is.
    Array(usize),
}

/// The members that are given more than once, at any depth of a text that is JSON: a pointer to each, and not more of them than `most`.
pub fn find(json: &str, most: usize) -> Vec<String> {
    let bytes = json.as_bytes();
    // Of the objects that are open, from the outermost on.
    let mut keys: Vec<Cow<'_, str>> = Vec::new();
    let mut levels: Vec<Level> = Vec::new();
    let mut found = Vec::new();
    let (mut at, mut is_key) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => {
                levels.push(Level::Object(keys.len()));
                is_key = true;
            }
            b'[' => {
                levels.push(Level::Array(0));
                is_key = false;
            }
            b',' => match levels.last_mut() {
                Some(Level::Array(index)) => *index += 1,
                _ => is_key = true,
            },
            b'"' => {
                let end = end_of_string(bytes, at + 1);
                if is_key && let Some(key) = json.get(at..=end) {
                    keys.push(read_key(key));
                    is_key = false;
                }
                at = end;
            }
            b'}' | b']' => {
                is_key = false;
                if let Some(Level::Object(first)) = levels.pop() {
                    close(&mut keys, first, &levels, most, &mut found);
                    if found.len() >= most {
                        return found;
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Forgets the keys of an object that ends, after a look at them.
fn close(
    keys: &mut Vec<Cow<'_, str>>,
    first: usize,
    levels: &[Level],
    most: usize,
    found: &mut Vec<String>,
) {
    let (outer, own) = keys.split_at_mut(first);
    own.sort_unstable();
    let mut last = None;
    for pair in own.windows(2) {
        if let [one, other] = pair
            && one == other
            && last != Some(one)
            && found.len() < most
        {
            last = Some(one);
            found.push(format!("{}/{}", pointer(outer, levels), escape(one)));
        }
    }
    keys.truncate(first);
}

/// Where the levels are: the key of each object is the latest of its own.
fn pointer(mut keys: &[Cow<'_, str>], levels: &[Level]) -> String {
    let mut segments = Vec::with_capacity(levels.len());
    for level in levels.iter().rev() {
        segments.push(match level {
            Level::Array(index) => index.to_string(),
            Level::Object(first) => {
                let (outer, own) = keys.split_at(*first);
                keys = outer;
                own.last().map(|key| escape(key)).unwrap_or_default()
            }
        });
    }
    segments.reverse();
    segments
        .iter()
        .map(|segment| format!("/{segment}"))
        .collect()
}

/// Where the quote is that ends a string.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// A key with its quotes, as the text that it stands for.
fn read_key(quoted: &str) -> Cow<'_, str> {
    let plain = quoted.trim_start_matches('"');
    let plain = plain.strip_suffix('"').unwrap_or(plain);
    if !plain.contains('\\') {
        return Cow::Borrowed(plain);
    }
    serde_json::from_str(quoted).map_or(Cow::Borrowed(plain), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
    #[allow(dead_code, reason = "its schema is asked for")]
    enum Color {
        Red,
        Green,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "its schema is asked for")]
    #[serde(deny_unknown_fields)]
    struct Point {
        x: u8,
        y: u8,
    }

    #[test]
    fn maps_take_a_member_twice_whatever_their_keys_are() {
        assert!(is_lossy(
            schemars::schema_for!(BTreeMap<Color, u8>).as_value()
        ));
        assert!(is_lossy(schemars::schema_for!(BTreeMap<u8, u8>).as_value()));
        assert!(!is_lossy(schemars::schema_for!(Point).as_value()));
    }

    #[test]
    fn members_are_compared_by_what_they_stand_for_in_their_own_object() {
        for (json, expected) in [
            (r#"{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}"#, &[][..]),
            (r#"{"a":"a","b":"a","":"","c":"\"a\":1,\"a\""}"#, &[]),
            (r#"[1,"a","a",[],{},null,{"a":[]}]"#, &[]),
            (r#"{"a":1,"b":2,"a":3,"a":4}"#, &["/a"]),
            (r#"{ "a" : 1 , "\u0061" : 2 }"#, &["/a"]),
            (r#"{"":1,"":2}"#, &["/"]),
            (
                r#"[[0,{"x":{"a/b":1,"~":0,"a/b":2,"~":1}}]]"#,
                &["/0/1/x/a~1b", "/0/1/x/~0"],
            ),
            (
                r#"{"z":{"a":0},"y":[{"k":1,"q":{"s":1,"s":[]},"k":2}],"y":0}"#,
                &["/y/0/q/s", "/y/0/k", "/y"],
            ),
            (r#"{"\"":1,"\\":1,"\"":2}"#, &["/\""]),
            // Not JSON: no harm is done.
            (r#"{"a"#, &[]),
            (r#"}]{"a":1,"a":1}"#, &["/a"]),
        ] {
            assert_eq!(find(json, 100), expected, "{json}");
        }
        let many: String = (0..50)
            .map(|key| format!("\"{key}\":1,\"{key}\":2,"))
            .collect();
        assert_eq!(find(&format!("{{{many}\"x\":0}}"), 20).len(), 20);
    }
}
