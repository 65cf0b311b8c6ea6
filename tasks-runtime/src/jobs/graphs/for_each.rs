//! The items that a node runs its task for.

use serde::{Deserialize, Serialize};

use super::input::FromNode;
use crate::jobs::params_codec::canonical;

/// How many items a node may have.
pub(super) const MAX_ITEMS: usize = 100_000;

/// Where the items come from, while a graph is put together.
#[derive(Clone, Debug)]
pub(super) enum ForEach {
    /// JSON of a list, or why that could not be written.
    Items(Result<String, String>),
    Node {
        node: String,
        pointer: String,
    },
}

impl ForEach {
    pub(super) fn of_items(items: impl IntoIterator<Item = impl Serialize>) -> Self {
        let mut list = String::from("[");
        for item in items {
            match serde_json::to_string(&item) {
                Ok(item) => {
                    if list.len() > 1 {
                        list.push(',');
                    }
                    list.push_str(&item);
                }
                Err(error) => return Self::Items(Err(error.to_string())),
            }
        }
        list.push(']');
        Self::Items(Ok(list))
    }

    pub(super) fn of_node(list: FromNode) -> Self {
        let (node, pointer) = list.into_parts();
        Self::Node { node, pointer }
    }
}

/// Where the items come from, as it is stored.
// With a member that it does not know, a process leaves the node to one that does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredForEach {
    pub(super) source: Source,
    #[serde(default)]
    pub(super) continues_on_failure: bool,
}

impl StoredForEach {
    /// The same, whatever order the members of its items come in.
    pub(super) fn canonical(&self) -> Self {
        let source = match &self.source {
            Source::Items(list) => Source::Items(canonical(list, |_| {})),
            from_node @ Source::Node { .. } => from_node.clone(),
        };
        Self {
            source,
            continues_on_failure: self.continues_on_failure,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// The text of a list.
    Items(String),
    Node {
        node: String,
        pointer: String,
    },
}

/// The items of a list, each as its own text; `None` when it is no list. The text is JSON.
pub(super) fn split(list: &str) -> Option<Vec<&str>> {
    let inside = list.trim().strip_prefix('[')?.strip_suffix(']')?;
    if inside.trim().is_empty() {
        return Some(Vec::new());
    }
    let (mut items, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for (place, byte) in inside.bytes().enumerate() {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                items.push(inside.get(begin..place)?.trim());
                begin = place + 1;
            }
            _ => {}
        }
    }
    items.push(inside.get(begin..)?.trim());
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_what_stands_between_commas() {
        let list = r#" [1, "a,]\"b", {"x": [1, 2]}, [ ], null,"\\" ] "#;
        let items = split(list).unwrap();
        assert_eq!(
            items,
            [
                "1",
                r#""a,]\"b""#,
                r#"{"x": [1, 2]}"#,
                "[ ]",
                "null",
                r#""\\""#
            ]
        );
        assert_eq!(split("[]").unwrap(), Vec::<&str>::new());
        assert_eq!(split(" [ ] ").unwrap(), Vec::<&str>::new());
        assert_eq!(split(r#"{"a": 1}"#), None);
        assert_eq!(split("null"), None);
    }

    proptest::proptest! {
        #[test]
        fn a_list_is_split_into_what_was_put_in(texts in proptest::collection::vec(".{0,20}", 0..20)) {
            let json = serde_json::to_string(&texts).unwrap();
            let items = split(&json).unwrap();
            let read: Vec<String> = items.iter().map(|item| serde_json::from_str(item).unwrap()).collect();
            proptest::prop_assert_eq!(read, texts);
        }
    }
}
