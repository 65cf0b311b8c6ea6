//! A parameter of a registered task.

use std::sync::OnceLock;

use serde_json::Value;

use super::lossy::LossyReads;
use super::slot::AnySlot;
use crate::schema;

/// One parameter of a registered task, with what every call asks of it at hand.
#[derive(Clone, Debug)]
pub(crate) struct RegisteredParameter {
    pub(crate) name: &'static str,
    pub(crate) secret: bool,
    pub(crate) injected: bool,
    pub(crate) slot: &'static dyn AnySlot,
    nests: OnceLock<bool>,
    lossy: OnceLock<LossyReads>,
    schema: OnceLock<Value>,
}

impl RegisteredParameter {
    pub(crate) fn of(slot: &'static dyn AnySlot) -> Self {
        let parameter = slot.parameter();
        Self {
            name: parameter.name,
            secret: parameter.secret,
            injected: slot.injected(),
            slot,
            nests: OnceLock::new(),
            lossy: OnceLock::new(),
            schema: OnceLock::new(),
        }
    }

    /// What it takes that is not to be taken. Found out with the first request.
    pub(crate) fn lossy(&self) -> LossyReads {
        *self.lossy.get_or_init(|| {
            if self.injected {
                return LossyReads::default();
            }
            // Not kept: most parameters are never asked for theirs again.
            LossyReads::of(&self.standalone_schema())
        })
    }

    /// Whether its values are not looked into once they are read; also `false` until that is known.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        !self.secret && self.lossy.get().is_some_and(|lossy| lossy.is_none())
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
