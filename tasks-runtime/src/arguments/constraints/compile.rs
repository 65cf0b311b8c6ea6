//! From a schema to what is checked of a value beyond its type.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::format::Format;
use super::node::{
    Alternative, Bound, Choices, Conditions, Head, Length, List, Node, NodeId, Object, Shape,
    Values,
};
use super::number::{Given, Number};
use super::pattern::Pattern;
use crate::arguments::schema_check::{range, types};

/// The nodes of a schema, of which the first is that of the whole; none if nothing is to be checked. And what of the schema cannot be used.
pub(super) fn compile(root: &Value) -> (Vec<Node>, Vec<String>) {
    let mut compiler = Compiler {
        root,
        nodes: Vec::new(),
        known: HashMap::new(),
        problems: Vec::new(),
    };
    compiler.node(root, Mode::Typed { definition: false });
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

/// What else is known of the value of a schema.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mode {
    /// A type of Rust reads it, and refuses what is of another shape. The values of a string are left to a type with a name: it may
    /// know others, by an alias.
    Typed { definition: bool },
    /// Nothing else looks at it.
    Condition,
}

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
            Value::Bool(false) if mode == Mode::Condition => Node {
                shape: Some(Shape {
                    nothing: true,
                    ..Shape::default()
                }),
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
            Value::Bool(anything) => *anything || mode != Mode::Condition,
            Value::Object(schema) => schema.is_empty(),
            _ => true,
        };
        let mode = match mode {
            Mode::Typed { .. } => Mode::Typed { definition: false },
            Mode::Condition => mode,
        };
        (!is_plain).then(|| self.node(schema, mode))
    }

    fn condition(&mut self, schema: Option<&'s Value>) -> Option<NodeId> {
        schema.map(|schema| self.node(schema, Mode::Condition))
    }

    fn reference(&mut self, pointer: &'s str, mode: Mode) -> Option<NodeId> {
        let mode = match mode {
            Mode::Typed { .. } => Mode::Typed { definition: true },
            Mode::Condition => mode,
        };
        if let Some(id) = self.known.get(&(pointer, mode)) {
            return Some(*id);
        }
        let target = self.root.pointer(pointer.strip_prefix('#')?)?;
        // Where the next node will be: a reference to itself finds it there.
        self.known.insert((pointer, mode), self.nodes.len());
        Some(self.node(target, mode))
    }

    fn object_schema(&mut self, schema: &'s Map<String, Value>, mode: Mode) -> Node {
        let mut node = Node::default();
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            node.all.extend(self.reference(pointer, mode));
        }
        for part in array(schema, "allOf") {
            node.all.extend(self.inner(part, mode));
        }
        self.numbers(schema, mode, &mut node);
        self.strings(schema, mode, &mut node);
        node.values = values(schema, mode).map(Values::new);
        node.list = self.list(schema, mode);
        node.object = self.object(schema, mode);
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
            let alternatives = alternatives
                .iter()
                .map(|schema| Alternative {
                    head: self.head(schema),
                    node: self.inner(schema, mode),
                })
                .collect();
            node.alternatives.push(alternatives);
        }
        node.conditions = Conditions {
            not: self.condition(schema.get("not")),
            when: self.condition(schema.get("if")),
            then: self.condition(schema.get("then")),
            otherwise: self.condition(schema.get("else")),
        };
        if mode == Mode::Condition {
            node.shape = shape(schema);
        }
        node
    }

    fn numbers(&mut self, schema: &Map<String, Value>, mode: Mode, node: &mut Node) {
        let of_type = schema
            .get("format")
            .and_then(Value::as_str)
            .and_then(range)
            .map(|(_, least, most)| (least, most));
        let bound = |keyword: &str, exclusive: bool| {
            let text = schema.get(keyword)?.as_number()?.to_string();
            let number = Number::of(&text)?;
            Some(Bound { number, exclusive })
        };
        // Of two bounds the one that leaves less.
        let stricter = |exclusive: Option<Bound>, plain: Option<Bound>, looser: Ordering| match (
            exclusive, plain,
        ) {
            (Some(exclusive), Some(plain)) => {
                let order = exclusive.number.compare(&Given::of(&plain.number.text));
                let of_both = if order.is_none_or(|order| order == looser || order.is_eq()) {
                    exclusive
                } else {
                    plain
                };
                Some(of_both)
            }
            (exclusive, plain) => exclusive.or(plain),
        };
        node.minimum = stricter(
            bound("exclusiveMinimum", true),
            bound("minimum", false),
            Ordering::Less,
        );
        node.maximum = stricter(
            bound("exclusiveMaximum", true),
            bound("maximum", false),
            Ordering::Greater,
        );
        if let (Some(least), Some(most), Mode::Typed { .. }) = (&node.minimum, &node.maximum, mode)
        {
            let order = least.number.compare(&Given::of(&most.number.text));
            let is_open = least.exclusive || most.exclusive;
            if order == Some(Ordering::Less) || is_open && order == Some(Ordering::Equal) {
                self.problems.push(format!(
                    "no number is in the range from {} to {}",
                    least.number.text, most.number.text
                ));
            }
        }
        // What the type of Rust refuses by itself.
        if let Some((least, most)) = of_type {
            let within = |bound: &Bound, limit: i128| {
                let order = bound.number.compare(&Given::of(&limit.to_string()));
                (order, bound.exclusive)
            };
            node.minimum = node.minimum.take().filter(|bound| {
                !matches!(
                    within(bound, least),
                    (Some(Ordering::Greater), _) | (Some(Ordering::Equal), false)
                )
            });
            node.maximum = node.maximum.take().filter(|bound| {
                !matches!(
                    within(bound, most),
                    (Some(Ordering::Less), _) | (Some(Ordering::Equal), false)
                )
            });
        }
        node.multiple_of = schema
            .get("multipleOf")
            .and_then(Value::as_number)
            .and_then(|number| Number::of(&number.to_string()));
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
        if let (Some(least), Some(most), Mode::Typed { .. }) = (length.min, length.max, mode)
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
        let mut count = self.length(schema, ["minItems", "maxItems"], mode);
        // A tuple of Rust.
        if mode != Mode::Condition && count.min == Some(first.len()) && count.max == count.min {
            count = Length::default();
        }
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
            first: first.iter().map(|item| self.inner(item, mode)).collect(),
            items: schema
                .get("items")
                .and_then(|items| self.inner(items, mode)),
            contains,
        }
    }

    fn object(&mut self, schema: &'s Map<String, Value>, mode: Mode) -> Object {
        let entries = |keyword: &str| {
            let map = schema.get(keyword).and_then(Value::as_object);
            map.into_iter().flatten()
        };
        let members = entries("properties")
            .map(|(name, schema)| (name.clone(), self.inner(schema, mode)))
            .collect();
        let mut patterns = Vec::new();
        for (pattern, schema) in entries("patternProperties") {
            let node = self.inner(schema, mode);
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
                .and_then(|schema| self.inner(schema, mode)),
            names: self.condition(schema.get("propertyNames")),
            dependent,
            dependent_nodes,
        }
    }

    fn head(&self, schema: &Value) -> Head {
        let mut schema = schema;
        // Enough for what types refer to; more than that is a circle.
        for _ in 0..16 {
            let target = schema.get("$ref").and_then(Value::as_str);
            match target.and_then(|target| self.root.pointer(target.strip_prefix('#')?)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let tags = properties
            .into_iter()
            .flatten()
            .filter_map(|(name, schema)| {
                schema
                    .get("const")
                    .map(|value| (name.clone(), value.clone()))
            });
        Head {
            types: types(schema).into_iter().map(str::to_owned).collect(),
            tags: tags.collect(),
            required: texts(schema.get("required")),
            values: match (schema.get("const"), schema.get("enum")) {
                (Some(value), _) => Some(vec![value.clone()]),
                (None, Some(Value::Array(values))) => Some(values.clone()),
                _ => None,
            },
        }
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

/// `enum` and `const`.
fn values(schema: &Map<String, Value>, mode: Mode) -> Option<Vec<Value>> {
    let values = match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => vec![value.clone()],
        (None, Some(Value::Array(values))) => values.clone(),
        _ => return None,
    };
    let left_to_type = match mode {
        Mode::Condition => false,
        Mode::Typed { definition } => {
            let are_names = values
                .iter()
                .all(|value| value.is_string() || value.is_null());
            are_names && (definition || schema.contains_key("const"))
        }
    };
    (!left_to_type).then_some(values)
}

fn shape(schema: &Map<String, Value>) -> Option<Shape> {
    let shape = Shape {
        nothing: false,
        types: match schema.get("type") {
            Some(Value::String(name)) => vec![name.clone()],
            names => texts(names),
        },
        required: texts(schema.get("required")),
        closed: schema.get("additionalProperties") == Some(&Value::Bool(false)),
    };
    let says_nothing = shape.types.is_empty() && shape.required.is_empty() && !shape.closed;
    (!says_nothing).then_some(shape)
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

/// Takes away what checks nothing. Whether the first node is left.
fn prune(nodes: &mut [Node]) -> bool {
    let mut active: Vec<bool> = nodes.iter().map(Node::is_active).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for (id, node) in nodes.iter_mut().enumerate() {
            if active[id] {
                continue;
            }
            let mut any = false;
            node.children(|child| any |= child.is_some_and(|child| active[child]));
            if any {
                active[id] = true;
                changed = true;
            }
        }
    }
    for node in nodes.iter_mut() {
        node.children(|child| *child = child.filter(|child| active[*child]));
        node.alternatives
            .retain(|list| list.iter().any(|alternative| alternative.node.is_some()));
        node.set_scalar();
    }
    active.first().copied().unwrap_or(false)
}
