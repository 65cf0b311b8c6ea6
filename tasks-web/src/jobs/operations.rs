//! Operations on many jobs over HTTP. A key that is limited reaches the jobs of its tasks, and the operations that were asked for with it.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_runtime::jobs::{
    JobError, JobFilter, JobOperation, JobStatus, OperationAction, OperationId,
};

use super::access;
use super::state::JobRoutes;
use crate::access::Access;
use crate::endpoint::AuditNote;
use crate::http::{BodyLimits, HandlerResult, check_json, json, members};
use crate::problem::Problem;

/// What is to be done to which jobs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkIn {
    /// What is done to each job: those that have not ended are canceled, those that failed or were canceled are queued again, or all are deleted.
    #[serde(deserialize_with = "members::word")]
    action: OperationAction,
    /// Which jobs; `{}` is all of them.
    #[serde(deserialize_with = "members::object")]
    filter: FilterIn,
}

/// Which jobs, as the list has them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FilterIn {
    /// Their status.
    #[serde(default, deserialize_with = "members::given_word")]
    #[schemars(with = "JobStatus")]
    status: Option<JobStatus>,
    /// Name of their task.
    #[serde(default, deserialize_with = "members::given")]
    #[schemars(with = "String")]
    task: Option<String>,
    /// A tag of their task.
    #[serde(default, deserialize_with = "members::given")]
    #[schemars(with = "String")]
    tag: Option<String>,
    /// Name of the schedule that submitted them.
    #[serde(default, deserialize_with = "members::given")]
    #[schemars(with = "String")]
    schedule: Option<String>,
    /// Their queue.
    #[serde(default, deserialize_with = "members::given")]
    #[schemars(with = "String")]
    queue: Option<String>,
    /// Type of the error of their latest failed attempt.
    #[serde(default, deserialize_with = "members::given")]
    #[schemars(with = "String")]
    error_type: Option<String>,
    /// Code of the error of their latest failed attempt; empty for an error without one.
    #[serde(default, deserialize_with = "members::given")]
    #[schemars(with = "String")]
    error_code: Option<String>,
    /// Where that error began, as `$failures` says it; empty where that is not known.
    #[serde(default, deserialize_with = "members::given")]
    #[schemars(with = "String")]
    error_location: Option<String>,
}

fn body(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|_| Problem::internal())
}

fn one(operation: &JobOperation) -> HandlerResult {
    Ok(json(body(operation)?.into()))
}

/// What a request asks for, with a filter of the jobs that its key reaches.
async fn read(
    request: &HttpRequest,
    state: &JobRoutes,
    payload: Payload,
) -> Result<(OperationAction, JobFilter), Problem> {
    check_json(request.headers())?;
    let limits = BodyLimits {
        bytes: 16 * 1024,
        time: Duration::from_secs(30),
    };
    let sent: BulkIn =
        members::read_object(&limits.read(request.headers(), payload.into_inner()).await?)?;
    let FilterIn {
        status,
        task,
        tag,
        schedule,
        queue,
        error_type,
        error_code,
        error_location,
    } = sent.filter;
    let mut filter = JobFilter::new();
    if let Some(status) = status {
        filter = filter.status(status);
    }
    if let Some(schedule) = schedule {
        filter = filter.schedule(schedule);
    }
    if let Some(queue) = queue {
        filter = filter.queue(queue);
    }
    if let Some(name) = error_type {
        filter = filter.error_type(name);
    }
    if let Some(code) = error_code {
        filter = filter.error_code(code);
    }
    if let Some(place) = error_location {
        filter = filter.error_location(place);
    }
    let filter = access::limit(request, &state.scheduler, filter, task, tag.as_deref());
    Ok((sent.action, filter))
}

pub(super) async fn count(
    request: HttpRequest,
    state: Data<JobRoutes>,
    payload: Payload,
) -> HandlerResult {
    let (action, filter) = read(&request, &state, payload).await?;
    let count = state.scheduler.count_jobs(action, &filter).await?;
    request.extensions_mut().insert(AuditNote::NoChange);
    Ok(json(body(&count)?.into()))
}

pub(super) async fn start(
    request: HttpRequest,
    state: Data<JobRoutes>,
    payload: Payload,
) -> HandlerResult {
    let (action, filter) = read(&request, &state, payload).await?;
    let access = request.extensions().get::<Access>().cloned();
    let key = access.as_ref().map(Access::key_name);
    let started = state.scheduler.start_operation_for(action, filter, key);
    let operation = started.await?;
    let words = serde_json::to_string(&operation.filter).unwrap_or_default();
    let note = format!("{}={words}", operation.action.as_str());
    request.extensions_mut().insert(AuditNote::Query(note));
    Ok(HttpResponse::Accepted()
        .content_type("application/json")
        .body(body(&operation)?))
}

/// Whether the key of a request reaches an operation: one that is limited may not know how many jobs others have.
fn reaches(request: &HttpRequest, operation: &JobOperation) -> bool {
    Access::limits(request)
        .is_none_or(|access| operation.requested_by.as_deref() == Some(access.key_name()))
}

async fn find(request: &HttpRequest, state: &JobRoutes) -> Result<JobOperation, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    let unknown = || {
        let shown: String = text.chars().take(100).collect();
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-operation",
            format!("there is no operation `{shown}`"),
        )
    };
    let id: OperationId = text.parse().map_err(|_| unknown())?;
    let found = match state.scheduler.operation(id).await {
        Err(JobError::OperationNotFound(_)) => return Err(unknown()),
        found => found?,
    };
    if !reaches(request, &found) {
        return Err(Problem::forbidden(
            "the key is limited to tasks with some tags, and the operation was asked for with another key"
                .to_owned(),
        ));
    }
    Ok(found)
}

pub(super) async fn list(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let mut all = state.scheduler.operations().await?;
    all.retain(|operation| reaches(&request, operation));
    Ok(json(body(&all)?.into()))
}

pub(super) async fn get(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    one(&find(&request, &state).await?)
}

pub(super) async fn cancel(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let found = find(&request, &state).await?;
    one(&state.scheduler.cancel_operation(found.id).await?)
}
