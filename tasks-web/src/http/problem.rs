//! What may be wrong with a request before its meaning is looked at, as problems.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use tasks_runtime::ArgumentError;

use crate::problem::{Problem, capped};

impl Problem {
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

    pub(crate) fn repeated_header(name: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "repeated-header",
            format!(
                "the header `{name}` is there twice, and it is not clear which counts: send it once"
            ),
        )
    }

    pub(crate) fn repeated_charset() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the content type has two charsets: send JSON in UTF-8, with `Content-Type: application/json`",
        )
    }

    pub(crate) fn after_the_last() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "request-after-close",
            "a request before this one, on the same connection, had `Connection: close`, so no other was to follow: send this one on a new \
             connection",
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

    pub(crate) fn cross_site() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross-site-request",
            "a page of another site sent this without a body of JSON, which browsers allow unasked: send \
             `Content-Type: application/json`, and let that site in by CORS; a page of this service behind a proxy that changes \
             `Host` needs `trusted_proxies`",
        )
    }

    /// The request was sent to a name that is not the service's (RFC 9110, section 15.5.20).
    pub(crate) fn misdirected(host: &str) -> Self {
        let host: String = host.escape_debug().take(100).collect();
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected-request",
            format!(
                "`{host}` is not a name of this service, which takes addresses, `localhost` and what `allowed_hosts` says: send the request to one of these, or add the name"
            ),
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
        Self::bad_query(detail).with_errors(errors)
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
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", detail).with_errors(errors)
    }

    pub(crate) fn too_many_streams(detail: String) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-streams", detail)
            .retry_after(Duration::from_secs(5))
    }
}
