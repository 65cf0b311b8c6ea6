//! RFC 9457: errors as `application/problem+json`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_runtime::{ArgumentError, ArgumentErrorCode, TaskFailure};

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
    /// For a task that failed, where failures have a status: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<TaskFailure>>,
    /// The id of the request, as in the header `x-request-id` and in the log. A [`Service`](crate::Service) writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Headers of the response beside the content type.
    #[serde(skip)]
    #[schemars(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
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
            error: None,
            request_id: None,
            headers: Vec::new(),
        }
    }

    /// Says which path was asked for.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.instance = Some(path.to_owned());
        self
    }

    /// Says each thing that is wrong with what was sent; of more than [`MAX_ERRORS`], the first ones.
    pub(crate) fn with_errors(mut self, errors: Vec<ArgumentError>) -> Self {
        self.errors = capped(errors);
        self
    }

    /// Adds a header to the response.
    fn with_header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.push((name, value));
        }
        self
    }

    /// Says when it is worth asking again, in whole seconds.
    pub(crate) fn retry_after(self, time: Duration) -> Self {
        self.with_header(RETRY_AFTER, time.as_secs())
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
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
            .with_header(ALLOW, allow)
    }

    /// No key, or a wrong one.
    pub(crate) fn unauthorized(detail: String) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey"))
    }

    /// The same, with what the client is to do by its standard.
    pub(crate) fn unauthorized_by(detail: String, challenge: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .with_header(WWW_AUTHENTICATE, challenge)
    }

    pub(crate) fn forbidden(detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Something that is not the client's fault. What exactly it was is for the log alone.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the service failed to answer; its log says why, under the id of this request",
        )
    }

    /// Try again a little later.
    #[cfg(feature = "database")]
    pub(crate) fn unavailable(detail: &'static str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "dependency-unavailable",
            detail,
        )
        .retry_after(Duration::from_secs(1))
    }

    /// There is no space left for what was to be stored.
    #[cfg(feature = "database")]
    pub(crate) fn storage_full() -> Self {
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "storage-full",
            "the disk of the service is full, and nothing was changed: make room on it; to delete or to cancel needs some space there, too",
        )
    }
}

/// As many errors as a problem lists, of which the last one says that there are more.
pub(crate) fn capped(mut errors: Vec<ArgumentError>) -> Vec<ArgumentError> {
    if errors.len() > MAX_ERRORS {
        let more = errors.len() - (MAX_ERRORS - 1);
        errors.truncate(MAX_ERRORS - 1);
        let rest = ArgumentError::new("", format!("and {more} more errors, at least"));
        errors.push(rest.with_code(ArgumentErrorCode::TooMany));
    }
    errors
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
        for (name, value) in &self.headers {
            response.insert_header((name, value));
        }
        // Strings and numbers: this cannot fail.
        response.body(serde_json::to_vec(self).unwrap_or_default())
    }
}
