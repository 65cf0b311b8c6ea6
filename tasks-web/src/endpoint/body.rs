//! Bodies of requests.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::openapi::{Schema, Writer};

/// The body of a request.
#[derive(Clone)]
pub(crate) struct Body {
    required: bool,
    media: Vec<Media>,
}

#[derive(Clone, Copy)]
struct Media {
    name: &'static str,
    schema: Schema,
    example: Option<fn() -> Value>,
}

impl Body {
    /// A body of this media type.
    pub(crate) fn media(name: &'static str, schema: Schema) -> Self {
        let media = Media {
            name,
            schema,
            example: None,
        };
        Self {
            required: true,
            media: vec![media],
        }
    }

    /// JSON of this type.
    pub(crate) fn json<T: JsonSchema>() -> Self {
        Self::json_like(input::<T>)
    }

    /// JSON of this schema.
    pub(crate) fn json_like(schema: Schema) -> Self {
        Self::media("application/json", schema)
    }

    /// An example, for all media types that are there so far.
    pub(crate) fn example(mut self, example: fn() -> Value) -> Self {
        for media in &mut self.media {
            media.example = Some(example);
        }
        self
    }

    /// Another media type that it may have.
    pub(crate) fn or(mut self, other: Self) -> Self {
        self.media.extend(other.media);
        self
    }

    /// Lets it be empty.
    pub(crate) fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// As the document has it.
    pub(super) fn write(&self, writer: &mut Writer<'_>) -> Value {
        let mut content = Map::new();
        for media in &self.media {
            let mut described = json!({"schema": (media.schema)(writer)});
            if let Some(example) = media.example {
                described["example"] = example();
            }
            content.insert(media.name.to_owned(), described);
        }
        json!({"required": self.required, "content": content})
    }
}

fn input<T: JsonSchema>(writer: &mut Writer<'_>) -> Value {
    writer.input::<T>()
}
