//! Checks an object and its members.

use serde_json::Value;

use super::Check;
use crate::arguments::code::ArgumentErrorCode as Code;
use crate::arguments::constraints::names::Stranger;
use crate::arguments::constraints::node::Node;
use crate::arguments::constraints::path::Path;
use crate::arguments::constraints::search::Found;
use crate::arguments::members::members;

impl Check<'_> {
    pub(super) fn object(&mut self, node: &Node, json: &str, at: &Path<'_>) {
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
}
