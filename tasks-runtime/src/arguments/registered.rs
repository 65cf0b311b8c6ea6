//! A parameter of a registered task.

use std::sync::OnceLock;

use serde_json::Value;

use super::checks::Checks;
use super::finding::Finding;
use super::slot::AnySlot;
use crate::schema;

/// One parameter of a registered task, with what every call asks of it at hand.
#[derive(Clone, Debug)]
pub(crate) struct RegisteredParameter {
    pub(crate) name: &'static str,
    pub(crate) secret: bool,
    pub(crate) injected: bool,
    /// Whether its type may read strings as bytes.
    pub(super) may_read_bytes: bool,
    pub(crate) slot: &'static dyn AnySlot,
    nests: OnceLock<bool>,
    checks: OnceLock<Checks>,
    schema: OnceLock<Value>,
}

impl RegisteredParameter {
    pub(crate) fn of(slot: &'static dyn AnySlot) -> Self {
        let parameter = slot.parameter();
        Self {
            name: parameter.name,
            secret: parameter.secret,
            injected: slot.injected(),
            may_read_bytes: !slot.injected() && slot.may_read_bytes(),
            slot,
            nests: OnceLock::new(),
            checks: OnceLock::new(),
            schema: OnceLock::new(),
        }
    }

    /// What is checked of a value that its type takes. Found out when the registry is built, or with the first request.
    fn checks(&self) -> &Checks {
        self.checks.get_or_init(|| self.checks_of_schema().0)
    }

    /// Finds out what is checked of its values, and returns what is wrong with that: what of its schema cannot be used, and a default
    /// or an example that breaks it.
    ///
    /// # Panics
    ///
    /// When the expression of the default or of the example does.
    pub(crate) fn problems(&self) -> Vec<String> {
        let (checks, mut problems) = self.checks_of_schema();
        let checks = self.checks.get_or_init(|| checks);
        for (what, value) in [
            ("default", self.slot.default_json()),
            ("example", self.slot.example_json()),
        ] {
            let Some(value) = value else {
                continue;
            };
            let json = value.to_string();
            let broken = checks.of_read(&Value::Bool(true), &json, &|_| true);
            problems.extend(broken.into_iter().map(|finding| {
                if self.secret {
                    return format!("its {what} breaks its own constraint");
                }
                let place = match finding.pointer.as_str() {
                    "" => String::new(),
                    pointer => format!(" at `{pointer}`"),
                };
                format!(
                    "its {what} `{json}` breaks its own constraint{place}: {}",
                    finding.detail
                )
            }));
        }
        problems
    }

    fn checks_of_schema(&self) -> (Checks, Vec<String>) {
        if self.injected {
            return (Checks::default(), Vec::new());
        }
        // Not kept: most parameters are never asked for theirs again.
        Checks::of(&self.standalone_schema())
    }

    /// Whether its values are not looked into once they are read; also `false` until that is known.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        !self.secret && self.checks.get().is_some_and(Checks::is_none)
    }

    /// Whether a value that its type takes is to be taken.
    #[inline]
    pub(super) fn takes(&self, json: &str) -> bool {
        self.checks().pass(json, &|text| self.slot.reads(text))
    }

    /// What is wrong with a value that its type takes.
    pub(super) fn findings_of_read(&self, json: &str) -> Vec<Finding> {
        let checks = self.checks();
        let reads = |text: &str| self.slot.reads(text);
        if checks.pass(json, &reads) {
            return Vec::new();
        }
        checks.of_read(self.schema(), json, &reads)
    }

    /// All that is wrong with a value that its type does not take.
    pub(super) fn findings_of_refused(&self, json: &str) -> Vec<Finding> {
        self.checks().of_refused(self.schema(), json)
    }

    /// Its schema, standing alone. Made when a request does not fit it.
    pub(crate) fn schema(&self) -> &Value {
        self.schema.get_or_init(|| self.standalone_schema())
    }

    /// Whether its values may be nested, and not only be scalars, or lists and maps of them. Found out when a long request
    /// comes, for its schema has to be made.
    pub(crate) fn nests(&self) -> bool {
        *self
            .nests
            .get_or_init(|| !self.injected && schema::nests(&self.standalone_schema()))
    }

    fn standalone_schema(&self) -> Value {
        schema::standalone_input(|generator| {
            let schema = self.slot.schema(generator);
            schema.map_or(Value::Bool(true), Value::from)
        })
    }
}
