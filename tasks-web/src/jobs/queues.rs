//! Queues over HTTP. They are not about the tasks of a key alone, so keys that are limited do not reach them.

use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::JobRoutes;
use crate::access::Access;
use crate::http::{BodyLimits, HandlerResult, check_json, check_same_site, json, members};
use crate::problem::Problem;

/// How a queue is paused.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseIn {
    /// Why.
    #[serde(default)]
    #[schemars(length(max = 500), extend("pattern" = members::STORABLE))]
    reason: Option<String>,
}

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
    // Its body may be empty, which needs no permission of a browser.
    check_same_site(&request)?;
    Access::check_unlimited(&request)?;
    let limits = BodyLimits {
        bytes: 16 * 1024,
        time: Duration::from_secs(30),
    };
    let body = limits.read(request.headers(), payload.into_inner()).await?;
    let sent: Option<PauseIn> = if body.is_empty() {
        None
    } else {
        check_json(request.headers())?;
        Some(members::read_object(&body)?)
    };
    let reason = sent.and_then(|sent| sent.reason);
    let access = request.extensions().get::<Access>().cloned();
    let key = access.as_ref().map(Access::key_name);
    let queue = name(&request);
    let paused = state
        .scheduler
        .pause_queue_for(queue, reason.as_deref(), key);
    respond(&paused.await?)
}

pub(super) async fn resume(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    respond(&state.scheduler.resume_queue(name(&request)).await?)
}
