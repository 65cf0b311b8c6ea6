//! Schedules over HTTP.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{IF_NONE_MATCH, LOCATION};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tasks_runtime::ArgumentError;
use tasks_runtime::jobs::{JobError, ScheduleRecord};

use super::location::location;
use super::state::JobRoutes;
use crate::access::Access;
use crate::http::duration::Seconds;
use crate::http::{BodyLimits, HandlerResult, check_json, json, members, refuse_missing};
use crate::problem::Problem;

/// What is sent to make a schedule.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleIn {
    /// The task that it submits.
    task_name: String,
    /// Its parameters.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    params: Value,
    /// A pattern of cron: minute, hour, day of the month, month, day of the week, as in `30 2 * * 1-5`. With six fields, the first is the
    /// second; with seven, the last is the year, as in `0 30 2 1 1 * 2030`. `@yearly`, `@monthly`, `@weekly`, `@daily` and `@hourly` are
    /// patterns, too.
    #[serde(default)]
    cron: Option<String>,
    /// The time zone of the pattern, by its name in the IANA database; UTC unless given.
    #[serde(default)]
    timezone: Option<String>,
    /// The time between two runs, in place of a pattern: whole seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "interval")]
    interval: Option<Interval>,
    /// One time, in place of a pattern.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    run_at: Option<DateTime<Utc>>,
    /// What it is about.
    #[serde(default)]
    #[schemars(length(max = 4096), extend("pattern" = members::STORABLE))]
    description: Option<String>,
    /// The queue its jobs wait in, in place of the task's own.
    #[serde(default)]
    queue: Option<String>,
    /// The priority of its jobs, in place of the task's own.
    #[serde(default)]
    priority: Option<i32>,
    /// How many attempts its jobs may have, in place of those of the task.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    max_attempts: Option<u32>,
    /// How long an attempt may take, in place of the task's own timeout: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "timeout")]
    timeout: Option<Timeout>,
    /// Whether it rests. A new one does not unless this says so, and one that is there stays as it is.
    #[serde(default)]
    paused: Option<bool>,
    /// The name of the path, if it is here at all.
    #[serde(default)]
    name: Option<String>,
    /// Read-only: what was read can be sent back if it names nothing. What was left out cannot be stored.
    #[serde(default)]
    #[schemars(length(max = 0), extend("readOnly" = true))]
    truncated: Vec<String>,
    /// When it was made, if it is here at all: another time is refused.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time", "readOnly" = true))]
    created_at: Option<DateTime<Utc>>,
    /// Read-only, and ignored, since it changes with time: what was read can be sent back.
    #[serde(default, rename = "last_run_at")]
    #[schemars(with = "Option<String>", extend("readOnly" = true))]
    _last_run_at: IgnoredAny,
    /// Read-only, and ignored, since it changes with time: what was read can be sent back.
    #[serde(default, rename = "last_job_id")]
    #[schemars(with = "Option<String>", extend("readOnly" = true))]
    _last_job_id: IgnoredAny,
    /// Read-only, and ignored, since it changes with time: what was read can be sent back.
    #[serde(default, rename = "pending_reason")]
    #[schemars(with = "Option<String>", extend("readOnly" = true))]
    _pending_reason: IgnoredAny,
    /// Read-only, and ignored, since it changes with time: what was read can be sent back.
    #[serde(default, rename = "next_runs")]
    #[schemars(with = "Vec<String>", extend("readOnly" = true))]
    _next_runs: IgnoredAny,
    /// Read-only, and ignored, since it says in words what `cron`, `interval` and `run_at` say: what was read can be sent back.
    #[serde(default, rename = "recurrence")]
    #[schemars(with = "Option<String>", extend("readOnly" = true))]
    _recurrence: IgnoredAny,
    /// Read-only, and ignored, since it changes with time: what was read can be sent back.
    #[serde(default, rename = "declared_by")]
    #[schemars(with = "Option<String>", extend("readOnly" = true))]
    _declared_by: IgnoredAny,
}

type Interval = Seconds<1000>;
type Timeout = Seconds<1>;

fn interval(_: &mut SchemaGenerator) -> Schema {
    Interval::schema()
}

fn timeout(_: &mut SchemaGenerator) -> Schema {
    Timeout::schema()
}

fn name(request: &HttpRequest) -> &str {
    request.match_info().get("name").unwrap_or_default()
}

fn reaches(request: &HttpRequest, state: &JobRoutes, task: &str) -> bool {
    Access::limits(request)
        .is_none_or(|access| state.scheduler.with_task(task, |task| access.allows(task)))
}

fn check(request: &HttpRequest, state: &JobRoutes, task: &str) -> Result<(), Problem> {
    if reaches(request, state, task) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "the key does not reach the task of this schedule: it is limited to tasks with other tags"
            .to_owned(),
    ))
}

async fn find(request: &HttpRequest, state: &JobRoutes) -> Result<ScheduleRecord, Problem> {
    let found = state.scheduler.get_schedule(name(request)).await?;
    check(request, state, &found.task_name)?;
    Ok(found)
}

fn respond(record: &impl serde::Serialize) -> HandlerResult {
    let body = serde_json::to_vec(record).map_err(|_| Problem::internal())?;
    Ok(json(body.into()))
}

pub(super) async fn list(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let mut all = state.scheduler.schedules().await?;
    all.retain(|schedule| reaches(&request, &state, &schedule.task_name));
    respond(&all)
}

pub(super) async fn get(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    respond(&find(&request, &state).await?)
}

pub(super) async fn put(
    request: HttpRequest,
    state: Data<JobRoutes>,
    payload: Payload,
) -> HandlerResult {
    check_json(request.headers())?;
    let limits = BodyLimits {
        bytes: 2 * 1024 * 1024,
        time: Duration::from_secs(30),
    };
    let body = limits.read(request.headers(), payload.into_inner()).await?;
    let sent: ScheduleIn = members::read_once(&body)?;
    check(&request, &state, &sent.task_name)?;
    match state.scheduler.get_schedule(name(&request)).await {
        Ok(known) => {
            check(&request, &state, &known.task_name)?;
            if sent.created_at.is_some_and(|at| at != known.created_at) {
                return Err(invalid(
                    "/created_at",
                    "read-only, and it is another time: leave it out, or send what a read answers",
                ));
            }
        }
        Err(JobError::ScheduleNotFound(_)) => {
            refuse_missing(request.headers())?;
            if sent.created_at.is_some() {
                return Err(invalid(
                    "/created_at",
                    "there is none of this name yet, and it is made now: leave it out",
                ));
            }
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(named) = &sent.name
        && named != name(&request)
    {
        return Err(invalid(
            "/name",
            "is not the name in the path: schedules are not renamed",
        ));
    }
    if !sent.truncated.is_empty() {
        return Err(invalid(
            "/truncated",
            "the process that answered does not have the task, so it has left the parameters out: read the schedule from one that has it, or \
             send all of `params` without `truncated`",
        ));
    }
    let one = [
        sent.cron.is_some(),
        sent.interval.is_some(),
        sent.run_at.is_some(),
    ];
    if one.iter().filter(|given| **given).count() != 1 {
        return Err(invalid(
            "",
            "exactly one of `cron`, `interval` and `run_at` says when it runs",
        ));
    }
    let mut schedule =
        state
            .scheduler
            .schedule_named(name(&request), &sent.task_name, &sent.params);
    if let Some(pattern) = sent.cron {
        schedule = schedule.cron(pattern);
    }
    if let Some(Seconds(interval)) = sent.interval {
        if interval.subsec_nanos() != 0 {
            return Err(invalid("/interval", "expected whole seconds"));
        }
        schedule = schedule.every(interval);
    }
    if let Some(at) = sent.run_at {
        schedule = schedule.once(at.into());
    }
    if let Some(zone) = sent.timezone {
        schedule = schedule.timezone(zone);
    }
    if let Some(text) = sent.description {
        schedule = schedule.description(text);
    }
    if let Some(queue) = sent.queue {
        schedule = schedule.queue(queue);
    }
    if let Some(priority) = sent.priority {
        schedule = schedule.priority(priority);
    }
    if let Some(attempts) = sent.max_attempts {
        schedule = schedule.max_attempts(attempts);
    }
    if let Some(Seconds(timeout)) = sent.timeout {
        schedule = schedule.timeout(timeout);
    }
    if let Some(paused) = sent.paused {
        schedule = schedule.paused(paused);
    }
    if is_for_new_ones(&request) {
        schedule = schedule.only_if_absent();
    }
    let stored = schedule.store().await?;
    let mut response = respond(&stored.schedule)?;
    if stored.created {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// Whether a client wants nothing changed that is there: `If-None-Match: *` (RFC 9110, section 13.1.2).
fn is_for_new_ones(request: &HttpRequest) -> bool {
    let mut tags = request.headers().get_all(IF_NONE_MATCH);
    tags.any(|tags| tags.as_bytes().trim_ascii() == b"*")
}

fn invalid(pointer: &str, detail: &str) -> Problem {
    Problem::invalid_body(vec![ArgumentError::new(
        pointer.to_owned(),
        detail.to_owned(),
    )])
}

pub(super) async fn pause(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let found = find(&request, &state).await?;
    respond(&state.scheduler.pause_schedule(&found.name).await?)
}

pub(super) async fn resume(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let found = find(&request, &state).await?;
    respond(&state.scheduler.resume_schedule(&found.name).await?)
}

pub(super) async fn run(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let found = find(&request, &state).await?;
    let access = request.extensions().get::<Access>().cloned();
    let key = access.as_ref().map(Access::key_name);
    let job = state.scheduler.run_schedule_for(&found.name, key).await?;
    let at = location(&request, &state.schedules, &state.jobs, job.id);
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, at))
        .json(job))
}

pub(super) async fn delete(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let found = find(&request, &state).await?;
    if state.scheduler.delete_schedule(&found.name).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(JobError::ScheduleNotFound(found.name).into())
    }
}
