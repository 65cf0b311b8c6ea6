//! What is checked of one value, with references to what is checked inside it.

use serde_json::Value;

use super::format::Format;
use super::names::Names;
use super::number::Number;
use super::pattern::Pattern;
use super::types::Types;

/// Which node of the list of all.
pub(super) type NodeId = usize;

/// What is checked of one value.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Whether it says more of its value, by itself, than a type of Rust enforces.
    pub(super) asks: bool,
    /// Whether it decides between alternatives, or within a condition: then the shape counts, which a type of Rust enforces elsewhere.
    pub(super) decides: bool,
    /// Whether it checks nothing but a number or a string by itself, and of which values it is one.
    pub(super) is_scalar: bool,
    /// The kinds of values that are allowed; `None` for all.
    pub(super) types: Option<Types>,
    /// The members of the value that the schema shows, where the schema of a value begins.
    pub(super) names: Option<Names>,
    /// What else the same value has to keep: `$ref` and `allOf`.
    pub(super) all: Vec<NodeId>,
    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) multiple_of: Option<Number>,
    /// Whether numbers are rounded to what 32 bits hold when they are read.
    pub(super) is_f32: bool,
    /// Characters of a string.
    pub(super) length: Length,
    pub(super) pattern: Option<Pattern>,
    pub(super) format: Option<Format>,
    pub(super) values: Option<Values>,
    pub(super) list: List,
    pub(super) object: Object,
    /// `anyOf` and `oneOf` of a type, which chooses by itself.
    pub(super) alternatives: Vec<Alternatives>,
    /// `anyOf` and `oneOf` that nothing else looks at.
    pub(super) choices: Vec<Choices>,
    pub(super) conditions: Conditions,
}

/// The values that are allowed.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub(super) all: Vec<Value>,
    /// Those that are strings.
    pub(super) texts: Vec<String>,
}

impl Values {
    pub(super) fn new(all: Vec<Value>) -> Self {
        let texts = all.iter().filter_map(Value::as_str).map(str::to_owned);
        Self {
            texts: texts.collect(),
            all,
        }
    }

    pub(super) fn have_text(&self, text: &str) -> bool {
        self.texts.iter().any(|value| value == text)
    }
}

/// The least or the greatest number.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) number: Number,
    pub(super) exclusive: bool,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Length {
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
}

impl Length {
    pub(super) fn is_any(self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    /// Whether a string of so many bytes has a length that is allowed, whatever its characters are: they have one to four bytes.
    pub(super) fn is_sure(self, bytes: usize) -> bool {
        self.min.is_none_or(|min| bytes.div_ceil(4) >= min)
            && self.max.is_none_or(|max| bytes <= max)
    }

    pub(super) fn holds(self, count: usize) -> bool {
        self.min.is_none_or(|min| count >= min) && self.max.is_none_or(|max| count <= max)
    }
}

/// What is checked of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    pub(super) length: Length,
    pub(super) unique: bool,
    pub(super) first: Vec<Option<NodeId>>,
    pub(super) items: Option<NodeId>,
    pub(super) contains: Option<(NodeId, Length)>,
}

/// What is checked of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    pub(super) length: Length,
    /// What is known of members by name; those without a node are known, and nothing of them is checked.
    pub(super) members: Vec<(String, Option<NodeId>)>,
    pub(super) patterns: Vec<(Pattern, Option<NodeId>)>,
    pub(super) others: Option<NodeId>,
    /// Whether there are no members but those.
    pub(super) closed: bool,
    pub(super) required: Vec<String>,
    /// What is checked of each name, as a string.
    pub(super) names: Option<NodeId>,
    /// Members that ask for others.
    pub(super) dependent: Vec<(String, Vec<String>)>,
    /// Members that ask more of the whole object.
    pub(super) dependent_nodes: Vec<(String, NodeId)>,
}

/// What a value of an `enum`, an `Option` or the like can be.
#[derive(Clone, Debug)]
pub(super) struct Alternatives {
    pub(super) all: Vec<Alternative>,
    /// Whether it must be no other one.
    pub(super) exactly_one: bool,
}

/// One of several that a value can be.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    /// By what it is told from the others.
    pub(super) head: Head,
    pub(super) node: Option<NodeId>,
}

/// Schemas of which a value keeps one.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    pub(super) nodes: Vec<NodeId>,
    /// Whether it must keep no other one.
    pub(super) exactly_one: bool,
}

/// What tells a value of one alternative from those of the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) types: Option<Types>,
    /// Members that have one value.
    pub(super) tags: Vec<(String, Value)>,
    pub(super) required: Vec<String>,
    /// Whether the value itself is one of a few.
    pub(super) values: Option<Vec<Value>>,
}

/// `not`, and `if` with its consequences.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    pub(super) not: Option<NodeId>,
    pub(super) when: Option<NodeId>,
    pub(super) then: Option<NodeId>,
    pub(super) otherwise: Option<NodeId>,
}

impl Node {
    /// Finds out whether it checks nothing but a number or a string by itself, and of which values it is one.
    pub(super) fn set_scalar(&mut self) {
        let list = &self.list;
        let object = &self.object;
        self.is_scalar = self.all.is_empty()
            && list.length.is_any()
            && !list.unique
            && list.first.is_empty()
            && list.items.is_none()
            && list.contains.is_none()
            && object.length.is_any()
            && object.members.is_empty()
            && object.patterns.is_empty()
            && object.others.is_none()
            && object.names.is_none()
            && !object.closed
            && object.required.is_empty()
            && object.dependent.is_empty()
            && object.dependent_nodes.is_empty()
            && self.alternatives.is_empty()
            && self.choices.is_empty()
            && self.conditions.not.is_none()
            && self.conditions.when.is_none();
    }

    /// The nodes of the same value, and of those inside it, that are worth a visit only if they check anything.
    pub(super) fn children(&mut self, mut visit: impl FnMut(&mut Option<NodeId>)) {
        self.all.retain(|id| {
            let mut id = Some(*id);
            visit(&mut id);
            id.is_some()
        });
        let list = &mut self.list;
        list.first.iter_mut().for_each(&mut visit);
        visit(&mut list.items);
        let object = &mut self.object;
        for (_, node) in &mut object.members {
            visit(node);
        }
        for (_, node) in &mut object.patterns {
            visit(node);
        }
        visit(&mut object.others);
        for alternatives in &mut self.alternatives {
            for alternative in &mut alternatives.all {
                visit(&mut alternative.node);
            }
        }
    }
}
