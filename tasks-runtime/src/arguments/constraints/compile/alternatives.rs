//! The alternatives of a schema: `anyOf` and `oneOf`.

use serde_json::{Map, Value};

use super::mode::Mode;
use super::{Compiler, array, texts};
use crate::arguments::constraints::keywords::allowed_values;
use crate::arguments::constraints::node::{Alternative, Alternatives, Choices, Head, Node};
use crate::arguments::constraints::types::Types;

impl<'s> Compiler<'s> {
    pub(super) fn alternatives(
        &mut self,
        schema: &'s Map<String, Value>,
        mode: Mode,
        node: &mut Node,
    ) {
        for keyword in ["anyOf", "oneOf"] {
            let alternatives = array(schema, keyword);
            if alternatives.is_empty() {
                continue;
            }
            if mode == Mode::Condition || alternatives.iter().all(is_condition) {
                node.choices.push(Choices {
                    nodes: alternatives
                        .iter()
                        .map(|schema| self.node(schema, Mode::Condition))
                        .collect(),
                    exactly_one: keyword == "oneOf",
                });
                continue;
            }
            let all = alternatives
                .iter()
                .map(|schema| Alternative {
                    head: self.head(schema),
                    node: self.inner(schema, mode.deciding()),
                })
                .collect();
            node.alternatives.push(Alternatives {
                all,
                exactly_one: keyword == "oneOf",
            });
        }
    }

    /// By what values of a schema are told from others, in it and in what it refers to.
    fn head(&self, schema: &Value) -> Head {
        let mut head = Head::default();
        let mut schema = schema;
        // Enough for what types refer to; more than that is a circle.
        for _ in 0..16 {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, schema) in properties.into_iter().flatten() {
                if let Some(value) = schema.get("const") {
                    head.tags.push((name.clone(), value.clone()));
                }
            }
            head.required.extend(texts(schema.get("required")));
            head.types = head.types.or(Types::of(schema.get("type")));
            if head.values.is_none() {
                let values = schema.as_object().and_then(allowed_values);
                head.values = values.map(<[Value]>::to_vec);
            }
            let target = schema.get("$ref").and_then(Value::as_str);
            match target.and_then(|target| self.root.pointer(target.strip_prefix('#')?)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        head
    }
}

/// Whether an alternative is no type of Rust: it only asks something of a value that has one.
fn is_condition(schema: &Value) -> bool {
    let of_types = [
        "type",
        "$ref",
        "properties",
        "enum",
        "const",
        "items",
        "anyOf",
        "oneOf",
    ];
    let keywords = schema.as_object();
    keywords.is_some_and(|schema| {
        !schema.is_empty() && !of_types.iter().any(|keyword| schema.contains_key(*keyword))
    })
}
