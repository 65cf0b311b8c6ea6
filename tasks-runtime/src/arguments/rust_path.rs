//! From a path through Rust fields to a JSON pointer.
//!
//! Who validates a value sees its Rust type; who sent it sees JSON, where serde has renamed fields, flattened them, and put the
//! name of a variant around them. The schema of the type and the value that was sent tell what became of a field.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::pointer::escape;

/// One step in a Rust value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A field, or a key of a map.
    Member(String),
    /// An item of a list, or a field without a name.
    Item(usize),
}

/// What was found of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The JSON pointer.
    pub(super) pointer: String,
    /// How many keys of the path lead there; the others lead to nothing that is in the JSON.
    pub(super) found: usize,
}

/// Finds where a path leads in a value of a schema, which stands alone. `value` is absent where a default was taken.
pub(super) fn find(schema: &Value, value: Option<&Value>, path: &[Key]) -> Place {
    Search { root: schema }.walk(&[schema], value, path, Place::default())
}

/// The order of places in a value: that of what was sent. What was not sent comes last.
#[derive(Debug, Default)]
pub(super) struct Order<'v> {
    /// The positions of members, of each object that was asked for: an object may have many.
    positions: HashMap<*const Value, HashMap<&'v str, usize>>,
}

impl<'v> Order<'v> {
    /// What sorts a place among others: the position of each step among its neighbours.
    pub(super) fn key(&mut self, value: Option<&'v Value>, pointer: &str) -> Vec<usize> {
        let mut value = value;
        let mut key = Vec::new();
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let position = match value {
                Some(object @ Value::Object(members)) => {
                    let positions = self.positions.entry(std::ptr::from_ref(object));
                    let positions = positions.or_insert_with(|| {
                        let names = members.keys().map(String::as_str);
                        names.zip(0..).collect()
                    });
                    positions.get(step.as_str()).copied()
                }
                _ => step.parse().ok(),
            };
            key.push(position.unwrap_or(usize::MAX));
            value = match value {
                Some(Value::Object(members)) => members.get(&step),
                Some(Value::Array(items)) => position.and_then(|index| items.get(index)),
                _ => None,
            };
        }
        key
    }
}

/// Keys as in Rust: `lines[0].price`; nothing when there are none.
pub(super) fn in_words(keys: &[Key]) -> Option<String> {
    let mut words = String::new();
    for key in keys {
        match key {
            Key::Member(name) if words.is_empty() => words.push_str(name),
            Key::Member(name) => words.push_str(&format!(".{name}")),
            Key::Item(index) => words.push_str(&format!("[{index}]")),
        }
    }
    (!words.is_empty()).then_some(words)
}

struct Search<'s> {
    /// The whole schema, in which references are looked up.
    root: &'s Value,
}

impl<'s> Search<'s> {
    /// Goes on from `so_far`, which is the place of `value`.
    fn walk(
        &self,
        schemas: &[&'s Value],
        value: Option<&Value>,
        path: &[Key],
        so_far: Place,
    ) -> Place {
        let [key, rest @ ..] = path else {
            return so_far;
        };
        let mut nodes = Vec::new();
        for schema in schemas {
            self.expand(schema, &mut nodes);
        }
        let deeper = |step: &str| Place {
            pointer: format!("{}/{}", so_far.pointer, escape(step)),
            found: so_far.found + 1,
        };
        let skipped = || Place {
            pointer: so_far.pointer.clone(),
            found: so_far.found + 1,
        };
        let all = so_far.found + path.len();
        if let Key::Item(index) = key {
            // The items of a set are in another order than they were sent in.
            let is_set = |node: &&Value| node.get("uniqueItems") == Some(&Value::Bool(true));
            if nodes.iter().any(is_set) {
                return skipped();
            }
            let items = items(&nodes, *index);
            let is_list = match value {
                Some(value) => value.is_array(),
                None => !items.is_empty(),
            };
            if is_list {
                let item = value.and_then(|value| value.get(*index));
                return self.walk(&items, item, rest, deeper(&index.to_string()));
            }
        }
        let text = match key {
            Key::Member(name) => name.trim_start_matches("r#").to_owned(),
            Key::Item(index) => index.to_string(),
        };
        if let Some(name) = member(&nodes, value, &text) {
            let schemas = schemas_of(&nodes, &name);
            let value = value.and_then(|value| value.get(&name));
            return self.walk(&schemas, value, rest, deeper(&name));
        }
        // Within a variant, whose name is not in the path.
        for (name, schema) in nodes.iter().copied().filter_map(content_of_variant) {
            if let Some(content) = value.and_then(|value| value.get(name)) {
                let place = Place {
                    pointer: format!("{}/{}", so_far.pointer, escape(name)),
                    found: so_far.found,
                };
                let place = self.walk(&[schema], Some(content), path, place);
                if place.found == all {
                    return place;
                }
            }
        }
        match key {
            // The one field of a newtype, which is not there in JSON.
            Key::Item(0) => self.walk(schemas, value, rest, skipped()),
            // A flattened field.
            Key::Member(_) if !rest.is_empty() => {
                let place = self.walk(schemas, value, rest, skipped());
                if place.found == all { place } else { so_far }
            }
            _ => so_far,
        }
    }

    /// Adds a schema, and all that are part of it, to `nodes`.
    fn expand(&self, schema: &'s Value, nodes: &mut Vec<&'s Value>) {
        if nodes.iter().any(|node| std::ptr::eq(*node, schema)) {
            return;
        }
        nodes.push(schema);
        let target = schema.get("$ref").and_then(Value::as_str);
        if let Some(target) = target.and_then(|target| target.strip_prefix('#'))
            && let Some(target) = self.root.pointer(target)
        {
            self.expand(target, nodes);
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            let parts = schema.get(keyword).and_then(Value::as_array);
            for part in parts.into_iter().flatten() {
                self.expand(part, nodes);
            }
        }
    }
}

/// The schemas of one item of a list.
fn items<'s>(nodes: &[&'s Value], index: usize) -> Vec<&'s Value> {
    let of_node = |node: &&'s Value| {
        let own = node.get("prefixItems").and_then(|items| items.get(index));
        own.or_else(|| node.get("items"))
    };
    nodes.iter().filter_map(of_node).collect()
}

fn properties(node: &Value) -> Option<&Map<String, Value>> {
    node.get("properties").and_then(Value::as_object)
}

/// The schemas of one member of an object.
fn schemas_of<'s>(nodes: &[&'s Value], name: &str) -> Vec<&'s Value> {
    let of_node = |node: &&'s Value| {
        let own = properties(node).and_then(|properties| properties.get(name));
        own.or_else(|| node.get("additionalProperties"))
    };
    nodes.iter().filter_map(of_node).collect()
}

/// The name in JSON of the field or the key `text`: the same, or one that differs in case, `_` and `-` alone, as with
/// `#[serde(rename_all = "…")]`.
fn member(nodes: &[&Value], value: Option<&Value>, text: &str) -> Option<String> {
    let sent = value.and_then(Value::as_object);
    let objects = || {
        let properties = nodes.iter().filter_map(|node| properties(node));
        properties.chain(sent)
    };
    // Of which there may be many, in a map.
    if objects().any(|members| members.contains_key(text)) {
        return Some(text.to_owned());
    }
    let wanted = plain(text);
    if let Some(name) = objects()
        .flat_map(Map::keys)
        .find(|name| plain(name) == wanted)
    {
        return Some(name.clone());
    }
    // A key of a map that is not at hand: it comes from a default.
    let is_map = |node: &&Value| {
        node.get("additionalProperties")
            .is_some_and(Value::is_object)
    };
    (value.is_none() && nodes.iter().any(is_map)).then(|| text.to_owned())
}

/// A name without what `rename_all` changes.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
    letters.flat_map(char::to_lowercase).collect()
}

/// The name and the schema of what a variant holds, where its schema is that of one: `{"Variant": …}`, or a tag with a content.
fn content_of_variant(node: &Value) -> Option<(&String, &Value)> {
    let properties = properties(node)?;
    let required = node.get("required").and_then(Value::as_array)?.len();
    let is_tag = |schema: &Value| schema.get("const").is_some();
    let mut contents = properties.iter().filter(|(_, schema)| !is_tag(schema));
    let content = contents.next()?;
    let is_closed = node.get("additionalProperties") == Some(&Value::Bool(false));
    let is_variant = match properties.len() {
        1 => is_closed && required == 1,
        2 => contents.next().is_none() && required == 2,
        _ => false,
    };
    is_variant.then_some(content)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "its schema is asked for")]
    #[serde(rename_all = "camelCase")]
    struct Order {
        first_line: Line,
        #[serde(rename = "others")]
        more: Option<Vec<Line>>,
        #[serde(flatten)]
        address: Address,
        by_name: HashMap<String, Line>,
        choice: Choice,
        tagged: Tagged,
        set: BTreeSet<String>,
        r#type: Wrapped,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "its schema is asked for")]
    struct Line {
        price: u32,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "its schema is asked for")]
    struct Address {
        zip_code: String,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "its schema is asked for")]
    enum Choice {
        One(Line),
        Two { price: u32 },
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "its schema is asked for")]
    #[serde(tag = "t", content = "c")]
    enum Tagged {
        One { price: u32 },
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "its schema is asked for")]
    struct Wrapped(u8);

    fn place(value: Option<&Value>, path: &[Key]) -> (String, Option<String>) {
        let schema =
            crate::schema::standalone_input(|generator| generator.subschema_for::<Order>().into());
        let place = find(&schema, value, path);
        (place.pointer, in_words(&path[place.found..]))
    }

    fn keys(path: &str) -> Vec<Key> {
        let key = |text: &str| match text.parse() {
            Ok(index) => Key::Item(index),
            Err(_) => Key::Member(text.to_owned()),
        };
        path.split('.').map(key).collect()
    }

    #[test]
    fn paths_of_fields_become_pointers() {
        let value = json!({
            "firstLine": {"price": 1}, "others": [{"price": 1}], "zip_code": "1", "byName": {"a/b": {"price": 1}},
            "choice": {"Two": {"price": 1}}, "tagged": {"t": "One", "c": {"price": 1}}, "set": ["a"], "type": 1,
        });
        for (path, pointer) in [
            ("first_line.price", "/firstLine/price"),
            ("others.0.price", "/others/0/price"),
            ("address.zip_code", "/zip_code"),
            ("by_name.a/b.price", "/byName/a~1b/price"),
            ("choice.price", "/choice/Two/price"),
            ("tagged.price", "/tagged/c/price"),
            ("set.7", "/set"),
            ("r#type.0", "/type"),
        ] {
            assert_eq!(place(Some(&value), &keys(path)), (pointer.to_owned(), None));
        }
        let one = json!({"choice": {"One": {"price": 1}}});
        assert_eq!(
            place(Some(&one), &keys("choice.0.price")),
            ("/choice/One/price".to_owned(), None)
        );
        // Of a name that was changed altogether, the schema says nothing.
        assert_eq!(
            place(Some(&value), &keys("more.0.price")),
            (String::new(), Some("more[0].price".to_owned()))
        );
    }

    #[test]
    fn a_default_has_places_too() {
        for (path, pointer) in [
            ("first_line.price", "/firstLine/price"),
            ("by_name.x.price", "/byName/x/price"),
            ("r#type.0", "/type"),
        ] {
            assert_eq!(place(None, &keys(path)), (pointer.to_owned(), None));
        }
    }
}
