//! RFC 9457: errors as `application/problem+json`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_runtime::{ArgumentError, ExecuteError, InvalidArguments, Refusal};

/// How many errors one problem lists.
pub(crate) const MAX_ERRORS: usize = 100;

/// The media type of a problem (RFC 9457, section 3).
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An error as a client sees it.
///
/// It is a [`ResponseError`], so the application's own handlers may return it, too.
///
/// ```
/// use actix_web::http::StatusCode;
/// use tasks_web::Problem;
///
/// let problem = Problem::new(StatusCode::CONFLICT, "conflict", "version 3 was expected");
/// assert_eq!(problem.status, 409);
/// assert_eq!(problem.r#type, "urn:tasks:problem:conflict");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "An error (RFC 9457).")]
pub struct Problem {
    /// A URN that names the kind of problem.
    pub r#type: String,
    /// The kind in words: the status's reason.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// For arguments that were refused: every one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ArgumentError>,
    /// For an unknown task: names that resemble it, the closest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<String>,
    /// For a job that is not in the state for what was asked: how it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_status: Option<Box<str>>,
    /// The id of the request, as in the header `x-request-id` and in the log. A [`Service`](crate::Service) writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip)]
    #[schemars(skip)]
    allow: Option<String>,
    #[serde(skip)]
    #[schemars(skip)]
    challenge: Option<&'static str>,
    #[serde(skip)]
    #[schemars(skip)]
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of a kind, which becomes part of its URN: lower-case words with hyphens.
    #[must_use]
    pub fn new(status: StatusCode, kind: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            r#type: format!("urn:tasks:problem:{kind}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into().into_owned(),
            instance: None,
            errors: Vec::new(),
            nearest: Vec::new(),
            job_status: None,
            request_id: None,
            allow: None,
            challenge: None,
            retry_after: None,
        }
    }

    /// Says which path was asked for.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.instance = Some(path.to_owned());
        self
    }

    /// The answer to a request, with its path.
    pub(crate) fn answer(self, request: &HttpRequest) -> HttpResponse {
        self.at(request.path()).error_response()
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "nothing is at this path",
        )
    }

    pub(crate) fn method_not_allowed(allow: &str) -> Self {
        let detail = format!("this path answers to {allow} only");
        Self {
            allow: Some(allow.to_owned()),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
        }
    }

    /// No key, or a wrong one.
    pub(crate) fn unauthorized(detail: String) -> Self {
        Self {
            challenge: Some("ApiKey"),
            ..Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        }
    }

    pub(crate) fn forbidden(detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(crate) fn too_many_attempts(wait: Duration) -> Self {
        // Whole seconds, rounded up: a client that waits as long as it is told is let in.
        let wait = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        let detail = format!("too many wrong keys came from this address: wait {wait:?}");
        Self {
            retry_after: Some(wait),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", detail)
        }
    }

    pub(crate) fn too_many_streams(detail: String) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-streams", detail)
        }
    }

    /// Something that is not the client's fault. What exactly it was is for the log alone.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the service failed to answer; its log says why, under the id of this request",
        )
    }

    pub(crate) fn payload_too_large(limit: usize) -> Self {
        let detail = format!("the body is larger than the {limit} bytes this server takes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", detail)
    }

    pub(crate) fn unsupported_media_type(sent: Option<&str>) -> Self {
        let sent = sent.map_or_else(
            || "has no content type".to_owned(),
            |sent| format!("is `{sent}`"),
        );
        let detail = format!("the body {sent}: send JSON, with `Content-Type: application/json`");
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            detail,
        )
    }

    #[cfg(feature = "database")]
    pub(crate) fn unsupported_media_type_twice() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body has two content types: send one header `Content-Type`",
        )
    }

    pub(crate) fn other_charset(charset: &str) -> Self {
        let shown: String = charset.chars().take(64).collect();
        let detail = format!(
            "the body is said to be in the charset `{shown}`: send JSON in UTF-8, with `Content-Type: application/json`"
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            detail,
        )
    }

    pub(crate) fn encoded(encoding: &str) -> Self {
        let detail = format!("the body is encoded as `{encoding}`: send it as it is");
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            detail,
        )
    }

    pub(crate) fn other_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross-site-request",
            "a page that is not this service's sent this with the session of a browser: send the key in its header"
                .to_owned(),
        )
    }

    pub(crate) fn cross_site() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross-site-request",
            "a page of another site sent this without a body of JSON, which browsers allow unasked: send \
             `Content-Type: application/json`, and let that site in by CORS; a page of this service behind a proxy that changes \
             `Host` needs `trusted_proxies`",
        )
    }

    pub(crate) fn request_timeout(after: Duration) -> Self {
        let detail = format!("the body did not arrive within {after:?}");
        Self::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", detail)
    }

    pub(crate) fn broken_body(error: impl fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "broken-body",
            format!("the body could not be read: {error}"),
        )
    }

    pub(crate) fn bad_query(detail: String) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-query", detail)
    }

    pub(crate) fn invalid_query(errors: Vec<ArgumentError>) -> Self {
        let detail = match errors.as_slice() {
            [error] => format!("{}: {}", error.pointer, error.detail),
            errors => format!("{} things are wrong with the query", errors.len()),
        };
        Self {
            errors,
            ..Self::bad_query(detail)
        }
    }

    pub(crate) fn malformed(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-json", detail)
    }

    pub(crate) fn invalid_body(errors: Vec<ArgumentError>) -> Self {
        let errors = capped(errors);
        let detail = match errors.as_slice() {
            [error] if error.pointer.is_empty() => format!("the body: {}", error.detail),
            [error] => format!("{}: {}", error.pointer, error.detail),
            errors => format!("{} things are wrong with the body", errors.len()),
        };
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", detail)
        }
    }

    /// The body is well-formed, and does not fit what is there.
    #[cfg(feature = "database")]
    pub(crate) fn conflicting_body(errors: Vec<ArgumentError>) -> Self {
        let invalid = Self::invalid_body(errors);
        Self {
            errors: invalid.errors,
            ..Self::new(StatusCode::CONFLICT, "artifact-conflict", invalid.detail)
        }
    }

    /// What was asked cannot be done with a job that is like this.
    #[cfg(feature = "database")]
    pub(crate) fn wrong_state(status: &str, detail: String) -> Self {
        Self {
            job_status: Some(status.into()),
            ..Self::new(StatusCode::CONFLICT, "wrong-state", detail)
        }
    }

    /// Try again a little later.
    #[cfg(feature = "database")]
    pub(crate) fn unavailable(detail: &'static str) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "dependency-unavailable",
                detail,
            )
        }
    }
}

#[cfg(feature = "database")]
impl Problem {
    /// There is no space left for what was to be stored.
    pub(crate) fn storage_full() -> Self {
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "storage-full",
            "the disk of the service is full, and nothing was changed: make room on it; to delete or to cancel needs some space there, too",
        )
    }
}

/// As many errors as a problem lists, of which the last one says that there are more.
fn capped(mut errors: Vec<ArgumentError>) -> Vec<ArgumentError> {
    if errors.len() > MAX_ERRORS {
        let more = errors.len() - (MAX_ERRORS - 1);
        errors.truncate(MAX_ERRORS - 1);
        errors.push(ArgumentError::new(
            String::new(),
            format!("and {more} more errors, at least"),
        ));
    }
    errors
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        /// A client that was refused for want of a place may try again after this long.
        const AGAIN: Duration = Duration::from_secs(1);
        let detail = error.to_string();
        match error {
            ExecuteError::UnknownTask { nearest, .. } => Self {
                nearest,
                ..Self::new(StatusCode::NOT_FOUND, "unknown-task", detail)
            },
            ExecuteError::InvalidArguments {
                reason: InvalidArguments::Mismatch(errors),
                task,
            } => {
                let errors = capped(errors);
                let detail = match errors.as_slice() {
                    [error] => format!(
                        "task `{task}`: {}: {}",
                        if error.pointer.is_empty() {
                            "the body"
                        } else {
                            &error.pointer
                        },
                        error.detail
                    ),
                    errors => format!(
                        "task `{task}`: {} things are wrong with the arguments",
                        errors.len()
                    ),
                };
                Self {
                    errors,
                    ..Self::new(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "invalid-arguments",
                        detail,
                    )
                }
            }
            ExecuteError::InvalidArguments { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "malformed-json", detail)
            }
            ExecuteError::Unavailable { .. } => {
                let problem = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "dependency-unavailable",
                    detail,
                );
                Self {
                    retry_after: Some(AGAIN),
                    ..problem
                }
            }
            ExecuteError::Refused {
                refusal: Refusal::Task,
                ..
            } => Self {
                retry_after: Some(AGAIN),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "task-busy", detail)
            },
            ExecuteError::Refused { .. } => Self {
                retry_after: Some(AGAIN),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "server-busy", detail)
            },
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON)));
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        if let Some(challenge) = self.challenge {
            response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        }
        if let Some(after) = self.retry_after {
            response.insert_header((RETRY_AFTER, after.as_secs()));
        }
        // Strings and numbers: this cannot fail.
        response.body(serde_json::to_vec(self).unwrap_or_default())
    }
}
