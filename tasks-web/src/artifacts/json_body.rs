//! An artifact as a JSON body has it: to be created, to replace another, or as a patch of it.

use actix_web::http::StatusCode;
use serde_json::Value;
use tasks_runtime::ArgumentError;
use tasks_runtime::artifacts::{Artifact, ArtifactId, JsonText, NewArtifact};

use super::body_errors::BodyErrors;
use super::merge_patch::merge;
use crate::http::member_pointer;
use crate::problem::Problem;

/// What a body may have.
const MEMBERS: [&str; 5] = ["id", "parent_id", "data", "metadata", "tags"];

/// What only the service changes. Who sends back what it got has it in the body.
const READ_ONLY: [&str; 6] = [
    "created_at",
    "updated_at",
    "content_type",
    "file_name",
    "size",
    "level",
];

/// What a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyPurpose {
    Create,
    Replace,
    Patch,
}

/// A body as it was sent.
#[derive(Clone, Default)]
pub(super) struct JsonBody {
    id: Option<ArtifactId>,
    parent: Option<Option<ArtifactId>>,
    /// `null` is data like any other.
    data: Option<JsonText>,
    metadata: Option<JsonText>,
    tags: Option<Vec<String>>,
    read_only: Vec<(&'static str, JsonText)>,
}

impl JsonBody {
    pub(super) fn read(body: &[u8], known: BodyPurpose) -> Result<Self, Problem> {
        let malformed =
            |detail: String| Problem::new(StatusCode::BAD_REQUEST, "malformed-json", detail);
        let text = std::str::from_utf8(body)
            .map_err(|error| malformed(format!("the body is not UTF-8: {error}")))?;
        let json = JsonText::parse(text)
            .map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
        let mut wrong = BodyErrors::default();
        let Some(members) = json.members() else {
            wrong.push("", "expected an object");
            wrong.finish()?;
            return Ok(Self::default());
        };
        let mut body = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        let read_only: &[&str] = if known == BodyPurpose::Create {
            &[]
        } else {
            &READ_ONLY
        };
        for (name, value) in members {
            let Some(name) = MEMBERS
                .iter()
                .chain(read_only)
                .find(|known| **known == name)
            else {
                wrong.push(
                    &member_pointer(&name),
                    format!("unknown field; there are {}", MEMBERS.join(", ")),
                );
                continue;
            };
            if seen.contains(name) {
                wrong.push(&format!("/{name}"), "given twice");
                continue;
            }
            seen.push(name);
            body.take(name, value, known, &mut wrong);
        }
        wrong.finish()?;
        Ok(body)
    }

    fn take(
        &mut self,
        name: &'static str,
        value: JsonText,
        known: BodyPurpose,
        wrong: &mut BodyErrors,
    ) {
        let is_null = value.as_str() == "null";
        if matches!(name, "metadata" | "data") {
            wrong.push_repeated(&format!("/{name}"), &value);
        }
        match name {
            "data" => self.data = Some(value),
            "id" => self.id = take_id(&value, "/id", wrong),
            "parent_id" if is_null => self.parent = Some(None),
            "parent_id" => self.parent = Some(take_id(&value, "/parent_id", wrong)),
            "metadata" if value.is_object() || is_null && known == BodyPurpose::Patch => {
                self.metadata = Some(value);
            }
            "metadata" => wrong.push("/metadata", "expected an object"),
            "tags" if is_null && known == BodyPurpose::Patch => self.tags = Some(Vec::new()),
            "tags" => self.tags = take_tags(&value, wrong),
            read_only => self.read_only.push((read_only, value)),
        }
    }

    /// For one that is new.
    pub(super) fn create(self) -> Result<NewArtifact, Problem> {
        let mut artifact = NewArtifact::new()
            .data(self.data.ok_or_else(missing_data)?)
            .parent(self.parent.flatten())
            .tags(self.tags.unwrap_or_default());
        if let Some(metadata) = self.metadata {
            artifact = artifact.metadata_text(metadata);
        }
        Ok(match self.id {
            Some(id) => artifact.id(id),
            None => artifact,
        })
    }

    /// In the place of one that is there. One with bytes keeps them when the data is `null`. Nothing is lost because it was not
    /// named.
    pub(super) fn replace(&self, current: &Artifact) -> Result<NewArtifact, Problem> {
        let mut wrong = BodyErrors::default();
        self.check_unchanged(current, &mut wrong)?;
        let mut needs = |name: &str, is_left_out: bool, is_there: bool, none: &str| {
            if is_left_out && is_there {
                wrong.push(
                    &format!("/{name}"),
                    format!(
                        "left out, and the artifact has it: `PUT` replaces all, so send it, or {none}; `PATCH` changes only \
                         what it names"
                    ),
                );
            }
        };
        let has_metadata = current
            .metadata
            .members()
            .is_some_and(|members| !members.is_empty());
        needs(
            "parent_id",
            self.parent.is_none(),
            current.parent_id.is_some(),
            "null",
        );
        needs("metadata", self.metadata.is_none(), has_metadata, "{}");
        needs("tags", self.tags.is_none(), !current.tags.is_empty(), "[]");
        if self.data.is_none() {
            wrong.push(
                "/data",
                "required, and missing: any JSON; `null` keeps bytes",
            );
            return Err(wrong.into_problem());
        }
        self.check_bytes(current, &mut wrong);
        wrong.conflict()?;
        let keeps = current.content.is_some()
            && self
                .data
                .as_ref()
                .is_some_and(|data| data.as_str() == "null");
        let own = Self {
            id: None,
            ..self.clone()
        };
        let mut artifact = own.create()?;
        if keeps {
            artifact = artifact.keep_data();
        }
        Ok(artifact)
    }

    /// What is there, with what the body names in it: a merge patch (RFC 7396).
    pub(super) fn patch(&self, current: &Artifact) -> Result<NewArtifact, Problem> {
        let mut wrong = BodyErrors::default();
        self.check_unchanged(current, &mut wrong)?;
        self.check_bytes(current, &mut wrong);
        wrong.conflict()?;
        let metadata = match &self.metadata {
            None => current.metadata.clone(),
            Some(patch) if patch.is_object() => merge(Some(&current.metadata), patch),
            Some(_) => JsonText::empty_object(),
        };
        let artifact = NewArtifact::new()
            .parent(self.parent.unwrap_or(current.parent_id))
            .tags(self.tags.clone().unwrap_or_else(|| current.tags.clone()))
            .metadata_text(metadata);
        let has_content = current.content.is_some();
        Ok(match &self.data {
            // Bytes stay where they are.
            None if has_content => artifact,
            Some(data) if has_content && data.as_str() == "null" => artifact,
            None => match &current.data {
                Some(data) => artifact.data(data.clone()),
                None => artifact,
            },
            Some(patch) => artifact.data(merge(current.data.as_ref(), patch)),
        })
    }

    /// Whether JSON is to take the place of bytes, and whether that is meant: with the bytes go their type and their name.
    fn replaces_bytes(&self, current: &Artifact) -> (bool, bool) {
        let is_null = |value: &JsonText| value.as_str() == "null";
        let replaces =
            current.content.is_some() && self.data.as_ref().is_some_and(|data| !is_null(data));
        let is_meant = self
            .read_only
            .iter()
            .any(|(name, value)| *name == "content_type" && is_null(value));
        (replaces, replaces && is_meant)
    }

    /// Bytes are not lost because somebody took them for JSON.
    fn check_bytes(&self, current: &Artifact, wrong: &mut BodyErrors) {
        if self.replaces_bytes(current) == (true, false) {
            wrong.push(
                "/data",
                "the artifact has bytes, and JSON would take their place: send `\"content_type\": null` as well if that is meant; null \
                 keeps the bytes",
            );
        }
    }

    /// What cannot be changed is as it was.
    fn check_unchanged(&self, current: &Artifact, wrong: &mut BodyErrors) -> Result<(), Problem> {
        if self.id.is_some_and(|own| own != current.id) {
            // RFC 9110, section 9.3.4.
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "artifact-id",
                "the body has another `id` than the path",
            ));
        }
        if self.read_only.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        current.write_json(&mut text, false, |_| {});
        let known: Value = serde_json::from_slice(&text).unwrap_or_default();
        let (_, goes) = self.replaces_bytes(current);
        for (name, sent) in &self.read_only {
            // What is of the bytes goes with them.
            let is_of_bytes = matches!(*name, "content_type" | "file_name" | "size");
            if goes && is_of_bytes && sent.as_str() == "null" {
                continue;
            }
            if sent.read::<Value>().ok().as_ref() != known.get(name) {
                let now = known.get(name).unwrap_or(&Value::Null);
                wrong.push(
                    &format!("/{name}"),
                    format!("read-only, and it is {now}: leave it out, or send it as it is"),
                );
            }
        }
        Ok(())
    }
}

fn missing_data() -> Problem {
    Problem::invalid_body(vec![ArgumentError::new(
        "/data".to_owned(),
        "required, and missing: any JSON; bytes go to `$upload`".to_owned(),
    )])
}

/// A list of texts; each of its elements that is none is said.
fn take_tags(value: &JsonText, wrong: &mut BodyErrors) -> Option<Vec<String>> {
    let Ok(elements) = value.read::<Vec<Value>>() else {
        wrong.push("/tags", "expected an array of strings");
        return None;
    };
    let mut tags = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        match element {
            Value::String(tag) => tags.push(tag),
            _ => wrong.push(&format!("/tags/{index}"), "expected a string"),
        }
    }
    Some(tags)
}

fn take_id(value: &JsonText, pointer: &str, wrong: &mut BodyErrors) -> Option<ArtifactId> {
    let id = value
        .read::<String>()
        .ok()
        .and_then(|text| text.parse().ok());
    if id.is_none() {
        wrong.push(pointer, "expected a ULID: 26 digits and capital letters");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(body: &str) -> Vec<(String, String)> {
        let problem = JsonBody::read(body.as_bytes(), BodyPurpose::Create)
            .and_then(JsonBody::create)
            .err()
            .unwrap();
        assert_eq!(problem.status, 422, "{problem}");
        problem
            .errors
            .into_iter()
            .map(|error| (error.pointer, error.detail))
            .collect()
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let wrong = errors(
            r#"{"id": "x", "parent_id": 1, "data": 1, "data": 2, "metadata": [], "tags": "a", "level": 1}"#,
        );
        let pointers: Vec<&str> = wrong.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/id", "/parent_id", "/data", "/metadata", "/tags", "/level"]
        );
    }

    #[test]
    fn data_is_required_and_null_is_data() {
        assert_eq!(errors("{}")[0].0, "/data");
        assert_eq!(errors("[]")[0].0, "");
        assert!(
            JsonBody::read(br#"{"data": null}"#, BodyPurpose::Create)
                .and_then(JsonBody::create)
                .is_ok()
        );
    }

    #[test]
    fn what_is_not_json_is_another_problem() {
        for body in [&b"{"[..], b"\xff", b""] {
            assert_eq!(
                JsonBody::read(body, BodyPurpose::Create)
                    .err()
                    .unwrap()
                    .status,
                400
            );
        }
    }
}
