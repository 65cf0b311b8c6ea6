//! Responses that are no problems.

use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::openapi::{Schema, Writer};

/// A response that is no problem.
#[derive(Clone)]
pub(crate) struct Response {
    status: u16,
    description: &'static str,
    content: Option<Content>,
    /// What is at the URL of the header `Location`, if there is one.
    location: Option<&'static str>,
    /// When it has the header `Idempotent-Replayed`, if it ever has.
    replayed: Option<&'static str>,
}

/// The media type, and the schema if there is any to be had.
#[derive(Clone, Copy)]
struct Content {
    media: &'static str,
    schema: Option<Schema>,
}

impl Response {
    /// A response with a body of this type, as JSON.
    pub(crate) fn json<T: JsonSchema>(status: u16) -> Self {
        Self::media(status, "application/json", output::<T>)
    }

    /// A response with JSON of this schema.
    pub(crate) fn json_like(status: u16, schema: Schema) -> Self {
        Self::media(status, "application/json", schema)
    }

    /// A response with a body of a media type.
    pub(crate) fn media(status: u16, media: &'static str, schema: Schema) -> Self {
        let schema = Some(schema);
        Self {
            status,
            description: "The answer.",
            content: Some(Content { media, schema }),
            location: None,
            replayed: None,
        }
    }

    /// A response with text of a media type.
    pub(crate) fn text(status: u16, media: &'static str) -> Self {
        Self::media(status, media, |_| json!({"type": "string"}))
    }

    /// A response with bytes of any media type.
    pub(crate) fn bytes(status: u16) -> Self {
        let (media, schema) = ("*/*", None);
        Self {
            content: Some(Content { media, schema }),
            ..Self::empty(status, "All bytes.")
        }
    }

    /// A response without a body.
    pub(crate) fn empty(status: u16, description: &'static str) -> Self {
        Self {
            status,
            description,
            content: None,
            location: None,
            replayed: None,
        }
    }

    /// What it means.
    pub(crate) fn description(mut self, text: &'static str) -> Self {
        self.description = text;
        self
    }

    /// Says that it has the header `Location`, and of what.
    pub(crate) fn location(mut self, text: &'static str) -> Self {
        self.location = Some(text);
        self
    }

    /// Says that it may have the header `Idempotent-Replayed`, and when.
    #[cfg(feature = "database")]
    pub(crate) fn replayed(mut self, text: &'static str) -> Self {
        self.replayed = Some(text);
        self
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    #[cfg(all(test, feature = "database"))]
    pub(super) fn has_location(&self) -> bool {
        self.location.is_some()
    }

    /// As the document has it.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Value {
        let mut response = json!({"description": self.description});
        if let Some(location) = self.location {
            response["headers"] = json!({"Location": {
                "required": true, "description": location, "schema": {"type": "string", "format": "uri-reference"},
            }});
        }
        if let Some(replayed) = self.replayed {
            response["headers"]["Idempotent-Replayed"] = json!({
                "description": replayed, "schema": {"type": "string", "enum": ["true"]},
            });
        }
        if let Some(Content { media, schema }) = self.content {
            let content = match schema {
                Some(schema) => json!({"schema": schema(writer)}),
                None => json!({}),
            };
            response["content"] = json!({media: content});
        }
        response
    }
}

fn output<T: JsonSchema>(writer: &mut Writer<'_>) -> Value {
    writer.output::<T>()
}
