//! What is stored.

use std::borrow::Cow;

use crate::artifacts::id::ArtifactId;
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::ArtifactError;
use super::json_text::JsonText;

/// A stored artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Artifact {
    /// Its name.
    pub id: ArtifactId,
    /// When it was saved.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its JSON; `None` when it has [`content`](Self::content) instead, and in lists and trees, which leave it out.
    pub data: Option<JsonText>,
    /// What is known about the data: a JSON object.
    pub metadata: JsonText,
    /// What is known of its bytes, when it has bytes instead of JSON.
    pub content: Option<ContentInfo>,
    /// Its parent.
    pub parent_id: Option<ArtifactId>,
    /// How many ancestors it has.
    pub level: u32,
}

/// What is known of the bytes of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentInfo {
    /// Their media type.
    pub content_type: String,
    /// The name of the file they were.
    pub file_name: Option<String>,
    /// How many there are.
    pub size: u64,
    /// Their SHA-256, in hexadecimal.
    pub digest: String,
}

impl Artifact {
    /// Makes a value of its JSON.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::NoData`] when it has none here, and [`ArtifactError::Data`] when it is of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ArtifactError> {
        let data = self.data.as_ref().ok_or(ArtifactError::NoData)?;
        Ok(data.read()?)
    }

    /// Writes it as the JSON object that clients get, with `data` or without, and with more members at its end.
    pub fn write_json(&self, out: &mut Vec<u8>, data: bool, more: impl FnOnce(&mut Vec<u8>)) {
        let mut text = |parts: &[&str]| {
            parts
                .iter()
                .for_each(|part| out.extend_from_slice(part.as_bytes()));
        };
        let id = self.id.to_string();
        let tags = serde_json::to_string(&self.tags).unwrap_or_else(|_| "[]".to_owned());
        text(&["{\"id\":\"", &id]);
        text(&["\",\"created_at\":\"", &rfc3339(self.created_at)]);
        text(&["\",\"updated_at\":\"", &rfc3339(self.updated_at)]);
        text(&["\",\"tags\":", &tags]);
        if data {
            text(&[
                ",\"data\":",
                self.data.as_ref().map_or("null", JsonText::as_str),
            ]);
        }
        text(&[",\"metadata\":", self.metadata.as_str()]);
        let content = self.content.as_ref();
        let string = |value: Option<&str>| json_string(value);
        text(&[
            ",\"content_type\":",
            &string(content.map(|content| content.content_type.as_str())),
        ]);
        text(&[
            ",\"file_name\":",
            &string(content.and_then(|content| content.file_name.as_deref())),
        ]);
        let size = content.map_or_else(|| "null".to_owned(), |content| content.size.to_string());
        text(&[",\"size\":", &size]);
        let parent = self.parent_id.map(|parent| parent.to_string());
        text(&[",\"parent_id\":", &string(parent.as_deref())]);
        text(&[",\"level\":", &self.level.to_string()]);
        more(out);
        out.push(b'}');
    }
}

fn json_string(value: Option<&str>) -> String {
    // A string: this cannot fail.
    serde_json::to_string(&value).unwrap_or_else(|_| "null".to_owned())
}

/// RFC 3339, in UTC with microseconds: `2026-01-31T12:00:00.000000Z`.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// As clients get it.
impl Serialize for Artifact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let content = self.content.as_ref();
        let mut map = serializer.serialize_map(Some(11))?;
        map.serialize_entry("id", &self.id.to_string())?;
        map.serialize_entry("created_at", &rfc3339(self.created_at))?;
        map.serialize_entry("updated_at", &rfc3339(self.updated_at))?;
        map.serialize_entry("tags", &self.tags)?;
        map.serialize_entry("data", &self.data)?;
        map.serialize_entry("metadata", &self.metadata)?;
        map.serialize_entry(
            "content_type",
            &content.map(|content| &content.content_type),
        )?;
        map.serialize_entry(
            "file_name",
            &content.and_then(|content| content.file_name.as_ref()),
        )?;
        map.serialize_entry("size", &content.map(|content| content.size))?;
        map.serialize_entry(
            "parent_id",
            &self.parent_id.map(|parent| parent.to_string()),
        )?;
        map.serialize_entry("level", &self.level)?;
        map.end()
    }
}

/// What clients get, for the schema.
#[derive(JsonSchema)]
#[schemars(rename = "ArtifactOut")]
#[allow(dead_code, reason = "read by the derive")]
struct RecordSchema {
    /// A ULID.
    #[schemars(regex(pattern = "^[0-9A-HJKMNP-TV-Z]{26}$"))]
    id: String,
    /// When it was saved.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// When it was changed last.
    #[schemars(extend("format" = "date-time"))]
    updated_at: String,
    /// Its tags.
    tags: Vec<String>,
    /// Its JSON; null when it has bytes instead.
    data: Value,
    /// What is known about the data.
    metadata: serde_json::Map<String, Value>,
    /// The media type of its bytes; null when it has JSON instead.
    content_type: Option<String>,
    /// The name of the file that its bytes were.
    file_name: Option<String>,
    /// How many bytes it has; null when it has JSON instead.
    size: Option<u64>,
    /// The id of its parent.
    parent_id: Option<String>,
    /// How many ancestors it has.
    level: u32,
}

impl JsonSchema for Artifact {
    fn schema_name() -> Cow<'static, str> {
        RecordSchema::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Cow::Borrowed(concat!(module_path!(), "::Artifact"))
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        RecordSchema::json_schema(generator)
    }
}
