//! What operations that are not a task's are written with.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use super::problems::{StatusText, responses};
use super::version::Version;

/// Writes a JSON Schema.
pub(crate) type Schema = fn(&mut Writer<'_>) -> Value;

/// Writes schemas and problems in the dialect of the document.
pub(crate) struct Writer<'a> {
    pub(super) inputs: &'a mut SchemaGenerator,
    pub(super) outputs: &'a mut SchemaGenerator,
}

#[cfg_attr(
    not(feature = "database"),
    allow(dead_code, reason = "used by parts that store")
)]
impl Writer<'_> {
    /// The schema of what is sent to clients.
    pub(crate) fn output<T: JsonSchema>(&mut self) -> Value {
        self.outputs.subschema_for::<T>().into()
    }

    /// A schema that was written by hand, in the dialect of the version.
    pub(crate) fn adapt(&mut self, mut schema: Value) -> Value {
        Version::adapt(&mut schema, self.outputs);
        schema
    }

    /// Responses that are problems.
    #[allow(
        clippy::unused_self,
        reason = "what it refers to is in the document of the writer"
    )]
    pub(crate) fn problems(&self, problems: &[StatusText]) -> Map<String, Value> {
        responses(problems)
    }
    /// The schema of what is sent to clients, in place: to be changed.
    pub(crate) fn output_object<T: JsonSchema>(&mut self) -> Value {
        let mut schema: Value = T::json_schema(self.outputs).into();
        Version::adapt(&mut schema, self.outputs);
        schema
    }

    /// The schema of what clients send.
    pub(crate) fn input<T: JsonSchema>(&mut self) -> Value {
        self.inputs.subschema_for::<T>().into()
    }

    /// The members of an object that clients send, each with its schema.
    pub(crate) fn input_properties<T: JsonSchema>(&mut self) -> Option<Map<String, Value>> {
        let mut schema: Value = T::json_schema(self.inputs).into();
        Version::adapt(&mut schema, self.inputs);
        match schema.get_mut("properties").map(Value::take) {
            Some(Value::Object(properties)) => Some(properties),
            _ => None,
        }
    }
}
