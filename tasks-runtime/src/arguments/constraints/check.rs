//! Checks the text of a value.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::Value;

use super::equality::{are_equal, canonical};
use super::names::{Names, Reads, Stranger, aliases};
use super::node::{Alternative, Alternatives, Choices, Head, Length, Node, NodeId, Values};
use super::number::Given;
use super::path::Path;
use super::scalar::{as_f32, have, scalar_holds, text};
use super::search::{Found, Searches};
use super::types::Types;
use crate::arguments::code::ArgumentErrorCode as Code;
use crate::arguments::error::MAX_ERRORS;
use crate::arguments::finding::Finding;
use crate::arguments::json_kind::Kind;
use crate::arguments::members::members;
use crate::arguments::scanner::Scanner;

/// How many bytes are looked at in all levels of a value, and for all alternatives, together. A value that needs more is refused.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How many characters of a value are quoted.
const QUOTED: usize = 100;

/// Goes through one value.
pub(super) struct Check<'n> {
    nodes: &'n [Node],
    /// What was found; `None` if only the first thing counts, and not what it is.
    findings: Option<Vec<Finding>>,
    found: usize,
    budget: usize,
    searches: Searches,
    /// Where the text is in memory.
    whole: Range<usize>,
    /// What is known of parts of the text: whether one, by where it begins, keeps what a node says.
    known: Option<HashMap<(NodeId, usize), bool, foldhash::fast::RandomState>>,
    /// The members that the schema of the value shows which is looked at.
    names: Option<&'n Names>,
    /// Those that no schema shows.
    strangers: Vec<Stranger>,
}

impl<'n> Check<'n> {
    fn new(nodes: &'n [Node], json: &str, findings: Option<Vec<Finding>>) -> Self {
        let start = json.as_ptr() as usize;
        Self {
            nodes,
            findings,
            found: 0,
            budget: MAX_BYTES,
            searches: Searches::new(),
            whole: start..start + json.len(),
            known: None,
            names: None,
            strangers: Vec::new(),
        }
    }

    /// Whether a value keeps all constraints.
    #[inline(never)]
    pub(super) fn holds(nodes: &'n [Node], json: &str, reads: Reads<'_>) -> bool {
        let mut check = Self::new(nodes, json, None);
        check.node(0, json, &Path::Root);
        check.found == 0
            && (check.strangers.is_empty() || aliases(json, check.strangers, reads).is_empty())
    }

    /// All constraints that a value breaks.
    pub(super) fn all(nodes: &'n [Node], json: &str, reads: Reads<'_>) -> Vec<Finding> {
        let mut check = Self::new(nodes, json, Some(Vec::new()));
        check.node(0, json, &Path::Root);
        let mut findings = check.findings.unwrap_or_default();
        if !check.strangers.is_empty() {
            let aliases = aliases(json, check.strangers, reads);
            findings.extend(aliases.into_iter().map(Finding::from));
        }
        findings
    }

    fn report(&mut self, at: &Path<'_>, code: Code, detail: impl FnOnce() -> String) {
        self.found += 1;
        if let Some(findings) = &mut self.findings
            && findings.len() < MAX_ERRORS
        {
            let mut pointer = String::new();
            at.write(&mut pointer);
            findings.push(Finding {
                pointer,
                code,
                detail: detail(),
            });
        }
    }

    /// Whether there is nothing more to find out.
    fn is_done(&self) -> bool {
        match &self.findings {
            None => self.found > 0,
            Some(findings) => findings.len() >= MAX_ERRORS,
        }
    }

    /// Whether a value keeps what a node says, without a word about what is wrong. Each part of the text is asked once of each node: where
    /// alternatives nest, there would be twice as many questions with each level.
    fn is_valid(&mut self, node: NodeId, json: &str) -> bool {
        let key = (node, json.as_ptr() as usize);
        // Names of members are texts of their own, which do not stay where they are.
        let is_part = self.whole.contains(&key.1);
        if is_part && let Some(known) = self.known.as_ref().and_then(|known| known.get(&key)) {
            return *known;
        }
        let findings = self.findings.take();
        let found = std::mem::take(&mut self.found);
        let strangers = self.strangers.len();
        self.node(node, json, &Path::Root);
        let valid = self.found == 0;
        self.findings = findings;
        self.found = found;
        self.strangers.truncate(strangers);
        if is_part {
            self.known.get_or_insert_default().insert(key, valid);
        }
        valid
    }

    fn node(&mut self, id: NodeId, json: &str, at: &Path<'_>) {
        let nodes = self.nodes;
        let node = &nodes[id];
        // Most are this, and most hold.
        if node.is_scalar && self.scalar(node, json) || self.is_done() {
            return;
        }
        match self.budget.checked_sub(json.len()) {
            Some(rest) => self.budget = rest,
            None => {
                self.report(at, Code::Invalid, || {
                    "too large and too much nested to be checked".to_owned()
                });
                return;
            }
        }
        let outer = self.names;
        if let Some(names) = &node.names {
            self.names = Some(names);
        }
        self.whole_node(node, json, at);
        self.names = outer;
    }

    #[inline]
    fn scalar(&mut self, node: &Node, json: &str) -> bool {
        let searches = &mut self.searches;
        scalar_holds(node, json, |pattern, text| {
            searches.find(pattern, text) == Found::Yes
        })
    }

    fn whole_node(&mut self, node: &Node, json: &str, at: &Path<'_>) {
        let kind = Kind::of(json);
        if let Some(types) = node.types
            && !types.allow(json)
        {
            self.report(at, Code::Type, || {
                "a value of this kind is not what the schema shows".to_owned()
            });
            return;
        }
        for part in &node.all {
            self.node(*part, json, at);
        }
        if let Some(values) = &node.values {
            self.values(values, kind, json, at);
        }
        match kind {
            Kind::Integer | Kind::Float => self.number(node, json, at),
            Kind::String => self.string(node, json, at),
            Kind::Array => self.array(node, json, at),
            Kind::Object => self.object(node, json, at),
            Kind::Null | Kind::Boolean => {}
        }
        for alternatives in &node.alternatives {
            self.alternatives(alternatives, kind, json, at);
        }
        for choices in &node.choices {
            self.choices(choices, json, at);
        }
        self.conditions(node, json, at);
    }

    fn choices(&mut self, choices: &Choices, json: &str, at: &Path<'_>) {
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

    fn values(&mut self, values: &Values, kind: Kind, json: &str, at: &Path<'_>) {
        let is_one = match kind {
            Kind::String => values.have_text(&text(json)),
            _ => have(values, json),
        };
        if !is_one {
            self.report(at, Code::OneOf, || {
                let list: Vec<String> = values
                    .all
                    .iter()
                    .map(|value| format!("`{value}`"))
                    .collect();
                match list.as_slice() {
                    [only] => format!("must be {only}, and is `{}`", quoted(json)),
                    list => format!(
                        "must be one of {}, and is `{}`",
                        list.join(", "),
                        quoted(json)
                    ),
                }
            });
        }
    }

    fn number(&mut self, node: &Node, json: &str, at: &Path<'_>) {
        if node.minimum.is_none() && node.maximum.is_none() && node.multiple_of.is_none() {
            return;
        }
        let rounded = node.is_f32.then(|| as_f32(json));
        let given = Given::of(rounded.as_deref().unwrap_or(json));
        for (bound, wrong, words) in [
            (&node.minimum, Ordering::Less, ["at least", "more than"]),
            (&node.maximum, Ordering::Greater, ["at most", "less than"]),
        ] {
            let Some(bound) = bound else {
                continue;
            };
            let order = bound.number.compare(&given);
            let breaks = match order {
                Some(Ordering::Equal) => bound.exclusive,
                order => order == Some(wrong) || order.is_none(),
            };
            if breaks {
                self.report(at, Code::Range, || {
                    format!(
                        "must be {} {}, and is {}",
                        words[usize::from(bound.exclusive)],
                        bound.number.text,
                        quoted(json)
                    )
                });
            }
        }
        if let Some(step) = &node.multiple_of
            && !step.divides(&given)
        {
            self.report(at, Code::MultipleOf, || {
                format!(
                    "must be a multiple of {}, and is {}",
                    step.text,
                    quoted(json)
                )
            });
        }
    }

    fn string(&mut self, node: &Node, json: &str, at: &Path<'_>) {
        if node.length.is_any() && node.pattern.is_none() && node.format.is_none() {
            return;
        }
        let text = text(json);
        if !node.length.is_sure(text.len()) {
            // JSON Schema counts characters, as RFC 8259 defines them.
            let count = text.chars().count();
            self.length(node.length, count, ["character", "characters"], at);
            // It may be any length: nothing else is looked for in it.
            if node.length.max.is_some_and(|max| count > max) {
                return;
            }
        }
        if let Some(pattern) = &node.pattern {
            match self.searches.find(pattern, &text) {
                Found::Yes => {}
                Found::No => self.report(at, Code::Pattern, || {
                    format!(
                        "`{}` does not match the pattern `{}`",
                        quoted(&text),
                        pattern.text
                    )
                }),
                Found::Unknown => self.report(at, Code::Pattern, || {
                    format!(
                        "`{}` is too long to be matched with the pattern `{}`",
                        quoted(&text),
                        pattern.text
                    )
                }),
            }
        }
        if let Some(format) = node.format
            && !format.is_of(&text)
        {
            self.report(at, Code::Format, || {
                format!("`{}` is not {}", quoted(&text), format.words())
            });
        }
    }

    fn length(&mut self, length: Length, count: usize, [one, many]: [&str; 2], at: &Path<'_>) {
        if length.holds(count) {
            return;
        }
        let words = |count: usize| if count == 1 { one } else { many };
        self.report(at, Code::Length, || match (length.min, length.max) {
            (Some(min), _) if count < min => {
                format!("must have at least {min} {}, and has {count}", words(min))
            }
            (_, max) => {
                let max = max.unwrap_or_default();
                format!("must have at most {max} {}, and has {count}", words(max))
            }
        });
    }

    fn array(&mut self, node: &Node, json: &str, at: &Path<'_>) {
        let list = &node.list;
        let looks_inside = list.items.is_some()
            || !list.first.is_empty()
            || list.unique
            || list.contains.is_some();
        if !looks_inside && list.length.is_any() {
            return;
        }
        let mut count = 0;
        let mut contained = 0;
        let mut seen = list.unique.then(HashSet::new);
        let mut repeated = None;
        let mut scanner = Scanner::new(json);
        // It was checked to be JSON.
        let _ = scanner.array(|scanner| {
            let start = scanner.position;
            scanner.skip_value()?;
            let item = &json[start..scanner.position];
            let inner = list.first.get(count).copied().unwrap_or(list.items);
            if let Some(inner) = inner {
                self.node(inner, item, &Path::Item(at, count));
            }
            if let Some((wanted, _)) = list.contains
                && self.is_valid(wanted, item)
            {
                contained += 1;
            }
            if let Some(seen) = &mut seen
                && repeated.is_none()
                && !seen.insert(canonical(item))
            {
                repeated = Some(count);
            }
            count += 1;
            (!self.is_done()).then_some(())
        });
        if self.is_done() {
            return;
        }
        self.length(list.length, count, ["item", "items"], at);
        if let Some(index) = repeated {
            self.report(at, Code::Unique, || {
                format!("must not have an item twice: item {index} is the same as an earlier one")
            });
        }
        if let Some((_, wanted)) = list.contains
            && !wanted.holds(contained)
        {
            self.report(at, Code::Length, || {
                let bound = match (wanted.min, wanted.max) {
                    (Some(min), _) if contained < min => format!("at least {min}"),
                    (_, max) => format!("at most {}", max.unwrap_or_default()),
                };
                format!(
                    "must have {bound} of the items that the schema asks for, and has {contained}"
                )
            });
        }
    }

    fn object(&mut self, node: &Node, json: &str, at: &Path<'_>) {
        let object = &node.object;
        let is_nothing = object.length.is_any()
            && object.names.is_none()
            && object.others.is_none()
            && object.patterns.is_empty()
            && object.dependent.is_empty()
            && object.dependent_nodes.is_empty()
            && object.members.iter().all(|(_, node)| node.is_none())
            && !object.closed
            && object.required.is_empty();
        if is_nothing {
            return;
        }
        let Ok(given) = members(json) else {
            return;
        };
        let has = |name: &str| given.iter().any(|(key, _)| key == name);
        for (key, value) in &given {
            let path = Path::Member(at, key);
            let known = object.members.iter().find(|(name, _)| name == key);
            let mut is_known = known.is_some();
            if let Some((_, Some(inner))) = known {
                self.node(*inner, value, &path);
            }
            for (pattern, inner) in &object.patterns {
                match self.searches.find(pattern, key) {
                    Found::Yes => {
                        is_known = true;
                        if let Some(inner) = inner {
                            self.node(*inner, value, &path);
                        }
                    }
                    Found::No => {}
                    Found::Unknown => self.report(&path, Code::Pattern, || {
                        format!(
                            "the name of this member is too long to be matched with the pattern `{}`",
                            pattern.text
                        )
                    }),
                }
            }
            if !is_known {
                if let Some(inner) = object.others {
                    self.node(inner, value, &path);
                } else if object.closed {
                    self.report(&path, Code::Unknown, || "is not allowed here".to_owned());
                } else {
                    self.stranger(key, value, &path);
                }
            }
            if let Some(names) = object.names {
                let name = Value::from(key.as_ref()).to_string();
                if !self.is_valid(names, &name) {
                    self.report(&path, Code::Invalid, || {
                        "the name of this member is not allowed by the schema".to_owned()
                    });
                }
            }
        }
        self.length(object.length, given.len(), ["member", "members"], at);
        for name in &object.required {
            if !has(name) {
                self.report(&Path::Member(at, name), Code::Missing, || {
                    "required, and missing".to_owned()
                });
            }
        }
        for (name, others) in object.dependent.iter().filter(|(name, _)| has(name)) {
            for other in others.iter().filter(|other| !has(other)) {
                self.report(&Path::Member(at, other), Code::Missing, || {
                    format!("required beside `{name}`, and missing")
                });
            }
        }
        for (name, inner) in &object.dependent_nodes {
            if has(name) {
                self.node(*inner, json, at);
            }
        }
    }

    /// Remembers a member that is in no part of the schema of its object.
    fn stranger(&mut self, name: &str, value: &str, at: &Path<'_>) {
        let start = (value.as_ptr() as usize).wrapping_sub(self.whole.start);
        if self.names.is_none_or(|names| names.have(name)) || start >= self.whole.len() {
            return;
        }
        let mut pointer = String::new();
        if self.findings.is_some() {
            at.write(&mut pointer);
        }
        self.strangers.push(Stranger {
            name: name.to_owned(),
            start,
            end: start + value.len(),
            pointer,
        });
    }

    /// Checks a value by the one alternative that it can be. Of several it keeps one.
    fn alternatives(&mut self, list: &Alternatives, kind: Kind, json: &str, at: &Path<'_>) {
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

    fn conditions(&mut self, node: &Node, json: &str, at: &Path<'_>) {
        let conditions = &node.conditions;
        if let Some(not) = conditions.not
            && self.is_valid(not, json)
        {
            self.report(at, Code::Invalid, || {
                format!(
                    "`{}` is what the schema says that it must not be",
                    quoted(json)
                )
            });
        }
        if let Some(when) = conditions.when {
            let consequence = if self.is_valid(when, json) {
                conditions.then
            } else {
                conditions.otherwise
            };
            if let Some(consequence) = consequence {
                self.node(consequence, json, at);
            }
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

/// The first characters of a value.
fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}
