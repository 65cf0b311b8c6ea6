//! References, in the document's own objects and in its schemas.

use serde_json::Value;

use super::walk::{Kind, escape, walk};

pub(super) fn errors(document: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    walk(document, &mut |pointer, kind, value| {
        let mut check = |pointer: &str, reference: &str| {
            if let Some(complaint) = complaint(document, reference) {
                errors.push(format!("{pointer}/$ref: {reference:?} {complaint}"));
            }
        };
        if kind == Kind::Schema {
            in_schema(pointer, value, &mut check);
        } else if let Some(reference) = value["$ref"].as_str() {
            check(pointer, reference);
        }
    });
    errors
}

fn complaint(document: &Value, reference: &str) -> Option<&'static str> {
    let Some(pointer) = reference.strip_prefix('#') else {
        return Some("leads out of the document");
    };
    let found = decode(pointer).is_some_and(|pointer| document.pointer(&pointer).is_some());
    (!found).then_some("leads nowhere")
}

fn in_schema(pointer: &str, schema: &Value, check: &mut dyn FnMut(&str, &str)) {
    if let Some(reference) = schema["$ref"].as_str() {
        check(pointer, reference);
    }
    for (name, value) in schema.as_object().into_iter().flatten() {
        let pointer = format!("{pointer}/{}", escape(name));
        match name.as_str() {
            // Values, which may look like anything.
            "const" | "enum" | "default" | "example" | "examples" => {}
            _ if name.starts_with("x-") => {}
            // Names of the user's choice, any of those above among them.
            "properties" | "patternProperties" | "$defs" | "dependentSchemas" => {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    in_schema(&format!("{pointer}/{}", escape(name)), schema, check);
                }
            }
            _ => match value {
                Value::Array(schemas) => {
                    for (index, schema) in schemas.iter().enumerate() {
                        in_schema(&format!("{pointer}/{index}"), schema, check);
                    }
                }
                schema => in_schema(&pointer, schema, check),
            },
        }
    }
}

/// A URI's fragment without its percent-encoding.
fn decode(fragment: &str) -> Option<String> {
    let mut parts = fragment.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fragments_are_decoded() {
        assert_eq!(decode("/a%3Cb%3e/%C3%A4"), Some("/a<b>/ä".to_owned()));
        assert_eq!(decode("/a%2"), None);
        assert_eq!(decode("/a%zz"), None);
        assert_eq!(decode("/a%ff"), None);
    }

    #[test]
    fn values_are_no_references_and_properties_have_any_name() {
        let nowhere = json!({ "$ref": "#/nowhere" });
        let schema = json!({
            "const": nowhere, "enum": [nowhere], "default": nowhere, "examples": [nowhere], "x-a": nowhere,
            "properties": { "default": nowhere, "$ref": { "items": nowhere } },
            "allOf": [true, nowhere],
            "additionalProperties": nowhere
        });
        let mut found = Vec::new();
        in_schema("", &schema, &mut |pointer, reference| {
            found.push(format!("{pointer} {reference}"));
        });
        found.sort();
        assert_eq!(
            found,
            [
                "/additionalProperties #/nowhere",
                "/allOf/1 #/nowhere",
                "/properties/$ref/items #/nowhere",
                "/properties/default #/nowhere"
            ]
        );
    }
}
