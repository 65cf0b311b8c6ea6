//! Answers where nothing else does.

use actix_web::{HttpRequest, HttpResponse};

use crate::http::{RequestId, X_REQUEST_ID};
use crate::problem::Problem;

/// Answers a path that nothing is at.
pub(super) async fn not_found(request: HttpRequest) -> HttpResponse {
    Problem::not_found().answer(&request)
}

/// Answers what no scope can: a request for `*`, say.
pub(crate) async fn outside(request: HttpRequest) -> HttpResponse {
    let id = RequestId::of(request.headers());
    let mut problem = Problem::not_found();
    problem.request_id = Some(id.as_str().to_owned());
    let mut response = problem.answer(&request);
    response.headers_mut().insert(X_REQUEST_ID, id.header());
    response
}
