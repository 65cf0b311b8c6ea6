//! Headers by which a client asks for a promise that not every operation gives: that a repeated request does nothing twice, and that
//! nothing is done to another version than the one it knows. Where they are not heeded they are refused, for the client relies on them.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH};

use crate::problem::Problem;

/// The header that names a request, so that its repetition is known.
pub(crate) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Refuses `Idempotency-Key`; `instead` says what to do.
pub(crate) fn refuse_idempotency_key(headers: &HeaderMap, instead: &str) -> Result<(), Problem> {
    if !headers.contains_key(&IDEMPOTENCY_KEY) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key",
        format!(
            "`Idempotency-Key` is not heeded here, so a repeated request would do it again: {instead}"
        ),
    ))
}

/// Refuses `If-Match` of what is not there (RFC 9110, section 13.1.1).
#[cfg(feature = "database")]
pub(crate) fn refuse_missing(headers: &HeaderMap) -> Result<(), Problem> {
    if !headers.contains_key(IF_MATCH) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition-failed",
        "there is none of this name, so `If-Match` does not hold",
    ))
}

/// Refuses `If-Match` of what has no entity tag: then it names another version, whatever it names (RFC 9110, section 13.1.1).
pub(crate) fn refuse_entity_tags(headers: &HeaderMap) -> Result<(), Problem> {
    let mut tags = headers.get_all(IF_MATCH);
    if tags.all(|tags| tags.as_bytes().trim_ascii() == b"*") {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition-failed",
        "this has no entity tag, so `If-Match` names another version: send it without that header",
    ))
}
