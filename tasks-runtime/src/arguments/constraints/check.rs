//! Checks the text of a value.

mod alternatives;
mod list;
mod object;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use super::names::{Names, Reads, Stranger, aliases};
use super::node::{Length, Node, NodeId, Values};
use super::number::Given;
use super::path::Path;
use super::scalar::{as_f32, have, scalar_holds, text};
use super::search::{Found, Searches};
use crate::arguments::code::ArgumentErrorCode as Code;
use crate::arguments::error::MAX_ERRORS;
use crate::arguments::finding::Finding;
use crate::arguments::json_kind::Kind;

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

/// The first characters of a value.
fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}
