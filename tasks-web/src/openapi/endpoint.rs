//! Operations that are not a task's.

use std::sync::Arc;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::operation::responses;
use super::version::Version;

/// One operation of a service besides its tasks.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// As a template: `/api/v1/things/{id}`.
    pub(crate) path: String,
    /// In lower case.
    pub(crate) method: &'static str,
    /// Whether it is answered without a key.
    pub(crate) open: bool,
    write: Write,
}

type Write = Arc<dyn Fn(&mut Writer<'_>) -> Value + Send + Sync>;

impl Endpoint {
    /// `write` makes the operation, with a summary, an `operationId` and responses.
    pub(crate) fn new(
        method: &'static str,
        path: &str,
        write: impl Fn(&mut Writer<'_>) -> Value + Send + Sync + 'static,
    ) -> Self {
        Self {
            path: path.to_owned(),
            method,
            open: false,
            write: Arc::new(write),
        }
    }

    /// A read of one value of a type, which cannot go wrong.
    pub(crate) fn get<T: JsonSchema + 'static>(
        path: &str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self::new("get", path, move |writer| {
            let schema = writer.output::<T>();
            writer.read(id, summary, "application/json", &schema)
        })
    }

    pub(crate) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    pub(super) fn operation(&self, writer: &mut Writer<'_>) -> Value {
        let mut operation = (self.write)(writer);
        if self.method != "get" {
            operation["responses"]["507"] = writer.problems(&[STORAGE_FULL])["507"].clone();
        }
        operation
    }
}

/// What everything that stores may answer.
pub(crate) const STORAGE_FULL: (u16, &str) = (507, "The disk of the service is full.");

/// What an operation is written with.
pub(crate) struct Writer<'a> {
    pub(super) inputs: &'a mut SchemaGenerator,
    pub(super) outputs: &'a mut SchemaGenerator,
}

/// The group of the operations that are about the service itself.
const SERVICE: &str = "service";

impl Writer<'_> {
    /// The schema of what is sent to clients.
    pub(crate) fn output<T: JsonSchema>(&mut self) -> Value {
        self.outputs.subschema_for::<T>().into()
    }

    /// The schema of what is sent to clients, in place: to be changed.
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "used by parts that store")
    )]
    pub(crate) fn output_object<T: JsonSchema>(&mut self) -> Value {
        let mut schema: Value = T::json_schema(self.outputs).into();
        Version::adapt(&mut schema, self.outputs);
        schema
    }

    /// The schema of what clients send.
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "used by parts that store")
    )]
    pub(crate) fn input<T: JsonSchema>(&mut self) -> Value {
        self.inputs.subschema_for::<T>().into()
    }

    /// The members of an object that clients send, each with its schema.
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "used by parts that store")
    )]
    pub(crate) fn input_properties<T: JsonSchema>(&mut self) -> Option<Map<String, Value>> {
        let mut schema: Value = T::json_schema(self.inputs).into();
        Version::adapt(&mut schema, self.inputs);
        match schema.get_mut("properties").map(Value::take) {
            Some(Value::Object(properties)) => Some(properties),
            _ => None,
        }
    }

    /// A schema that was written by hand, in the dialect of the version.
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "used by parts that store")
    )]
    pub(crate) fn adapt(&mut self, mut schema: Value) -> Value {
        Version::adapt(&mut schema, self.outputs);
        schema
    }

    /// Responses that are problems.
    pub(crate) fn problems(&self, problems: &[(u16, &str)]) -> Map<String, Value> {
        responses(problems)
    }

    /// A GET that answers 200, and 405 for other methods.
    pub(crate) fn read(&mut self, id: &str, summary: &str, media: &str, schema: &Value) -> Value {
        let mut responses = self.problems(&[(405, "Another method than GET.")]);
        let content = json!({media: {"schema": schema}});
        responses.insert(
            "200".to_owned(),
            json!({"description": "The answer.", "content": content}),
        );
        json!({"operationId": id, "summary": summary, "tags": [SERVICE], "responses": responses})
    }
}
