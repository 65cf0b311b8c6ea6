//! A parameter of a registered task.

use std::sync::OnceLock;

use serde_json::Value;

use super::inspect::is_delicate;
use super::slot::AnySlot;
use crate::schema;

/// One parameter of a registered task, with what every call asks of it at hand.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: &'static str,
    pub(crate) secret: bool,
    pub(crate) injected: bool,
    pub(crate) slot: &'static dyn AnySlot,
    nests: OnceLock<bool>,
    delicate: OnceLock<bool>,
    schema: OnceLock<Value>,
}

impl Declared {
    pub(crate) fn of(slot: &'static dyn AnySlot) -> Self {
        let parameter = slot.parameter();
        Self {
            name: parameter.name,
            secret: parameter.secret,
            injected: slot.injected(),
            slot,
            nests: OnceLock::new(),
            delicate: OnceLock::new(),
            schema: OnceLock::new(),
        }
    }

    /// Whether it has numbers that may be read as other ones: of single precision, say. Found out with the first request.
    pub(crate) fn is_delicate(&self) -> bool {
        *self.delicate.get_or_init(|| {
            // Not kept: most parameters are never asked for theirs again.
            !self.injected && is_delicate(&self.standalone_schema())
        })
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
