//! Answers that are the same everywhere.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};

use super::Document;
use crate::problem::Problem;

/// The answer, or the problem in its place.
pub(crate) fn answer(request: &HttpRequest, result: Result<HttpResponse, Problem>) -> HttpResponse {
    result.unwrap_or_else(|problem| problem.answer(request))
}

pub(crate) fn json(body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    response.body(body)
}

/// A document, or 304 when the client has it.
pub(crate) fn conditional(request: &HttpRequest, document: &Document) -> HttpResponse {
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
    // It may be stored, and has to be asked for again: a new version of the service has other tasks.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A resource that is read only: other methods are answered by 405.
pub(crate) fn only_get<F, Args>(resource: Resource, handler: F) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let refuse = |request: HttpRequest| async move {
        Problem::method_not_allowed("GET, HEAD").answer(&request)
    };
    resource
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(refuse))
}
