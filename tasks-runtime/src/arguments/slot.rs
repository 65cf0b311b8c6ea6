//! Everything that is known about a parameter's type.
//!
//! One `Slot` per parameter decodes, says what an absent value means, gives the schema or injects. The metadata asks
//! the same slot, so it cannot drift from what happens.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::fmt;

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::parameter::Parameter;
use super::parameter_constraints;
use super::source::{Kind, RequestSource, Source};
use super::std_types::reads_no_bytes;
use super::value::{Default, Example};
use crate::inject::Requirements;

/// Everything that is known about one parameter.
pub struct Slot<T: 'static> {
    parameter: Parameter,
    pub(super) kind: Kind<T>,
    pub(super) default: Option<Default<T>>,
    example: Option<Example<T>>,
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.parameter.name)
    }
}

/// The one place where a parameter's type has to meet a bound, so that a type that does not is one error.
pub const fn slot<T: 'static, S: Source<T> + Copy>(_: S, parameter: Parameter) -> Slot<T> {
    Slot {
        parameter,
        kind: S::KIND,
        default: None,
        example: None,
    }
}

pub const fn request_slot<T: 'static, S: RequestSource<T> + Copy>(
    _: S,
    parameter: Parameter,
    default: Option<Default<T>>,
    example: Option<Example<T>>,
) -> Slot<T> {
    Slot {
        parameter,
        kind: S::KIND,
        default,
        example,
    }
}

impl<T> Slot<T> {
    /// The value of an absent parameter: its default, or what its type says.
    pub(super) fn absent(&self) -> Option<T> {
        match (&self.default, &self.kind) {
            (Some(default), _) => Some((default.value)()),
            (None, Kind::Request(functions)) => (functions.absent)(),
            (None, Kind::Inject { .. }) => None,
        }
    }
}

/// A slot whose type is not known.
pub trait AnySlot: fmt::Debug + Sync {
    fn parameter(&self) -> &Parameter;
    /// The whole path of the type.
    fn type_name(&self) -> &'static str;
    fn injected(&self) -> bool;
    /// Whether a request has to hold the parameter.
    fn required(&self) -> bool;
    fn requires(&self) -> Option<fn(&mut Requirements)>;
    fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema>;
    /// Whether its type may read strings as bytes.
    fn may_read_bytes(&self) -> bool;
    /// Whether its type reads a value.
    fn reads(&self, json: &str) -> bool;
    fn default_json(&self) -> Option<Value>;
    fn example_json(&self) -> Option<Value>;
}

impl<T> AnySlot for Slot<T> {
    fn parameter(&self) -> &Parameter {
        &self.parameter
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }

    fn injected(&self) -> bool {
        matches!(self.kind, Kind::Inject { .. })
    }

    fn required(&self) -> bool {
        match &self.kind {
            Kind::Request(functions) => self.default.is_none() && (functions.absent)().is_none(),
            Kind::Inject { .. } => false,
        }
    }

    fn requires(&self) -> Option<fn(&mut Requirements)> {
        match self.kind {
            Kind::Inject { requires, .. } => Some(requires),
            Kind::Request(_) => None,
        }
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        match &self.kind {
            Kind::Request(functions) => {
                let mut schema = (functions.schema)(generator).into();
                parameter_constraints::add(self.parameter.constraints, &mut schema);
                schema.try_into().ok()
            }
            Kind::Inject { .. } => None,
        }
    }

    fn may_read_bytes(&self) -> bool {
        !reads_no_bytes::<T>()
    }

    fn reads(&self, json: &str) -> bool {
        match &self.kind {
            Kind::Request(functions) => {
                (functions.read)(json).is_some_and(|(_, length)| length == json.len())
            }
            Kind::Inject { .. } => false,
        }
    }

    fn default_json(&self) -> Option<Value> {
        let default = self.default.as_ref()?;
        let json = default.json?;
        let shown = json(&(default.value)())?;
        // What is another value in each call, as the time is, cannot be shown as one.
        (json(&(default.value)())? == shown).then_some(shown)
    }

    fn example_json(&self) -> Option<Value> {
        let example = self.example.as_ref()?;
        (example.json)(&(example.value)())
    }
}
