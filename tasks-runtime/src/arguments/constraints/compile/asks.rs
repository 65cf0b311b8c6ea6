//! Which nodes ask more of a value than its type does; the others are taken away.

use serde_json::{Map, Value};

use super::mode::Mode;
use crate::arguments::constraints::node::{List, Node, NodeId};

/// Whether a node says more than a type of Rust enforces, beside bounds of numbers and values.
pub(super) fn asks(node: &Node, schema: &Map<String, Value>, mode: Mode) -> bool {
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

/// Takes away what checks nothing beyond what types do. Whether the first node is left.
pub(super) fn prune(nodes: &mut [Node]) -> bool {
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
