//! The variants of enums, as generators of clients want them.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::generator_names::plain;
use super::references;

/// Makes variants that are objects schemas of their own: generators have classes for them, and some can have a variant that
/// holds its own enum in no other way.
pub(super) fn extract(mut all: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut taken: HashSet<String> = all.keys().map(|name| plain(name)).collect();
    let mut extracted = Vec::new();
    for schema in all.values_mut() {
        for keyword in ["oneOf", "anyOf"] {
            let variants = schema.get_mut(keyword).and_then(Value::as_array_mut);
            for variant in variants.into_iter().flatten() {
                let title = variant.get("title").and_then(Value::as_str);
                let Some(title) = title.filter(|_| variant["type"] == "object") else {
                    continue;
                };
                if is_name(title) && taken.insert(plain(title)) {
                    let name = title.to_owned();
                    let reference = references::to(&name);
                    extracted.push((name, std::mem::replace(variant, reference)));
                }
            }
        }
    }
    all.extend(extracted);
    all
}

/// Whether a component may be called that.
fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.chars().all(is_allowed)
}

/// Puts the name of an enum before the titles of its variants: generators make types of them, and many enums have an `Error`.
pub(super) fn title(name: &str, schema: &mut Value) {
    let name: String = if name.contains('.') {
        name.split('.').map(capitalized).collect()
    } else {
        name.to_owned()
    };
    for keyword in ["oneOf", "anyOf"] {
        let variants = schema.get_mut(keyword).and_then(Value::as_array_mut);
        for variant in variants.into_iter().flatten() {
            if let Some(Value::String(title)) = variant.get_mut("title")
                && !title.starts_with(&name)
            {
                let words = title.split(|c: char| !c.is_alphanumeric());
                let words = words.filter(|word| !word.is_empty()).map(capitalized);
                *title = format!("{name}{}", words.collect::<String>());
            }
        }
    }
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}
