//! The schemas of what is sent to the endpoints of artifacts, and of what is not a type of its own in their answers.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use tasks_runtime::artifacts::Artifact;

use super::fields::{file_name_text, metadata_text, tag_list};
use crate::http::{ULID, paging};
use crate::openapi::Writer;

/// What is sent to change an artifact, for the schema. What is read-only may be there as it is.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "read by the derive")]
pub(super) struct ArtifactChange {
    /// The id in the path, if it is here at all.
    #[schemars(
        default,
        with = "String",
        regex(pattern = ULID)
    )]
    id: Option<String>,
    /// The id of an artifact that is there, or null for none.
    #[schemars(default, regex(pattern = ULID))]
    parent_id: Option<String>,
    /// Any JSON; null keeps bytes, and other values take their place only with `content_type` null.
    #[schemars(default)]
    data: Value,
    /// What is known about the data.
    #[schemars(default)]
    metadata: Option<Map<String, Value>>,
    /// Letters, digits, `-`, `_`, and what can be seen of the characters beyond ASCII; none twice.
    #[schemars(default, schema_with = "tags")]
    tags: Option<Vec<String>>,
    /// Read-only: another value is refused.
    #[schemars(default, extend("readOnly" = true))]
    created_at: Value,
    /// Read-only: another value is refused.
    #[schemars(default, extend("readOnly" = true))]
    updated_at: Value,
    /// Read-only; null beside `data` gives up the bytes.
    #[schemars(default)]
    content_type: Value,
    /// Read-only: another value is refused.
    #[schemars(default, extend("readOnly" = true))]
    file_name: Value,
    /// Read-only: another value is refused.
    #[schemars(default, extend("readOnly" = true))]
    size: Value,
    /// Read-only: another value is refused.
    #[schemars(default, extend("readOnly" = true))]
    level: Value,
}

/// What is sent to save an artifact, for the schema.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "read by the derive")]
pub(super) struct ArtifactIn {
    /// Its name, a ULID; made when there is none.
    #[schemars(
        default,
        with = "String",
        regex(pattern = ULID)
    )]
    id: Option<String>,
    /// The id of an artifact that is there.
    #[schemars(default, regex(pattern = ULID))]
    parent_id: Option<String>,
    /// Any JSON.
    data: Value,
    /// What is known about the data.
    #[schemars(default, with = "Map<String, Value>")]
    metadata: Option<Map<String, Value>>,
    /// Letters, digits, `-`, `_`, and what can be seen of the characters beyond ASCII; none twice.
    #[schemars(default, schema_with = "tags")]
    tags: Option<Vec<String>>,
}

fn tags(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::Schema::try_from(tag_list()).unwrap_or_default()
}

/// An example of what is sent to save an artifact.
pub(super) fn example() -> Value {
    json!({"data": {"accuracy": 0.95}, "metadata": {"model": "baseline"}, "tags": ["nightly"]})
}

/// What is sent to change some of an artifact.
pub(super) fn change(writer: &mut Writer<'_>) -> Value {
    writer.input::<ArtifactChange>()
}

/// What is sent to replace an artifact.
pub(super) fn replacement(writer: &mut Writer<'_>) -> Value {
    json!({
        "allOf": [change(writer)],
        "required": ["data"],
        // Null takes a member away in a patch; here it is empty instead.
        "properties": {"metadata": {"type": "object"}, "tags": {"type": "array"}},
    })
}

/// Bytes as they are.
pub(super) fn bytes(_: &mut Writer<'_>) -> Value {
    json!({"type": "string", "format": "binary"})
}

/// A form with bytes and what comes along with them.
pub(super) fn form(writer: &mut Writer<'_>) -> Value {
    let ulid = json!({"type": "string", "pattern": ULID});
    json!({
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": bytes(writer),
            "id": ulid,
            "parent_id": ulid,
            "tags": tag_list(),
            "metadata": writer.adapt(metadata_text()),
            "file_name": file_name_text(),
        },
        "additionalProperties": false,
    })
}

/// The list of artifacts.
pub(super) fn list(writer: &mut Writer<'_>) -> Value {
    let mut item = writer.output_object::<Artifact>();
    if let Some(properties) = item["properties"].as_object_mut() {
        properties.remove("data");
    }
    if let Some(required) = item["required"].as_array_mut() {
        required.retain(|name| name != "data");
    }
    item["description"] = json!("An artifact without its data.");
    paging::list_of(&item)
}

/// How many artifacts there are.
pub(super) fn stats(_: &mut Writer<'_>) -> Value {
    json!({
        "type": "object", "required": ["total"],
        "properties": {"total": {"type": "integer", "minimum": 0}},
    })
}
