//! The events that a task waits for.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event that a task says it waits for, with `#[task(events(approval: bool))]`.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct EventType {
    pub(crate) name: &'static str,
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "events are of jobs")
    )]
    pub(crate) check: fn(&str) -> Result<(), serde_json::Error>,
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventType").field(&self.name).finish()
    }
}

impl EventType {
    /// Whether an event has this name, or this name and a key: `approval[3]`.
    #[cfg(feature = "database")]
    pub(crate) fn is_named(&self, event: &str) -> bool {
        let rest = event.strip_prefix(self.name);
        rest.is_some_and(|key| key.is_empty() || key.starts_with('[') && key.ends_with(']'))
    }

    /// An event of this name, with a payload of this type.
    #[must_use]
    pub const fn of<T: DeserializeOwned + JsonSchema>(name: &'static str) -> Self {
        Self {
            name,
            schema: SchemaGenerator::subschema_for::<T>,
            check: |json| serde_json::from_str::<T>(json).map(drop),
        }
    }
}

/// An event that jobs of a task wait for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct EventInfo {
    /// Its name.
    pub name: String,
    /// JSON Schema (draft 2020-12) of its payload.
    pub payload_schema: Value,
}

impl EventInfo {
    pub(crate) fn new(name: &str, payload_schema: Value) -> Self {
        let name = name.to_owned();
        Self {
            name,
            payload_schema,
        }
    }
}
