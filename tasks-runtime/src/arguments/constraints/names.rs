//! Members of an object that its schema does not show, and that its type knows all the same: by `#[serde(alias)]`, say.
//!
//! No schema tells those from members that the type ignores. The type does: of what it reads, a derived one refuses a member that is given
//! twice, and of what it ignores it does not.

use std::collections::HashSet;

use serde_json::Value;

use crate::arguments::code::ArgumentErrorCode;
use crate::arguments::finding::Finding;

/// Whether the type of a value reads a text.
pub(crate) type Reads<'r> = &'r dyn Fn(&str) -> bool;

/// How many members are asked of the type by themselves, once it refused some of all.
const MOST: usize = 16;

/// The members of a value that its schema shows, in all of its parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    known: HashSet<String>,
    /// Members of any name are shown, or none at all.
    any: bool,
}

impl Names {
    /// Those of a schema.
    pub(super) fn of(root: &Value, schema: &Value) -> Self {
        let mut names = Self::default();
        let is_open = names.add(root, schema, &mut HashSet::new());
        names.any = is_open || names.known.is_empty();
        names
    }

    /// Whether the schema allows members of any name.
    fn add<'s>(&mut self, root: &'s Value, schema: &'s Value, seen: &mut HashSet<&'s str>) -> bool {
        let Value::Object(schema) = schema else {
            return false;
        };
        let is_open = schema
            .get("additionalProperties")
            .is_some_and(|others| *others != false)
            || schema.contains_key("patternProperties");
        if is_open {
            return true;
        }
        if let Some(Value::Object(members)) = schema.get("properties") {
            self.known.extend(members.keys().cloned());
        }
        let mut parts: Vec<&Value> = Vec::new();
        for keyword in ["allOf", "anyOf", "oneOf"] {
            parts.extend(
                schema
                    .get(keyword)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten(),
            );
        }
        for keyword in ["if", "then", "else", "not"] {
            parts.extend(schema.get(keyword));
        }
        if let Some(Value::Object(dependent)) = schema.get("dependentSchemas") {
            parts.extend(dependent.values());
        }
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str)
            && seen.insert(pointer)
        {
            let target = pointer.strip_prefix('#');
            parts.extend(target.and_then(|pointer| root.pointer(pointer)));
        }
        parts.into_iter().any(|part| self.add(root, part, seen))
    }

    pub(super) fn have(&self, name: &str) -> bool {
        self.any || self.known.contains(name)
    }
}

/// A member that the schema does not show.
#[derive(Debug)]
pub(super) struct Stranger {
    pub(super) name: String,
    /// Where its value is in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where it is in the value.
    pub(super) pointer: String,
}

/// Those that the type reads under a name of its own, of which the schema says nothing.
pub(super) fn aliases(json: &str, mut strangers: Vec<Stranger>, reads: Reads<'_>) -> Vec<Stranger> {
    strangers.sort_by_key(|stranger| stranger.start);
    strangers.dedup_by_key(|stranger| stranger.start);
    if reads(&doubled(json, &strangers)) {
        return Vec::new();
    }
    strangers.truncate(MOST);
    let are_alone = strangers.len() == 1;
    strangers
        .retain(|stranger| are_alone || !reads(&doubled(json, std::slice::from_ref(stranger))));
    strangers
}

/// The text, with each of the members given twice.
fn doubled(json: &str, strangers: &[Stranger]) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut written = 0;
    for stranger in strangers {
        text.push_str(&json[written..stranger.end]);
        text.push(',');
        text.push_str(&Value::from(stranger.name.as_str()).to_string());
        text.push(':');
        text.push_str(&json[stranger.start..stranger.end]);
        written = stranger.end;
    }
    text.push_str(&json[written..]);
    text
}

impl From<Stranger> for Finding {
    fn from(stranger: Stranger) -> Self {
        Self {
            pointer: stranger.pointer,
            code: ArgumentErrorCode::Unknown,
            detail: format!(
                "`{}` is another name of a member, which the schema does not show, so that nothing it says would be checked: send the one that it shows",
                stranger.name.chars().take(100).collect::<String>()
            ),
        }
    }
}
