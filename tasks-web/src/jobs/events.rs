//! Events for jobs.

use std::fmt::Display;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tasks_runtime::artifacts::JsonText;
use tasks_runtime::jobs::MAX_EVENT_BYTES;

use super::access;
use super::state::JobRoutes;
use crate::http::{BodyLimits, HandlerResult, check_json, check_same_site};
use crate::problem::Problem;

pub(super) async fn send(
    request: HttpRequest,
    state: Data<JobRoutes>,
    path: Path<(String, String)>,
    payload: Payload,
) -> HandlerResult {
    // Its body may be empty, which needs no permission of a browser.
    check_same_site(&request)?;
    let job = access::find(&request, &state.scheduler).await?;
    let limits = BodyLimits {
        bytes: MAX_EVENT_BYTES,
        time: Duration::from_secs(30),
    };
    let body = limits.read(request.headers(), payload.into_inner()).await?;
    let payload = if body.is_empty() {
        JsonText::new(&())
    } else {
        check_json(request.headers())?;
        // What is not UTF-8 is not taken for something else.
        let text = std::str::from_utf8(&body).map_err(|error| not_json(&error))?;
        JsonText::parse(text)
    };
    let payload = payload.map_err(|error| not_json(&error))?;
    // Decoded: `match_info` leaves some characters as they are sent.
    let (_, event) = path.into_inner();
    state.scheduler.send(job.id, event, &payload).await?;
    // What the job is by now.
    let job = access::find(&request, &state.scheduler).await?;
    let body = serde_json::to_vec(&job).map_err(|_| Problem::internal())?;
    Ok(HttpResponse::build(StatusCode::ACCEPTED)
        .content_type("application/json")
        .body(body))
}

fn not_json(error: &impl Display) -> Problem {
    Problem::malformed(format!("the body is not JSON: {error}"))
}
