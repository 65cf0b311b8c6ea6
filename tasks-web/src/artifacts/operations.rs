//! The operations of artifacts, for the OpenAPI document.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use tasks_runtime::artifacts::{Artifact, ArtifactNode};

use super::fields::{metadata_text, tag_list};
use super::state::Options;
use super::{query, upload as uploading};
use crate::http::ULID;
use crate::openapi::parts::{Status, answer, conditional, id_parameter, list_of, listing};
use crate::openapi::{Endpoint, Writer};

const GROUP: &str = "artifacts";

/// What is sent to change an artifact, for the schema. What is read-only may be there as it is.
#[derive(JsonSchema)]
#[schemars(rename = "ArtifactChange", deny_unknown_fields)]
#[allow(dead_code, reason = "read by the derive")]
struct Change {
    /// The id in the path, if it is here at all.
    #[schemars(
        default,
        with = "String",
        regex(pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")
    )]
    id: Option<String>,
    /// The id of an artifact that is there, or null for none.
    #[schemars(default, regex(pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"))]
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
    /// Read-only.
    #[schemars(default)]
    created_at: Value,
    /// Read-only.
    #[schemars(default)]
    updated_at: Value,
    /// Read-only; null beside `data` gives up the bytes.
    #[schemars(default)]
    content_type: Value,
    /// Read-only.
    #[schemars(default)]
    file_name: Value,
    /// Read-only.
    #[schemars(default)]
    size: Value,
    /// Read-only.
    #[schemars(default)]
    level: Value,
}

/// What is sent to save an artifact, for the schema.
#[derive(JsonSchema)]
#[schemars(rename = "ArtifactIn", deny_unknown_fields)]
#[allow(dead_code, reason = "read by the derive")]
struct In {
    /// Its name, a ULID; made when there is none.
    #[schemars(
        default,
        with = "String",
        regex(pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")
    )]
    id: Option<String>,
    /// The id of an artifact that is there.
    #[schemars(default, regex(pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"))]
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

/// All operations that are on.
pub(crate) fn endpoints(prefix: &str, options: &Options) -> Vec<Endpoint> {
    let at = |rest: &str| format!("{prefix}{rest}");
    let mut endpoints = Vec::new();
    if options.read {
        endpoints.extend([
            Endpoint::new("get", &at(""), list).query(query::LIST),
            Endpoint::new("get", &at("/$schema"), |writer| {
                let schema = json!({"type": "object"});
                read(
                    writer,
                    "get_artifact_schema",
                    "The JSON Schema of an artifact",
                    &schema,
                    &[],
                    true,
                )
            }),
            Endpoint::new("get", &at("/$stats"), |writer| {
                let schema = json!({
                    "type": "object", "required": ["total"],
                    "properties": {"total": {"type": "integer", "minimum": 0}},
                });
                read(
                    writer,
                    "get_artifact_stats",
                    "How many artifacts there are",
                    &schema,
                    &[UNAVAILABLE],
                    false,
                )
            }),
            Endpoint::new("get", &at("/{id}"), |writer| {
                let schema = writer.output::<Artifact>();
                one(writer, "get_artifact", "One artifact", &schema)
            }),
            Endpoint::new("get", &at("/{id}/$expand"), |writer| {
                let schema = writer.output::<ArtifactNode>();
                one(
                    writer,
                    "expand_artifact",
                    "One artifact, with the name of its level",
                    &schema,
                )
            }),
            Endpoint::new("get", &at("/{id}/$tree"), tree),
            Endpoint::new("get", &at("/{id}/$metadata"), |writer| {
                one(
                    writer,
                    "get_artifact_metadata",
                    "What is known about the data",
                    &json!({"type": "object"}),
                )
            }),
            Endpoint::new("get", &at("/{id}/$download"), download),
        ]);
    }
    if options.create {
        endpoints.push(Endpoint::new("post", &at(""), create));
        endpoints.push(Endpoint::new("post", &at("/$upload"), upload).query(uploading::QUERY));
    }
    if options.update {
        endpoints.push(Endpoint::new("put", &at("/{id}"), update));
        endpoints.push(Endpoint::new("patch", &at("/{id}"), patch));
    }
    if options.delete {
        endpoints.push(Endpoint::new("delete", &at("/{id}"), delete));
    }
    endpoints
}

const MALFORMED_ID: Status = (400, "The id is not a ULID.");
const MALFORMED: Status = (400, "The body is not JSON, or the id is not a ULID.");
const UNKNOWN: Status = (404, "No such artifact.");
const SLOW: Status = (408, "The body took too long to arrive.");
const LARGE: Status = (413, "The body is too large.");
const MEDIA: Status = (415, "The body does not say it is JSON, or is compressed.");
const INVALID: Status = (422, "Something does not fit: `errors` says what.");
const PRECONDITION: Status = (
    412,
    "`If-Match` or `If-None-Match` is about another version.",
);
const UNAVAILABLE: Status = (503, "The database or the content store is not available.");

fn operation(
    writer: &Writer<'_>,
    names: (&str, &str),
    success: (u16, Value),
    problems: &[Status],
) -> Value {
    writer.operation(GROUP, names, success, problems)
}

fn read(
    writer: &Writer<'_>,
    id: &str,
    summary: &str,
    schema: &Value,
    problems: &[Status],
    is_conditional: bool,
) -> Value {
    let operation = operation(writer, (id, summary), (200, answer(schema)), problems);
    if is_conditional {
        return conditional(operation);
    }
    operation
}

/// A read of what belongs to one artifact.
fn one(writer: &Writer<'_>, id: &str, summary: &str, schema: &Value) -> Value {
    let mut operation = read(
        writer,
        id,
        summary,
        schema,
        &[MALFORMED_ID, UNKNOWN, UNAVAILABLE],
        true,
    );
    operation["parameters"] = json!([id_parameter()]);
    operation
}

fn tree(writer: &mut Writer<'_>) -> Value {
    let schema = writer.output::<ArtifactNode>();
    let mut operation = one(
        writer,
        "get_artifact_tree",
        "An artifact and all below it, without their data",
        &schema,
    );
    let large = writer.problems(&[(422, "The tree is too large to be shown at once.")]);
    operation["responses"]["422"] = large["422"].clone();
    operation
}

fn list(writer: &mut Writer<'_>) -> Value {
    let mut item = writer.output_object::<Artifact>();
    if let Some(properties) = item["properties"].as_object_mut() {
        properties.remove("data");
    }
    if let Some(required) = item["required"].as_array_mut() {
        required.retain(|name| name != "data");
    }
    item["description"] = json!("An artifact without its data.");
    let schema = list_of(&item);
    let mut operation = read(
        writer,
        "list_artifacts",
        "All artifacts, oldest first and without their data",
        &schema,
        &[INVALID, UNAVAILABLE],
        true,
    );
    listing(&mut operation);
    operation
}

/// A body of JSON.
fn body(schema: &Value) -> Value {
    let example =
        json!({"data": {"accuracy": 0.95}, "metadata": {"model": "baseline"}, "tags": ["nightly"]});
    json!({"required": true, "content": {"application/json": {"schema": schema, "example": example}}})
}

fn created(schema: &Value) -> (u16, Value) {
    let mut created = answer(schema);
    created["headers"] = json!({"Location": {
        "required": true, "description": "Where it is.", "schema": {"type": "string", "format": "uri-reference"},
    }});
    (201, created)
}

fn create(writer: &mut Writer<'_>) -> Value {
    let (output, input) = (writer.output::<Artifact>(), writer.input::<In>());
    let mut operation = operation(
        writer,
        ("create_artifact", "Save an artifact with JSON"),
        created(&output),
        &[
            (400, "The body is not JSON."),
            SLOW,
            (409, "There is an artifact of this id."),
            LARGE,
            MEDIA,
            INVALID,
            UNAVAILABLE,
        ],
    );
    operation["requestBody"] = body(&input);
    operation
}

/// What changes an artifact that is there.
fn change(writer: &Writer<'_>, names: (&str, &str), output: &Value) -> Value {
    let mut operation = operation(
        writer,
        names,
        (200, answer(output)),
        &[
            MALFORMED,
            UNKNOWN,
            SLOW,
            (
                409,
                "The new parent is below the artifact, the body has another `id` than the path, or another value of what is \
                 read-only, or leaves out what the artifact has and would lose, or has JSON in the place of \
                 bytes, or somebody else changed the artifact at the same \
                 time.",
            ),
            PRECONDITION,
            LARGE,
            MEDIA,
            INVALID,
            UNAVAILABLE,
        ],
    );
    operation["parameters"] = preconditions();
    operation
}

fn update(writer: &mut Writer<'_>) -> Value {
    let (output, input) = (writer.output::<Artifact>(), writer.input::<Change>());
    let mut operation = change(writer, ("update_artifact", "Replace an artifact"), &output);
    operation["description"] = json!(
        "The whole artifact. What it has (a parent, metadata, tags) must be named, to be kept or to be emptied. What a read \
         returned may be sent back: fields that cannot be changed are accepted as they are. An artifact with bytes keeps them \
         when `data` is null; other data takes their place only with `content_type` null."
    );
    operation["requestBody"] = body(&json!({
        "allOf": [input],
        "required": ["data"],
        // Null takes a member away in a patch; here it is empty instead.
        "properties": {"metadata": {"type": "object"}, "tags": {"type": "array"}},
    }));
    operation
}

fn patch(writer: &mut Writer<'_>) -> Value {
    let (output, input) = (writer.output::<Artifact>(), writer.input::<Change>());
    let names = ("patch_artifact", "Change some of an artifact");
    let mut operation = change(writer, names, &output);
    operation["description"] = json!(
        "A merge patch (RFC 7396): what the body names is changed, in `data` and `metadata` member by member; null removes. A \
         list like `tags` is replaced. An artifact with bytes keeps them; `data` takes their place only with `content_type` null."
    );
    let example = json!({"metadata": {"reviewed": true}});
    let media = json!({"schema": input, "example": example});
    operation["requestBody"] = json!({"required": true, "content": {"application/merge-patch+json": media, "application/json": media}});
    operation
}

/// The id, and the headers that set conditions.
fn preconditions() -> Value {
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "required": false, "description": description,
            "schema": {"type": "string"},
        })
    };
    json!([
        id_parameter(),
        header(
            "If-Match",
            "Entity tags, or `*`: only if it has one of these now."
        ),
        header(
            "If-None-Match",
            "Entity tags, or `*`: only if it has none of these now."
        ),
    ])
}

fn delete(writer: &mut Writer<'_>) -> Value {
    let done = json!({"description": "It is gone. Its children are roots now."});
    let mut operation = operation(
        writer,
        ("delete_artifact", "Delete an artifact"),
        (204, done),
        &[
            MALFORMED_ID,
            UNKNOWN,
            (409, "Somebody else changed it at the same time."),
            PRECONDITION,
            (422, "The service refuses."),
            UNAVAILABLE,
        ],
    );
    operation["parameters"] = preconditions();
    operation
}

fn upload(writer: &mut Writer<'_>) -> Value {
    let output = writer.output::<Artifact>();
    let mut operation = operation(
        writer,
        ("upload_artifact", "Save an artifact with bytes"),
        created(&output),
        &[
            (400, "The body cannot be read."),
            (403, "A page of another site sent it in a form."),
            SLOW,
            (409, "There is an artifact of this id."),
            LARGE,
            (415, "The body is compressed."),
            INVALID,
            UNAVAILABLE,
        ],
    );
    operation["description"] = json!(
        "The body is the content, or a form with the content in `file`. What comes along is in the query, or in the form."
    );
    let ulid = json!({"type": "string", "pattern": ULID});
    let tags = tag_list();
    let metadata = writer.adapt(metadata_text());
    let form = json!({
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "id": ulid,
            "parent_id": ulid,
            "tags": tags,
            "metadata": metadata,
            "file_name": {"type": "string"},
        },
        "additionalProperties": false,
    });
    operation["requestBody"] = json!({"required": false, "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {"schema": form},
    }});
    operation
}

fn download(writer: &mut Writer<'_>) -> Value {
    // Any bytes of any type: nothing that a schema could say.
    let bytes = json!({"*/*": {}});
    let mut operation = operation(
        writer,
        ("download_artifact", "The bytes of an artifact"),
        (200, json!({"description": "All bytes.", "content": bytes})),
        &[
            MALFORMED_ID,
            UNKNOWN,
            (416, "None of the bytes that `Range` asks for are there."),
            UNAVAILABLE,
        ],
    );
    operation["responses"]["206"] =
        json!({"description": "The bytes that `Range` asks for.", "content": bytes});
    operation["responses"]["304"] =
        json!({"description": "Nothing has changed since `If-None-Match`."});
    operation["parameters"] = json!([id_parameter()]);
    operation
}
