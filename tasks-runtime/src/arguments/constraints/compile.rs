//! From a schema to what is checked of a value beyond its type.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::format::Format;
use super::names::Names;
use super::node::{
    Alternative, Alternatives, Bound, Choices, Conditions, Head, Length, List, Node, NodeId,
    Object, Values,
};
use super::number::{Given, Number};
use super::pattern::Pattern;
use super::types::Types;
use crate::arguments::schema_types::range;

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

/// What else is known of the value of a schema.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mode {
    /// A type of Rust reads it, and refuses most that is of another shape.
    Read {
        /// Whether the type has a name of its own.
        definition: bool,
        /// Whether it is one of several types, which are told apart by all that their schemas say.
        decides: bool,
    },
    /// Nothing else looks at it.
    Condition,
}

impl Mode {
    const READ: Self = Self::Read {
        definition: false,
        decides: false,
    };

    fn decides(self) -> bool {
        match self {
            Self::Read { decides, .. } => decides,
            Self::Condition => true,
        }
    }

    /// That of a part, which is a type with a name or none.
    fn inside(self, definition: bool) -> Self {
        match self {
            Self::Read { decides, .. } => Self::Read {
                definition,
                decides,
            },
            Self::Condition => self,
        }
    }

    /// That of one alternative.
    fn deciding(self) -> Self {
        match self {
            Self::Read { .. } => Self::Read {
                definition: false,
                decides: true,
            },
            Self::Condition => self,
        }
    }
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
        node.conditions = Conditions {
            not: self.condition(schema.get("not")),
            when: self.condition(schema.get("if")),
            then: self.condition(schema.get("then")),
            otherwise: self.condition(schema.get("else")),
        };
        node.asks |= asks(&node, schema, mode);
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
        if let (Some(least), Some(most), Mode::Read { .. }) = (&node.minimum, &node.maximum, mode) {
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
        let is_of_type = |bound: &Bound, (least, most): (i128, i128), inside: Ordering| {
            let limit = if inside == Ordering::Less {
                least
            } else {
                most
            };
            let order = bound.number.compare(&Given::of(&limit.to_string()));
            order == Some(inside.reverse()) || order == Some(Ordering::Equal) && !bound.exclusive
        };
        for (bound, inside) in [
            (&mut node.minimum, Ordering::Less),
            (&mut node.maximum, Ordering::Greater),
        ] {
            let says_more = bound.as_ref().is_some_and(|bound| {
                of_type.is_none_or(|limits| !is_of_type(bound, limits, inside))
            });
            node.asks |= says_more;
            if !says_more && !mode.decides() {
                *bound = None;
            }
        }
        node.is_f32 = schema.get("format").and_then(Value::as_str) == Some("float");
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
                head.values = match (schema.get("const"), schema.get("enum")) {
                    (Some(value), _) => Some(vec![value.clone()]),
                    (None, Some(Value::Array(values))) => Some(values.clone()),
                    _ => None,
                };
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

/// `enum` and `const`, and whether they are the names of the variants of a type.
fn values(schema: &Map<String, Value>, mode: Mode) -> Option<(Vec<Value>, bool)> {
    let values = match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => vec![value.clone()],
        (None, Some(Value::Array(values))) => values.clone(),
        _ => return None,
    };
    let are_of_type = match mode {
        Mode::Condition => false,
        Mode::Read { definition, .. } => {
            let are_names = values
                .iter()
                .all(|value| value.is_string() || value.is_null());
            are_names && (definition || schema.contains_key("const"))
        }
    };
    Some((values, are_of_type))
}

/// Whether a node says more than a type of Rust enforces, beside bounds of numbers and values.
fn asks(node: &Node, schema: &Map<String, Value>, mode: Mode) -> bool {
    /// How schemars spells the keys of a map that are numbers.
    const NUMBERS: [&str; 2] = [r"^\d+$", r"^-?\d+$"];
    let List {
        length,
        unique,
        first,
        contains,
        ..
    } = &node.list;
    let is_tuple = length.min == Some(first.len()) && length.max == length.min;
    let object = &node.object;
    let names_are_limited = object.closed
        && object
            .patterns
            .iter()
            .any(|(pattern, _)| !NUMBERS.contains(&pattern.text.as_str()));
    mode == Mode::Condition && (node.types.is_some() || schema.contains_key("required"))
        || node.multiple_of.is_some()
        || !node.length.is_any()
        || node.pattern.is_some()
        || node.format.is_some()
        || !length.is_any() && !is_tuple
        || *unique
        || contains.is_some()
        || !object.length.is_any()
        || names_are_limited
        || object.names.is_some()
        || !object.dependent.is_empty()
        || !object.dependent_nodes.is_empty()
        || !node.choices.is_empty()
        || node.conditions.not.is_some()
        || node.conditions.when.is_some()
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

/// Takes away what checks nothing beyond what types do. Whether the first node is left.
fn prune(nodes: &mut [Node]) -> bool {
    let mut asks: Vec<bool> = nodes.iter().map(|node| node.asks).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for (id, node) in nodes.iter_mut().enumerate() {
            if asks[id] {
                continue;
            }
            let mut any = false;
            node.children(|child| any |= child.is_some_and(|child| asks[child]));
            if any {
                asks[id] = true;
                changed = true;
            }
        }
    }
    let decides: Vec<bool> = nodes.iter().map(|node| node.decides).collect();
    for node in nodes.iter_mut() {
        let is_asked = |id: NodeId| asks[id] || decides[id];
        if !node.decides {
            node.alternatives.retain(|alternatives| {
                let mut nodes = alternatives.all.iter().filter_map(|one| one.node);
                nodes.any(|node| asks[node])
            });
        }
        node.children(|child| *child = child.filter(|child| is_asked(*child)));
        node.set_scalar();
    }
    asks.first().copied().unwrap_or(false)
}
