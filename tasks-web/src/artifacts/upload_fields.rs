//! What comes along with the content of an upload: in the query, in the headers, or in fields of a form.

use actix_web::HttpRequest;
use actix_web::http::header::{AsHeaderName, HeaderMap};
use serde_json::{Value, json};
use tasks_runtime::artifacts::{ArtifactId, JsonText, NewArtifact};

use super::body_errors::BodyErrors;
use super::fields::{file_name_query, metadata_text, tag_list};
use crate::http::query::{QueryParameter, pairs};
use crate::http::{ULID, member_pointer};
use crate::problem::Problem;

/// The query: what comes along with the content.
pub(super) const QUERY: &[QueryParameter] = &[
    QueryParameter::new("id", "Its name; made when there is none.", ulid),
    QueryParameter::new("parent_id", "The id of an artifact that is there.", ulid),
    QueryParameter::new("tags", "With commas between them.", tag_list).commas(),
    QueryParameter::new("metadata", "A JSON object.", metadata_text),
    QueryParameter::new(
        "file_name",
        "The name under which it is downloaded.",
        file_name_query,
    ),
];

fn ulid() -> Value {
    json!({"type": "string", "pattern": ULID})
}

/// What comes along with the content.
#[derive(Default)]
pub(super) struct Fields {
    artifact: NewArtifact,
    tags: Vec<String>,
    pub(super) content_type: Option<String>,
    file_name: Option<String>,
    /// The name that comes with the content itself, where none is given.
    pub(super) sent_file_name: Option<String>,
    /// What was given, in the query or in the form.
    seen: Vec<&'static str>,
    pub(super) wrong: BodyErrors,
}

impl Fields {
    const KNOWN: [&'static str; 5] = ["id", "parent_id", "tags", "metadata", "file_name"];

    /// What is in the query, whatever the body is.
    pub(super) fn of_query(request: &HttpRequest) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for (name, value) in pairs(request.query_string())? {
            // Other than an input of a form, nobody leaves it empty unasked.
            if value.is_empty() && matches!(&*name, "metadata" | "file_name") {
                fields
                    .wrong
                    .push(&format!("/{name}"), "is empty: leave it out");
            } else {
                fields.take(&name, &value);
            }
        }
        Ok(fields)
    }

    pub(super) fn take(&mut self, name: &str, value: &str) {
        let known = Self::KNOWN.iter().find(|known| **known == name);
        if let Some(known) = known.filter(|known| **known != "tags") {
            if self.seen.contains(known) {
                self.wrong.push(&format!("/{name}"), "given twice");
                return;
            }
            self.seen.push(known);
        }
        let artifact = std::mem::take(&mut self.artifact);
        self.artifact = match name {
            "id" | "parent_id" => match value.parse::<ArtifactId>() {
                Ok(id) if name == "id" => artifact.id(id),
                Ok(id) => artifact.parent(id),
                Err(_) => {
                    let pointer = format!("/{name}");
                    self.wrong
                        .push(&pointer, "expected a ULID: 26 digits and capital letters");
                    artifact
                }
            },
            // An input of a form that was left empty.
            "metadata" | "file_name" if value.is_empty() => artifact,
            "metadata" => match JsonText::parse(value) {
                Ok(json) if json.is_object() => {
                    self.wrong.push_repeated("/metadata", &json);
                    artifact.metadata_text(json)
                }
                _ => {
                    self.wrong.push("/metadata", "expected a JSON object");
                    artifact
                }
            },
            // Once with commas, or once for each.
            "tags" => {
                self.tags.extend(
                    value
                        .split(',')
                        .map(str::trim)
                        .filter(|tag| !tag.is_empty())
                        .map(str::to_owned),
                );
                artifact
            }
            "file_name" if is_path(value) => {
                self.wrong.push(
                    "/file_name",
                    "expected the name of a file, without a path: leave out what is before the last `/` or `\\`",
                );
                artifact
            }
            "file_name" => {
                self.file_name = Some(value.to_owned());
                artifact
            }
            _ => {
                let known = Self::KNOWN.join(", ");
                self.wrong.push(
                    &member_pointer(name),
                    format!("unknown field; there are file, {known}"),
                );
                artifact
            }
        };
    }

    pub(super) fn finish(self) -> Result<NewArtifact, Problem> {
        self.wrong.finish()?;
        let mut artifact = self.artifact.tags(self.tags);
        if let Some(content_type) = self.content_type {
            artifact = artifact.content_type(content_type);
        }
        if let Some(name) = self.file_name.or(self.sent_file_name) {
            artifact = artifact.file_name(name);
        }
        Ok(artifact)
    }
}

/// Whether a name leads anywhere: it has a separator of folders, or is that of a folder.
fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || name.bytes().all(|byte| byte == b'.')
}

/// The value of a header, as it was sent.
pub(super) fn header_text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
