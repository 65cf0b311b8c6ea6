//! Queues over HTTP. They are not about the tasks of a key alone, so keys that are limited do not reach them.

use actix_web::HttpRequest;
use actix_web::web::{Data, Payload};
use serde::Serialize;

use super::pause;
use super::state::JobRoutes;
use crate::access::Access;
use crate::http::{HandlerResult, json};
use crate::problem::Problem;

fn respond(value: &impl Serialize) -> HandlerResult {
    let body = serde_json::to_vec(value).map_err(|_| Problem::internal())?;
    Ok(json(body.into()))
}

fn name(request: &HttpRequest) -> &str {
    request.match_info().get("name").unwrap_or_default()
}

pub(super) async fn list(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    respond(&state.scheduler.queues().await?)
}

pub(super) async fn pause(
    request: HttpRequest,
    state: Data<JobRoutes>,
    payload: Payload,
) -> HandlerResult {
    let reason = pause::reason(&request, payload).await?;
    let key = pause::key_name(&request);
    let queue = name(&request);
    let paused = state
        .scheduler
        .pause_queue_for(queue, reason.as_deref(), key.as_deref());
    respond(&paused.await?)
}

pub(super) async fn resume(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    respond(&state.scheduler.resume_queue(name(&request)).await?)
}
