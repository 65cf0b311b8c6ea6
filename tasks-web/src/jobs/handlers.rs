//! Jobs as JSON.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tasks_runtime::jobs::JobRecord;

use super::access;
use super::query::{self, JobPaging};
use super::state::JobRoutes;
use crate::access::Access;
use crate::http::paging::{self, MAX_PAGE_SIZE, with_next};
use crate::http::{Document, HandlerResult, conditional, json};
use crate::problem::Problem;

fn write(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|_| Problem::internal())
}

fn one(job: &JobRecord) -> HandlerResult {
    Ok(json(write(job)?.into()))
}

pub(super) async fn list(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let wanted = query::parse_list(request.query_string())?;
    let scheduler = &state.scheduler;
    let filter = access::limit(
        &request,
        scheduler,
        wanted.filter,
        wanted.task,
        wanted.tag.as_deref(),
    );
    let is_limited = Access::limits(&request).is_some();
    match wanted.part {
        JobPaging::Before(before) => {
            let mut jobs = scheduler.list(&filter, before, MAX_PAGE_SIZE + 1).await?;
            if is_limited {
                jobs.iter_mut().for_each(access::leave_out_others);
            }
            let more = jobs.len() > MAX_PAGE_SIZE as usize;
            jobs.truncate(MAX_PAGE_SIZE as usize);
            let oldest = jobs.last().filter(|_| more);
            let next = oldest.map(|last| paging::at(&request, "before", last.id));
            Ok(with_next(json(write(&jobs)?.into()), next))
        }
        JobPaging::Page(wanted) => {
            let mut found = scheduler.page(&filter, wanted.page, wanted.size).await?;
            if is_limited {
                found.items.iter_mut().for_each(access::leave_out_others);
            }
            let body = paging::page(&write(&found.items)?, found.total, found.pages, wanted);
            Ok(json(body.into()))
        }
    }
}

pub(super) async fn get(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    one(&access::find(&request, &state.scheduler).await?)
}

/// The envelope of `$execute`.
pub(super) async fn result(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let job = access::find(&request, &state.scheduler).await?;
    let (job, outcome) = state.scheduler.outcome(job.id).await?;
    let mut body = b"{\"task_name\":".to_vec();
    body.extend_from_slice(&write(&job.task_name)?);
    body.extend_from_slice(b",\"params\":");
    body.extend_from_slice(job.params.as_str().as_bytes());
    body.extend_from_slice(b",\"result\":");
    match outcome {
        Ok(json) => {
            body.extend_from_slice(json.as_str().as_bytes());
            body.extend_from_slice(b",\"error\":null}");
        }
        Err(failure) => {
            body.extend_from_slice(b"null,\"error\":");
            body.extend_from_slice(&write(&failure)?);
            body.push(b'}');
        }
    }
    Ok(json(body.into()))
}

pub(super) async fn attempts(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let job = access::find(&request, &state.scheduler).await?;
    let attempts = state.scheduler.attempts(job.id).await?;
    Ok(json(write(&attempts)?.into()))
}

pub(super) async fn expire_worker(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    let id = request.match_info().get("id").unwrap_or_default();
    state.scheduler.expire_worker(id).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn lineage(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let job = access::find(&request, &state.scheduler).await?;
    let lineage = match access::tasks(&request, &state.scheduler, None, None) {
        None => state.scheduler.lineage(job.id).await?,
        Some(tasks) => state.scheduler.lineage_among(job.id, &tasks).await?,
    };
    Ok(json(write(&lineage)?.into()))
}

pub(super) async fn logs(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let after = query::after(request.query_string())?;
    let job = access::find(&request, &state.scheduler).await?;
    let mut lines = state
        .scheduler
        .logs(job.id, after, MAX_PAGE_SIZE + 1)
        .await?;
    let more = lines.len() > MAX_PAGE_SIZE as usize;
    lines.truncate(MAX_PAGE_SIZE as usize);
    let next = lines
        .last()
        .filter(|_| more)
        .map(|last| format!("{}?after={}", request.path(), last.number));
    Ok(with_next(json(write(&lines)?.into()), next))
}

pub(super) async fn cancel(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let job = access::find(&request, &state.scheduler).await?;
    one(&state.scheduler.cancel(job.id).await?)
}

pub(super) async fn retry(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let job = access::find(&request, &state.scheduler).await?;
    let queued = state.scheduler.retry(job.id).await?;
    Ok(HttpResponse::build(StatusCode::ACCEPTED)
        .content_type("application/json")
        .body(write(&queued)?))
}

pub(super) async fn delete(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let job = access::find(&request, &state.scheduler).await?;
    if state.scheduler.delete(job.id).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(access::gone(job.id))
    }
}

pub(super) async fn stats(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    Ok(json(write(&state.scheduler.stats().await?)?.into()))
}

pub(super) async fn workers(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    Access::check_unlimited(&request)?;
    Ok(json(write(&state.scheduler.workers().await?)?.into()))
}

pub(super) async fn schema(request: HttpRequest) -> HandlerResult {
    Ok(conditional(&request, &Document::schema_of::<JobRecord>()))
}
