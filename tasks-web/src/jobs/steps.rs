//! Steps of jobs, and jobs that are run again from one of them.

use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::Deserialize;

use super::access;
use super::location::location;
use super::state::JobRoutes;
use crate::access::Access;
use crate::endpoint::AuditNote;
use crate::http::{BodyLimits, HandlerResult, check_json, json, members};
use crate::problem::Problem;

/// Where a job is to begin that is run again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForkIn {
    /// Name of the step that runs again, with all that began after it; the results of those before it are kept.
    #[schemars(length(min = 1))]
    from_step: String,
}

pub(super) async fn list(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let job = access::find(&request, &state.scheduler).await?;
    let steps = state.scheduler.steps(job.id).await?;
    let body = serde_json::to_vec(&steps).map_err(|_| Problem::internal())?;
    Ok(json(body.into()))
}

pub(super) async fn fork(
    request: HttpRequest,
    state: Data<JobRoutes>,
    payload: Payload,
) -> HandlerResult {
    check_json(request.headers())?;
    let job = access::find(&request, &state.scheduler).await?;
    let limits = BodyLimits {
        bytes: 16 * 1024,
        time: Duration::from_secs(30),
    };
    let body = limits.read(request.headers(), payload.into_inner()).await?;
    let ForkIn { from_step } = members::read_object(&body)?;
    let access = request.extensions().get::<Access>().cloned();
    let key = access.as_ref().map(Access::key_name);
    let forked = state.scheduler.fork_for(job.id, &from_step, key).await?;
    let note = format!("from_step={from_step}&job={}", forked.id);
    request.extensions_mut().insert(AuditNote::Query(note));
    let body = serde_json::to_vec(&forked).map_err(|_| Problem::internal())?;
    let at = location(&request, &state.jobs, &state.jobs, forked.id);
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, at))
        .content_type("application/json")
        .body(body))
}
