//! What a schema says of a value beyond its type: ranges, lengths, patterns, formats.
//!
//! It is compiled once for each parameter, and checked on the text of a value that was read: without a tree of it, and not at all
//! where a schema says nothing that the type does not enforce by itself.

mod check;
mod compile;
mod equality;
mod expression;
mod format;
mod keywords;
mod names;
mod node;
mod number;
mod path;
mod pattern;
mod scalar;
mod schema_problems;
mod search;
mod types;

use serde_json::Value;

use self::check::Check;
pub(super) use self::names::Reads;
use self::node::Node;
use self::scalar::scalar_holds;
use self::search::{Found, Searches};
use super::finding::Finding;

/// The constraints of a schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Constraints {
    nodes: Vec<Node>,
}

impl Constraints {
    /// Those of a schema that stands alone, and what of it cannot be used.
    pub(super) fn of(schema: &Value) -> (Self, Vec<String>) {
        let (nodes, mut problems) = compile::compile(schema);
        problems.extend(schema_problems::problems(schema));
        (Self { nodes }, problems)
    }

    /// Whether there are none.
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether a value, in JSON without white space around it, keeps them.
    #[inline(always)]
    pub(super) fn hold(&self, json: &str, reads: Reads<'_>) -> bool {
        match self.nodes.first() {
            None => true,
            Some(node) if node.is_scalar => scalar_holds(node, json, |pattern, text| {
                Searches::new().find(pattern, text) == Found::Yes
            }),
            Some(_) => Check::holds(&self.nodes, json, reads),
        }
    }

    /// All that a value, in JSON without white space around it, breaks.
    pub(super) fn broken(&self, json: &str, reads: Reads<'_>) -> Vec<Finding> {
        if self.nodes.is_empty() {
            return Vec::new();
        }
        Check::all(&self.nodes, json, reads)
    }
}
