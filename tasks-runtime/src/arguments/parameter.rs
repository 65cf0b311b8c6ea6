//! What the macro knows of a parameter.

#![allow(
    missing_docs,
    reason = "for generated code, which is not written by hand"
)]

use std::fmt;

use serde_json::{Map, Value};

use super::parameter_constraints::{self, Constraint};

/// One parameter of a function.
pub struct Parameter {
    pub name: &'static str,
    pub annotation: &'static str,
    pub description: Option<&'static str>,
    /// The default's expression as text.
    pub default: Option<&'static str>,
    pub secret: bool,
    pub constraints: &'static [Constraint],
}

impl Parameter {
    /// The constraints that are written beside it, as keywords of JSON Schema.
    pub(crate) fn constraint_keywords(&self) -> Map<String, Value> {
        let mut schema = Value::Object(Map::new());
        parameter_constraints::add(self.constraints, &mut schema);
        match schema {
            Value::Object(keywords) => keywords,
            _ => Map::new(),
        }
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({}: {})", self.name, self.annotation)
    }
}

/// The text of a doc comment that macros are a part of, if there is one.
#[must_use]
pub const fn documentation(text: &'static str) -> Option<&'static str> {
    let text = text.trim_ascii();
    if text.is_empty() { None } else { Some(text) }
}
