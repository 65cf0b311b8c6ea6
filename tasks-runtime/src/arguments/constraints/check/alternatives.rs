//! Checks a value by the alternatives of a schema: `anyOf` and `oneOf`.

use std::borrow::Cow;
use std::cmp::Reverse;

use serde_json::Value;

use super::{Check, quoted};
use crate::arguments::code::ArgumentErrorCode as Code;
use crate::arguments::constraints::equality::are_equal;
use crate::arguments::constraints::node::{Alternative, Alternatives, Choices, Head, NodeId};
use crate::arguments::constraints::path::Path;
use crate::arguments::constraints::types::Types;
use crate::arguments::json_kind::Kind;
use crate::arguments::members::members;

impl Check<'_> {
    /// Checks a value by the one alternative that it can be. Of several it keeps one.
    pub(super) fn alternatives(
        &mut self,
        list: &Alternatives,
        kind: Kind,
        json: &str,
        at: &Path<'_>,
    ) {
        let given = match kind {
            Kind::Object => members(json).unwrap_or_default(),
            _ => Vec::new(),
        };
        let fitting: Vec<&Alternative> = list
            .all
            .iter()
            .filter(|alternative| fits(&alternative.head, json, kind, &given))
            .collect();
        // What alternatives say beside their heads.
        let nodes = || fitting.iter().map(|alternative| alternative.node);
        match fitting.as_slice() {
            [] => self.none_fits(list, json, at),
            [only] => {
                if let Some(node) = only.node {
                    self.node(node, json, at);
                }
            }
            _ => {
                let enough = if list.exactly_one { 2 } else { 1 };
                let kept: Vec<Option<NodeId>> = nodes()
                    .filter(|node| node.is_none_or(|node| self.is_valid(node, json)))
                    .take(enough)
                    .collect();
                match kept.as_slice() {
                    [] => {
                        // What is wrong is said of the one that the value is most like.
                        let likeness = |one: &&Alternative| {
                            let head = &one.head;
                            Reverse(head.tags.len() + usize::from(head.types.is_some()))
                        };
                        let nearest = fitting.iter().copied().min_by_key(likeness);
                        if let Some(node) = nearest.and_then(|one| one.node) {
                            self.node(node, json, at);
                        }
                    }
                    // Once more, for the members that it does not show.
                    [Some(node)] => self.node(*node, json, at),
                    [_, _] => self.report(at, Code::Invalid, || {
                        format!(
                            "`{}` is more than one of what the schema shows",
                            quoted(json)
                        )
                    }),
                    _ => {}
                }
            }
        }
    }

    /// Says that a value is no alternative; of an `Option`, what is wrong with the type inside.
    fn none_fits(&mut self, list: &Alternatives, json: &str, at: &Path<'_>) {
        let is_null = |one: &&Alternative| one.head.types == Some(Types::NULL);
        let mut others = list.all.iter().filter(|one| !is_null(one));
        if let (
            Some(Alternative {
                node: Some(node), ..
            }),
            None,
        ) = (others.next(), others.next())
        {
            self.node(*node, json, at);
            return;
        }
        self.report(at, Code::Invalid, || {
            format!("`{}` is none of what the schema shows", quoted(json))
        });
    }

    /// Checks a value by alternatives that are conditions.
    pub(super) fn choices(&mut self, choices: &Choices, json: &str, at: &Path<'_>) {
        let enough = if choices.exactly_one { 2 } else { 1 };
        let mut kept = 0;
        for node in &choices.nodes {
            if self.is_valid(*node, json) {
                kept += 1;
            }
            if kept == enough {
                break;
            }
        }
        match (kept, choices.exactly_one) {
            (1, _) => {}
            (0, _) => self.report(at, Code::Invalid, || {
                format!("`{}` is none of what the schema allows", quoted(json))
            }),
            _ => self.report(at, Code::Invalid, || {
                format!(
                    "`{}` is more than one of what the schema allows one of",
                    quoted(json)
                )
            }),
        }
    }
}

/// Whether a value can be of an alternative.
fn fits(head: &Head, json: &str, kind: Kind, given: &[(Cow<'_, str>, &str)]) -> bool {
    if head.types.is_some_and(|types| !types.allow(json)) {
        return false;
    }
    let is = |value: &Value, json: &str| {
        serde_json::from_str::<Value>(json).is_ok_and(|given| are_equal(value, &given))
    };
    if let Some(values) = &head.values
        && !values.iter().any(|value| is(value, json))
    {
        return false;
    }
    let get = |name: &str| {
        let found = given.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| *value)
    };
    let tags_fit = head
        .tags
        .iter()
        .all(|(name, tag)| get(name).is_none_or(|value| is(tag, value)));
    kind != Kind::Object || tags_fit && head.required.iter().all(|name| get(name).is_some())
}
