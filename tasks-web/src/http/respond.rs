//! Answers that are the same everywhere.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, Encoding,
    Header as _, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use super::Document;
use super::document::matches_etag;
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

/// A document, or 304 when the client has it, or 412 when it wants another one.
pub(crate) fn conditional(request: &HttpRequest, document: &Document) -> HttpResponse {
    let whole = document;
    let compressed = (document.is_compressible() && accepts_gzip(request))
        .then(|| document.gzip())
        .flatten();
    let is_compressible = document.is_compressible();
    let document = compressed.unwrap_or(document);
    // Compressed or not, it is the same document.
    let tags = [document.etag.as_str(), whole.etag.as_str()];
    let mut response = match read_preconditions(request.headers(), &document.etag, &tags) {
        Verdict::Send => json(document.json.clone()),
        Verdict::NotModified => HttpResponse::NotModified().finish(),
        Verdict::Refuse(problem) => return problem.answer(request),
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, document.etag_header.clone());
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
    match read_preconditions(request.headers(), etag, &[etag]) {
        Verdict::Send => Ok(()),
        Verdict::NotModified => Err(failed("If-None-Match", "names this very version", etag)),
        Verdict::Refuse(problem) => Err(*problem),
    }
}

/// What preconditions mean for an answer to `GET`.
pub(crate) enum Verdict {
    /// The answer is sent.
    Send,
    /// The client has it: 304.
    NotModified,
    /// The client wants another version: 412.
    Refuse(Box<Problem>),
}

/// Compares `If-Match` with these entity tags, and then `If-None-Match` with that of the answer (RFC 9110, section 13.2.2).
pub(crate) fn read_preconditions(headers: &HeaderMap, etag: &str, tags: &[&str]) -> Verdict {
    // Several lines are one list.
    let list = |name: HeaderName| -> Option<String> {
        let lines: Vec<_> = headers
            .get_all(name)
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect();
        (!lines.is_empty()).then(|| lines.join(","))
    };
    // Compared strongly: a weak tag fits nothing.
    let strong = |list: &str| {
        let mut list = list.split(',').map(str::trim);
        list.any(|tag| tag == "*" || tags.contains(&tag))
    };
    if list(IF_MATCH).is_some_and(|list| !strong(&list)) {
        let problem = failed("If-Match", "names another version", etag);
        return Verdict::Refuse(Box::new(problem));
    }
    if list(IF_NONE_MATCH).is_some_and(|list| matches_etag(etag, &list)) {
        return Verdict::NotModified;
    }
    Verdict::Send
}

fn failed(header: &str, what: &str, etag: &str) -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition-failed",
        format!("`{header}` {what}: the entity tag is {etag} now"),
    )
}
