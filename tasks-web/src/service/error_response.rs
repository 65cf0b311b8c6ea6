//! Gives an answer its request id, and errors their form.

use actix_web::body::{BodySize, BoxBody, MessageBody as _};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, ResponseError as _};

use crate::http::{RequestId, X_REQUEST_ID};
use crate::problem::{PROBLEM_JSON, Problem};

/// Writes the id into the header and, when the answer is an error, into its problem.
pub(super) fn finish(response: HttpResponse, id: &RequestId, path: &str) -> HttpResponse {
    let status = response.status();
    let mut response = if status.is_client_error() || status.is_server_error() {
        error(response, id, path)
    } else {
        response
    };
    response.headers_mut().insert(X_REQUEST_ID, id.header());
    response
}

#[cold]
fn error(response: HttpResponse, id: &RequestId, path: &str) -> HttpResponse {
    let media = response
        .headers()
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    match media {
        Some(media) if media == PROBLEM_JSON.as_bytes() => {
            response.map_body(|_, body| identified(body, id))
        }
        // What actix says when a handler or an extractor fails without an answer of its own.
        Some(media) if media.starts_with(b"text/plain") && response.error().is_some() => {
            problem(response, id, path)
        }
        None if matches!(response.body().size(), BodySize::None | BodySize::Sized(0)) => {
            problem(response, id, path)
        }
        _ => response,
    }
}

/// A problem in the place of an answer that says less.
fn problem(response: HttpResponse, id: &RequestId, path: &str) -> HttpResponse {
    let status = response.status();
    let detail = response.error().map(ToString::to_string);
    let problem = match (status, detail) {
        (StatusCode::NOT_FOUND, None) => Problem::not_found(),
        (status, detail) if status.is_server_error() => {
            if let Some(error) = detail {
                // Its text is for the log alone: nobody checked that it may be shown.
                tracing::error!(request_id = id.as_str(), path, error, "a handler failed");
            }
            let mut internal = Problem::internal();
            internal.status = status.as_u16();
            if let Some(reason) = status.canonical_reason() {
                reason.clone_into(&mut internal.title);
            }
            internal
        }
        (status, detail) => {
            let reason = status.canonical_reason().unwrap_or("error");
            let kind = reason.to_ascii_lowercase().replace([' ', '\''], "-");
            let detail = detail.unwrap_or_else(|| reason.to_owned());
            Problem::new(status, &kind, detail)
        }
    };
    let made = problem.at(path).error_response().into_body();
    // Its headers stay: `Allow`, say.
    let mut response = response.set_body(identified(made, id));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response
}

/// The JSON of a problem with the id at its end.
fn identified(body: BoxBody, id: &RequestId) -> BoxBody {
    /// In a text inside the JSON a quote has a backslash before it.
    const KEY: &[u8] = b"\"request_id\":\"";
    let json = match body.try_into_bytes() {
        Ok(json) => json,
        Err(stream) => return stream,
    };
    let has_id = json.windows(KEY.len()).any(|window| window == KEY);
    let Some(rest) = json.strip_suffix(b"}").filter(|_| !has_id) else {
        return BoxBody::new(json);
    };
    let mut with_id = Vec::with_capacity(json.len() + 2 + KEY.len() + id.as_str().len());
    with_id.extend_from_slice(rest);
    if rest != b"{" {
        with_id.push(b',');
    }
    with_id.extend_from_slice(KEY);
    // Letters, digits, `.`, `_` and `-`: nothing to escape.
    with_id.extend_from_slice(id.as_str().as_bytes());
    with_id.extend_from_slice(b"\"}");
    BoxBody::new(Bytes::from(with_id))
}
