//! Operations that are not a task's.

use std::sync::Arc;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::problems::{UNKNOWN_PARAMETER, responses};
use super::version::Version;
use crate::http::query::Parameter;

/// One operation of a service besides its tasks.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// As a template: `/api/v1/things/{id}`.
    pub(crate) path: String,
    /// In lower case.
    pub(crate) method: &'static str,
    /// Whether it is answered without a key.
    pub(crate) open: bool,
    query: &'static [Parameter],
    /// Whether it is for people, and takes whatever is in its query.
    page: bool,
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
            query: &[],
            page: false,
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

    /// What may be in its query.
    pub(crate) fn query(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    /// For people, and whatever is in the query.
    pub(crate) fn page(mut self) -> Self {
        self.page = true;
        self
    }

    pub(super) fn operation(&self, writer: &mut Writer<'_>) -> Value {
        let mut operation = (self.write)(writer);
        if self.page {
            return operation;
        }
        for parameter in self.query {
            let schema = writer.adapt(parameter.schema());
            let described = parameter.describe(&schema);
            match operation
                .get_mut("parameters")
                .and_then(Value::as_array_mut)
            {
                Some(parameters) => parameters.push(described),
                None => operation["parameters"] = json!([described]),
            }
        }
        let takes_nothing = self.method != "get" && operation.get("requestBody").is_none();
        let mut problems = writer.problems(&[UNKNOWN_PARAMETER]);
        if self.method != "get" {
            problems.extend(writer.problems(&[STORAGE_FULL]));
        }
        if takes_nothing && self.method == "post" {
            problems.extend(writer.problems(&[(
                403,
                "A page of another site sent it without a body of JSON.",
            )]));
        }
        if takes_nothing {
            problems.extend(writer.problems(&[
                (400, "There is a body, which is not JSON."),
                (408, "The body took too long to arrive."),
                (413, "There is a body, which is too large."),
                (415, "There is a body, which does not say it is JSON."),
                (
                    422,
                    "There is a body, or a parameter of the query: none is taken.",
                ),
            ]));
        }
        if let Some(responses) = operation["responses"].as_object_mut() {
            for (status, problem) in problems {
                responses.entry(status).or_insert(problem);
            }
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
