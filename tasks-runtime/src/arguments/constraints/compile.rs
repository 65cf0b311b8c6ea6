//! From a schema to what is checked of a value beyond its type.

mod alternatives;
mod asks;
mod bounds;
mod mode;

use std::collections::HashMap;

use serde_json::{Map, Value};

use self::asks::{asks, prune};
use self::mode::Mode;
use super::format::Format;
use super::keywords::allowed_values;
use super::names::Names;
use super::node::{Conditions, Length, List, Node, NodeId, Object, Values};
use super::pattern::Pattern;
use super::types::Types;

/// The nodes of a schema, of which the first is that of the whole; none if nothing is to be checked. And what of the schema cannot be used.
pub(super) fn compile(root: &Value) -> (Vec<Node>, Vec<String>) {
    let mut compiler = Compiler {
        root,
        nodes: Vec::new(),
        known: HashMap::new(),
        problems: Vec::new(),
    };
    compiler.node(root, Mode::READ);
    compiler.nodes[0].names = Some(Names::of(root, root));
    let Compiler {
        mut nodes,
        problems,
        ..
    } = compiler;
    if prune(&mut nodes) {
        (nodes, problems)
    } else {
        (Vec::new(), problems)
    }
}

/// Formats of JSON Schema (Validation, section 7.3) that are not enforced. Others are those of types, which enforce them.
const NOT_ENFORCED: [&str; 6] = [
    "idn-email",
    "idn-hostname",
    "iri",
    "iri-reference",
    "relative-json-pointer",
    "uri-template",
];

struct Compiler<'s> {
    root: &'s Value,
    nodes: Vec<Node>,
    /// The nodes of references, which may lead in a circle.
    known: HashMap<(&'s str, Mode), NodeId>,
    problems: Vec<String>,
}

impl<'s> Compiler<'s> {
    fn node(&mut self, schema: &'s Value, mode: Mode) -> NodeId {
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        let node = match schema {
            Value::Object(schema) => self.object_schema(schema, mode),
            Value::Bool(false) => Node {
                types: Some(Types::NONE),
                decides: mode.decides(),
                ..Node::default()
            },
            _ => Node::default(),
        };
        self.nodes[id] = node;
        id
    }

    /// A schema inside of another one.
    fn inner(&mut self, schema: &'s Value, mode: Mode) -> Option<NodeId> {
        let is_plain = match schema {
            Value::Bool(anything) => *anything,
            Value::Object(schema) => schema.is_empty(),
            _ => true,
        };
        (!is_plain).then(|| self.node(schema, mode.inside(false)))
    }

    /// The schema of a value inside.
    fn value(&mut self, schema: &'s Value, mode: Mode) -> Option<NodeId> {
        let id = self.inner(schema, mode)?;
        if mode != Mode::Condition {
            self.nodes[id].names = Some(Names::of(self.root, schema));
        }
        Some(id)
    }

    fn condition(&mut self, schema: Option<&'s Value>) -> Option<NodeId> {
        schema.map(|schema| self.node(schema, Mode::Condition))
    }

    fn reference(&mut self, pointer: &'s str, mode: Mode) -> Option<NodeId> {
        let mode = mode.inside(true);
        if let Some(id) = self.known.get(&(pointer, mode)) {
            return Some(*id);
        }
        let target = self.root.pointer(pointer.strip_prefix('#')?)?;
        // Where the next node will be: a reference to itself finds it there.
        self.known.insert((pointer, mode), self.nodes.len());
        Some(self.node(target, mode))
    }

    fn object_schema(&mut self, schema: &'s Map<String, Value>, mode: Mode) -> Node {
        let mut node = Node {
            types: Types::of(schema.get("type")),
            decides: mode.decides(),
            ..Node::default()
        };
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            node.all.extend(self.reference(pointer, mode));
        }
        for part in array(schema, "allOf") {
            node.all.extend(self.inner(part, mode));
        }
        self.numbers(schema, mode, &mut node);
        self.strings(schema, mode, &mut node);
        if let Some((values, are_of_type)) = values(schema, mode) {
            node.asks |= !are_of_type;
            node.values = Some(Values::new(values));
        }
        node.list = self.list(schema, mode);
        node.object = self.object(schema, mode);
        self.alternatives(schema, mode, &mut node);
        node.conditions = Conditions {
            not: self.condition(schema.get("not")),
            when: self.condition(schema.get("if")),
            then: self.condition(schema.get("then")),
            otherwise: self.condition(schema.get("else")),
        };
        node.asks |= asks(&node, schema, mode);
        node
    }

    fn strings(&mut self, schema: &Map<String, Value>, mode: Mode, node: &mut Node) {
        node.length = self.length(schema, ["minLength", "maxLength"], mode);
        if let Some(text) = schema.get("pattern").and_then(Value::as_str) {
            node.pattern = self.pattern(text);
        }
        let format = schema.get("format").and_then(Value::as_str);
        node.format = format.and_then(Format::of);
        if let Some(name) = format.filter(|name| NOT_ENFORCED.contains(name)) {
            self.problems.push(format!(
                "the format `{name}` is not enforced, and clients would rely on it: use a pattern"
            ));
        }
    }

    /// A length; it is a problem if nothing has it.
    fn length(&mut self, schema: &Map<String, Value>, [min, max]: [&str; 2], mode: Mode) -> Length {
        let length = length(schema, min, max);
        if let (Some(least), Some(most), Mode::Read { .. }) = (length.min, length.max, mode)
            && least > most
        {
            self.problems
                .push(format!("nothing has a length from {least} to {most}"));
        }
        length
    }

    fn pattern(&mut self, text: &str) -> Option<Pattern> {
        match Pattern::new(text) {
            Ok(pattern) => Some(pattern),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn list(&mut self, schema: &'s Map<String, Value>, mode: Mode) -> List {
        let first = array(schema, "prefixItems");
        let count = self.length(schema, ["minItems", "maxItems"], mode);
        let contains = self.condition(schema.get("contains")).map(|node| {
            let mut count = length(schema, "minContains", "maxContains");
            if !schema.contains_key("minContains") {
                count.min = Some(1);
            }
            (node, count)
        });
        List {
            length: count,
            unique: schema.get("uniqueItems").and_then(Value::as_bool) == Some(true),
            first: first.iter().map(|item| self.value(item, mode)).collect(),
            items: schema
                .get("items")
                .and_then(|items| self.value(items, mode)),
            contains,
        }
    }

    fn object(&mut self, schema: &'s Map<String, Value>, mode: Mode) -> Object {
        let entries = |keyword: &str| {
            let map = schema.get(keyword).and_then(Value::as_object);
            map.into_iter().flatten()
        };
        let members = entries("properties")
            .map(|(name, schema)| (name.clone(), self.value(schema, mode)))
            .collect();
        let mut patterns = Vec::new();
        for (pattern, schema) in entries("patternProperties") {
            let node = self.value(schema, mode);
            patterns.extend(self.pattern(pattern).map(|pattern| (pattern, node)));
        }
        let mut dependent = Vec::new();
        for (name, others) in entries("dependentRequired") {
            dependent.push((name.clone(), texts(Some(others))));
        }
        let mut dependent_nodes = Vec::new();
        for (name, schema) in entries("dependentSchemas") {
            dependent_nodes.push((name.clone(), self.node(schema, Mode::Condition)));
        }
        Object {
            length: self.length(schema, ["minProperties", "maxProperties"], mode),
            members,
            patterns,
            others: schema
                .get("additionalProperties")
                .filter(|others| others.is_object())
                .and_then(|schema| self.value(schema, mode)),
            closed: schema.get("additionalProperties") == Some(&Value::Bool(false)),
            required: texts(schema.get("required")),
            names: self.condition(schema.get("propertyNames")),
            dependent,
            dependent_nodes,
        }
    }
}

/// `enum` and `const`, and whether they are the names of the variants of a type.
fn values(schema: &Map<String, Value>, mode: Mode) -> Option<(Vec<Value>, bool)> {
    let values = allowed_values(schema)?;
    let are_of_type = match mode {
        Mode::Condition => false,
        Mode::Read { definition, .. } => {
            let are_names = values
                .iter()
                .all(|value| value.is_string() || value.is_null());
            are_names && (definition || schema.contains_key("const"))
        }
    };
    Some((values.to_vec(), are_of_type))
}

fn array<'s>(schema: &'s Map<String, Value>, keyword: &str) -> &'s [Value] {
    let list = schema.get(keyword).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn length(schema: &Map<String, Value>, min: &str, max: &str) -> Length {
    let count = |keyword: &str| {
        let number = schema.get(keyword)?;
        let count = match number.as_u64() {
            Some(count) => count,
            // `1.0` is an integer, too.
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "lengths are small"
            )]
            None => number.as_f64().filter(|number| *number >= 0.0)? as u64,
        };
        Some(usize::try_from(count).unwrap_or(usize::MAX))
    };
    Length {
        min: count(min).filter(|min| *min > 0),
        max: count(max),
    }
}
