//! Arguments of a node that other nodes make.

use std::sync::LazyLock;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::arguments::members;

/// The one member of the object that stands for such an argument while a graph is put together. Nobody outside of this process knows it, so no data
/// that an application passes on can be taken for one.
static MARK: LazyLock<String> = LazyLock::new(|| format!("$from-{}", ulid::Ulid::new()));

/// An argument of a node of a graph that is the result of another node, or a part of it: made by [`from`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it is an argument of a `call!`"]
pub struct FromNode {
    node: String,
    pointer: String,
}

/// The result of a node, as an argument of another one, which comes after it: `call!(clean, rows = from("extract", "/rows"))`. The pointer is a JSON Pointer
/// ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) into the result, and `""` is all of it.
///
/// It stands for a whole argument, and only in a [`Graph`](super::Graph): any other call takes it for an object, which does not fit.
pub fn from(node: impl Into<String>, pointer: impl Into<String>) -> FromNode {
    FromNode {
        node: node.into(),
        pointer: pointer.into(),
    }
}

/// The item of a node that runs its task [for each](super::GraphNode::for_each), as an argument: `call!(measure, station = each("/icao"))`. The pointer is a JSON Pointer into the item, and `""` is all of it.
///
/// It stands for a whole argument, and only in such a node.
pub fn each(pointer: impl Into<String>) -> FromNode {
    FromNode {
        node: ITEM.to_owned(),
        pointer: pointer.into(),
    }
}

/// What stands for the item in place of the name of a node, which is never empty.
const ITEM: &str = "";

impl Input {
    /// Whether it is the item, or a part of it.
    pub(super) fn is_of_item(&self) -> bool {
        self.node == ITEM
    }
}

impl FromNode {
    pub(super) fn into_parts(self) -> (String, String) {
        (self.node, self.pointer)
    }

    pub(super) fn into_input(self, param: String) -> Input {
        Input {
            param,
            node: self.node,
            pointer: self.pointer,
        }
    }
}

impl Serialize for FromNode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(MARK.as_str(), &(&self.node, &self.pointer))?;
        map.end()
    }
}

/// Such an argument, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) param: String,
    pub(super) node: String,
    pub(super) pointer: String,
}

/// Takes these arguments out of the others; `None` when one is within another argument.
pub(super) fn split(params: &str) -> Option<(String, Vec<Input>)> {
    if !params.contains(MARK.as_str()) {
        return Some((params.to_owned(), Vec::new()));
    }
    let mut rest = String::from("{");
    let mut inputs = Vec::new();
    for (name, value) in members(params).ok()? {
        if let Some((node, pointer)) = marked(value) {
            let param = name.into_owned();
            inputs.push(Input {
                param,
                node,
                pointer,
            });
            continue;
        }
        add_member(&mut rest, &name, value);
    }
    rest.push('}');
    (!rest.contains(MARK.as_str())).then_some((rest, inputs))
}

/// Adds a member to the text of an object that is not closed yet.
pub(super) fn add_member(object: &mut String, name: &str, value: &str) {
    if object.len() > 1 {
        object.push(',');
    }
    object.push_str(&serde_json::Value::from(name).to_string());
    object.push(':');
    object.push_str(value);
}

fn marked(value: &str) -> Option<(String, String)> {
    if !value.starts_with('{') {
        return None;
    }
    match members(value).ok()?.as_slice() {
        [(name, inner)] if *name == MARK.as_str() => serde_json::from_str(inner).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_of_other_nodes_are_taken_out() {
        let params = json!({"a": 1, "rows": from("extract", "/rows"), "b": {"c": "$from"}});
        let (rest, inputs) = split(&params.to_string()).unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&rest).unwrap(),
            json!({"a": 1, "b": {"c": "$from"}})
        );
        let expected = Input {
            param: "rows".to_owned(),
            node: "extract".to_owned(),
            pointer: "/rows".to_owned(),
        };
        assert_eq!(inputs, [expected]);
        assert_eq!(split(&json!({"a": [from("x", "")]}).to_string()), None);
        let all = json!({"a": from("x", "")}).to_string();
        assert_eq!(split(&all).unwrap().0, "{}");
    }
}
