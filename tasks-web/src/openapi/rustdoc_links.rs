//! Links to Rust items in doc comments, which lead nowhere outside of rustdoc.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

/// Replaces them in all that the document describes by their labels. Values of an application's are left alone.
pub(super) fn remove(document: &mut Value) {
    match document {
        Value::Array(items) => items.iter_mut().for_each(remove),
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), &mut *value) {
                    ("description" | "summary" | "title", Value::String(text)) => {
                        if let Cow::Owned(plain) = plain(text) {
                            *text = plain;
                        }
                    }
                    ("example" | "examples" | "default" | "const" | "enum", _) => {}
                    _ => remove(value),
                }
            }
        }
        _ => {}
    }
}

pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    /// `[label](path::to::item)`, and `[`Item`]` without a target of any kind.
    static LINKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let target = r"(?:[A-Za-z]+@)?[A-Za-z_]\w*(?:::\w+)*(?:\(\)|!)?";
        Regex::new(&format!(
            r"\[([^\[\]]+)\]\({target}\)|\[(`[^`\[\]]+`)\](\(|:|\[)?"
        ))
        .ok()
    });
    let Some(links) = LINKS.as_ref().filter(|_| text.contains('[')) else {
        return Cow::Borrowed(text);
    };
    links.replace_all(text, |found: &Captures<'_>| {
        match (found.get(1), found.get(2), found.get(3)) {
            (Some(label), ..) | (None, Some(label), None) => label.as_str().to_owned(),
            // A link to somewhere else.
            _ => found[0].to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_to_items_are_replaced_by_their_labels() {
        for (text, expected) in [
            ("see [`Codes`](crate::Codes) there", "see `Codes` there"),
            ("[the codes](crate::a::Codes::all()).", "the codes."),
            ("[`Codes`] and [`Off`](Traceback::Off)", "`Codes` and `Off`"),
            (
                "[a](https://example.org/a) [`b`](/b)",
                "[a](https://example.org/a) [`b`](/b)",
            ),
            ("[a](#part) [1, 2] `[x]`", "[a](#part) [1, 2] `[x]`"),
            ("[`b`]: /there", "[`b`]: /there"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn values_are_left_alone() {
        let mut document = json!({
            "properties": {"description": {"description": "[`A`]", "default": {"description": "[`A`]"}}},
        });
        remove(&mut document);
        let property = &document["properties"]["description"];
        assert_eq!(property["description"], "`A`");
        assert_eq!(property["default"]["description"], "[`A`]");
    }
}
