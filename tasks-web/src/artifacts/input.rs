//! Reads an artifact from a JSON body, and says all that is wrong with it.

use actix_web::http::StatusCode;
use tasks_runtime::ArgumentError;
use tasks_runtime::artifacts::{ArtifactIn, JsonText, Ulid};

use crate::http::ulid;
use crate::problem::Problem;

/// What a body may have.
const MEMBERS: [&str; 5] = ["id", "parent_id", "data", "metadata", "tags"];

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Wrong(Vec<ArgumentError>);

impl Wrong {
    pub(super) fn say(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(ArgumentError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        });
    }

    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid_body(self.0))
        }
    }
}

/// A body as it was sent.
#[derive(Default)]
pub(super) struct Body {
    pub(super) id: Option<Ulid>,
    /// `null` is data like any other.
    pub(super) data: Option<JsonText>,
    pub(super) rest: ArtifactIn,
}

impl Body {
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let malformed =
            |detail: String| Problem::new(StatusCode::BAD_REQUEST, "malformed-json", detail);
        let text = std::str::from_utf8(body)
            .map_err(|error| malformed(format!("the body is not UTF-8: {error}")))?;
        let json = JsonText::parse(text)
            .map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
        let mut wrong = Wrong::default();
        let Some(members) = json.members() else {
            wrong.say("", "expected an object");
            wrong.finish()?;
            return Ok(Self::default());
        };
        let mut body = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in members {
            let Some(name) = MEMBERS.iter().find(|known| **known == name) else {
                let shown: String = name.chars().take(50).collect();
                let pointer = format!("/{}", shown.replace('~', "~0").replace('/', "~1"));
                wrong.say(
                    &pointer,
                    format!("unknown field; there are {}", MEMBERS.join(", ")),
                );
                continue;
            };
            if seen.contains(name) {
                wrong.say(&format!("/{name}"), "given twice");
                continue;
            }
            seen.push(name);
            body.take(name, value, &mut wrong);
        }
        wrong.finish()?;
        Ok(body)
    }

    fn take(&mut self, name: &str, value: JsonText, wrong: &mut Wrong) {
        let rest = std::mem::take(&mut self.rest);
        self.rest = match name {
            "data" => {
                self.data = Some(value);
                rest
            }
            "id" => {
                self.id = take_id(&value, "/id", wrong);
                rest
            }
            "parent_id" if value.as_str() == "null" => rest,
            "parent_id" => rest.parent(take_id(&value, "/parent_id", wrong)),
            "metadata" if value.is_object() => rest.metadata_text(value),
            "metadata" => {
                wrong.say("/metadata", "expected an object");
                rest
            }
            _ => match value.read::<Vec<String>>() {
                Ok(tags) => rest.tags(tags),
                Err(_) => {
                    wrong.say("/tags", "expected an array of strings");
                    rest
                }
            },
        };
    }

    /// For one that is new.
    pub(super) fn create(self) -> Result<ArtifactIn, Problem> {
        let artifact = self.rest.data(self.data.ok_or_else(missing_data)?);
        Ok(match self.id {
            Some(id) => artifact.id(id),
            None => artifact,
        })
    }

    /// For one that is there. One with bytes keeps them when the data is `null`.
    pub(super) fn replace(self, id: Ulid, has_content: bool) -> Result<ArtifactIn, Problem> {
        if self.id.is_some_and(|own| own != id) {
            // RFC 9110, section 9.3.4.
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "artifact-id",
                "the body has another `id` than the path",
            ));
        }
        if has_content
            && self
                .data
                .as_ref()
                .is_some_and(|data| data.as_str() == "null")
        {
            return Ok(self.rest);
        }
        let data = self.data.ok_or_else(missing_data)?;
        Ok(self.rest.data(data))
    }
}

fn missing_data() -> Problem {
    Problem::invalid_body(vec![ArgumentError {
        pointer: "/data".to_owned(),
        detail: "required, and missing: any JSON; bytes go to `$upload`".to_owned(),
    }])
}

fn take_id(value: &JsonText, pointer: &str, wrong: &mut Wrong) -> Option<Ulid> {
    let id = value.read::<String>().ok().and_then(|text| ulid(&text));
    if id.is_none() {
        wrong.say(pointer, "expected a ULID: 26 digits and capital letters");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(body: &str) -> Vec<(String, String)> {
        let problem = Body::read(body.as_bytes())
            .and_then(Body::create)
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
            Body::read(br#"{"data": null}"#)
                .and_then(Body::create)
                .is_ok()
        );
    }

    #[test]
    fn what_is_not_json_is_another_problem() {
        for body in [&b"{"[..], b"\xff", b""] {
            assert_eq!(Body::read(body).err().unwrap().status, 400);
        }
    }
}
