//! Answers that are the same everywhere.

use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, Encoding,
    Header as _, HeaderValue, IF_NONE_MATCH, VARY,
};
#[cfg(feature = "database")]
use actix_web::http::{
    StatusCode,
    header::{HeaderName, IF_MATCH},
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use super::Document;
#[cfg(feature = "database")]
use crate::problem::Problem;

pub(crate) fn json(body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    response.body(body)
}

/// Whether the client wants, or at least takes, what is compressed (RFC 9110, section 12.5.3).
fn accepts_gzip(request: &HttpRequest) -> bool {
    if !request.headers().contains_key(ACCEPT_ENCODING) {
        return false;
    }
    let supported = [Encoding::gzip(), Encoding::identity()];
    AcceptEncoding::parse(request)
        .ok()
        .and_then(|accepted| accepted.negotiate(supported.iter()))
        .is_some_and(|chosen| chosen == Encoding::gzip())
}

/// A document, or 304 when the client has it.
pub(crate) fn conditional(request: &HttpRequest, document: &Document) -> HttpResponse {
    let compressed = (document.is_compressible() && accepts_gzip(request))
        .then(|| document.gzip())
        .flatten();
    let is_compressible = document.is_compressible();
    let document = compressed.unwrap_or(document);
    let known = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|tags| document.matches(tags)) {
        HttpResponse::NotModified().finish()
    } else {
        json(document.json.clone())
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&document.etag) {
        headers.insert(ETAG, etag);
    }
    if compressed.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if is_compressible {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    // It may be stored, and has to be asked for again: a new version of the service has other tasks.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Whether the client wants something done only if what is there is what it knows.
#[cfg(feature = "database")]
pub(crate) fn is_conditional(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(IF_MATCH) || headers.contains_key(IF_NONE_MATCH)
}

/// Refuses what is asked for under conditions that are not met (RFC 9110, section 13.1), of something that is there.
#[cfg(feature = "database")]
pub(crate) fn check_preconditions(request: &HttpRequest, etag: &str) -> Result<(), Problem> {
    // Several lines are one list.
    let list = |name: HeaderName| -> Option<String> {
        let lines: Vec<_> = request
            .headers()
            .get_all(name)
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect();
        (!lines.is_empty()).then(|| lines.join(","))
    };
    let refuse = |header: &str, what: &str| {
        let detail = format!("`{header}` {what}: the entity tag is {etag} now");
        Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition-failed",
            detail,
        ))
    };
    // Compared strongly: a weak tag fits nothing.
    let strong = |tags: &str| {
        tags.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag == etag)
    };
    if list(IF_MATCH).is_some_and(|tags| !strong(&tags)) {
        return refuse("If-Match", "names another version");
    }
    if list(IF_NONE_MATCH).is_some_and(|tags| super::matches_etag(etag, &tags)) {
        return refuse("If-None-Match", "names this very version");
    }
    Ok(())
}
