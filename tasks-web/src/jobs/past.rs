//! What became of jobs: figures over time, and failures in groups.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use tasks_runtime::ArgumentError;
use tasks_runtime::jobs::{JobError, JobHistoryQuery};

use super::access;
use super::query::{time, time_schema};
use super::state::JobRoutes;
use crate::http::query::{QueryParameter, pairs, unread};
use crate::http::{HandlerResult, json};
use crate::problem::Problem;

const TASK: QueryParameter = QueryParameter::new(
    "task",
    "Counts the jobs of a task.",
    || json!({"type": "string"}),
);
const TAG: QueryParameter = QueryParameter::new(
    "tag",
    "Counts the jobs of tasks with this tag.",
    || json!({"type": "string"}),
);

/// The steps of a history, as they are asked for, in seconds.
const STEPS: [(&str, u64); 4] = [("1m", 60), ("10m", 600), ("1h", 3600), ("1d", 86_400)];

/// The query of a history.
pub(super) const HISTORY: &[QueryParameter] = &[
    QueryParameter::new(
        "from",
        "The beginning of the span (RFC 3339): one hour before its end, unless given.",
        time_schema,
    ),
    QueryParameter::new(
        "to",
        "The end of the span (RFC 3339): now, unless given.",
        time_schema,
    ),
    QueryParameter::new(
        "step",
        "How long a step is: the shortest that makes at most 200 of the span and whose figures are kept, unless given. At most 1,000.",
        || json!({"type": "string", "enum": STEPS.map(|(name, _)| name)}),
    ),
    TASK,
    TAG,
    QueryParameter::new(
        "queue",
        "Counts the jobs of a queue.",
        || json!({"type": "string"}),
    ),
];

/// The query of failures.
pub(super) const FAILURES: &[QueryParameter] = &[
    QueryParameter::new(
        "from",
        "Counts what failed since this time (RFC 3339): the last 24 hours, unless given.",
        time_schema,
    ),
    TASK,
    TAG,
];

/// Reads a query, whose names were checked. `take` says what is wrong with a value.
fn read(
    query: &str,
    mut take: impl FnMut(&str, String) -> Result<(), String>,
) -> Result<(), Problem> {
    let mut errors = Vec::new();
    for (key, value) in pairs(query)? {
        if let Err(detail) = take(&key, value) {
            errors.push(ArgumentError::new(format!("?{key}"), detail));
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid_query(errors))
    }
}

fn write(value: &impl Serialize) -> HandlerResult {
    let body = serde_json::to_vec(value).map_err(|_| Problem::internal())?;
    Ok(json(body.into()))
}

fn step(text: &str) -> Result<Duration, String> {
    let found = STEPS.iter().find(|(name, _)| *name == text);
    let names = STEPS.map(|(name, _)| name).join(", ");
    let (_, seconds) = found.ok_or_else(|| format!("expected one of {names}"))?;
    Ok(Duration::from_secs(*seconds))
}

pub(super) async fn history(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let mut wanted = JobHistoryQuery::new();
    let (mut task, mut tag) = (None, None);
    read(request.query_string(), |key, value| {
        let query = std::mem::take(&mut wanted);
        wanted = match key {
            "from" => query.from(time(&value)?),
            "to" => query.to(time(&value)?),
            "step" => query.step(step(&value)?),
            "queue" => query.queue(value),
            "task" => {
                task = Some(value);
                query
            }
            "tag" => {
                tag = Some(value);
                query
            }
            other => return Err(unread(other)),
        };
        Ok(())
    })?;
    let scheduler = &state.scheduler;
    if let Some(names) = access::tasks(&request, scheduler, task, tag.as_deref()) {
        wanted = wanted.tasks(names);
    }
    match scheduler.history(&wanted).await {
        Ok(history) => write(&history),
        // The span as a whole.
        Err(JobError::Invalid(errors)) => {
            let of_query = |error: ArgumentError| {
                let pointer = error.pointer.replacen('/', "?", 1);
                ArgumentError::new(pointer, error.detail)
            };
            Err(Problem::invalid_query(
                errors.into_iter().map(of_query).collect(),
            ))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn failures(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let mut from: Option<DateTime<Utc>> = None;
    let (mut task, mut tag) = (None, None);
    read(request.query_string(), |key, value| {
        match key {
            "from" => from = Some(time(&value)?),
            "task" => task = Some(value),
            "tag" => tag = Some(value),
            other => return Err(unread(other)),
        }
        Ok(())
    })?;
    let scheduler = &state.scheduler;
    let tasks = access::tasks(&request, scheduler, task, tag.as_deref());
    write(&scheduler.failures(from, tasks.as_deref()).await?)
}
