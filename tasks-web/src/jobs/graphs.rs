//! Graphs of jobs over HTTP. A key that is limited reaches a graph if it reaches all of its tasks.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tasks_runtime::jobs::{GraphId, GraphRecord, GraphStatus, JobError, Scheduler};

use super::graph_body::GraphIn;
use super::idempotency;
use super::state::JobRoutes;
use crate::access::Access;
use crate::endpoint::AuditNote;
use crate::http::paging::{self, MAX_PAGE_SIZE, with_next};
use crate::http::query::{QueryParameter, pairs, unread};
use crate::http::{
    BodyLimits, HandlerResult, ULID, check_json, check_same_site, json, members, public_base,
};
use crate::problem::Problem;

/// The query of the list.
pub(super) const LIST: &[QueryParameter] = &[
    QueryParameter::new(
        "status_filter",
        "Keeps the graphs that are like this.",
        || json!({"type": "string", "enum": STATUSES.map(GraphStatus::as_str)}),
    ),
    QueryParameter::new(
        "before",
        "The id of a graph: older ones are wanted.",
        || json!({"type": "string", "pattern": ULID}),
    ),
];

const STATUSES: [GraphStatus; 4] = [
    GraphStatus::Running,
    GraphStatus::Completed,
    GraphStatus::Failed,
    GraphStatus::Canceled,
];

/// How many lists are read for a key that is limited: more are behind the link.
const MAX_LISTS: usize = 10;

/// How a graph begins again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GraphRetryIn")]
pub(super) struct RetryIn {
    /// Name of a node that runs once more, with all that come after it.
    #[serde(default, deserialize_with = "members::given")]
    #[schemars(with = "String", length(min = 1))]
    from: Option<String>,
}

fn write(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|_| Problem::internal())
}

fn reaches(access: &Access, scheduler: &Scheduler, task: &str) -> bool {
    scheduler.with_task(task, |task| access.allows(task))
}

/// The graph of the path, if the key reaches it.
pub(super) async fn find(
    request: &HttpRequest,
    scheduler: &Scheduler,
) -> Result<GraphRecord, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    let unknown = || {
        let shown: String = text.chars().take(100).collect();
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-graph",
            format!("there is no graph `{shown}`"),
        )
    };
    let id: GraphId = text.parse().map_err(|_| unknown())?;
    let graph = scheduler.get_graph(id).await?.ok_or_else(unknown)?;
    if let Some(access) = Access::limits(request)
        && let Some(node) = graph
            .nodes
            .iter()
            .find(|node| !reaches(&access, scheduler, &node.task_name))
    {
        return Err(Problem::forbidden(format!(
            "the key `{}` does not reach the task of the node `{}`: it is limited to tasks with other tags",
            access.key_name(),
            node.name
        )));
    }
    Ok(graph)
}

pub(super) async fn list(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let (mut status, mut before) = (None, None);
    let mut errors = Vec::new();
    for (key, value) in pairs(request.query_string())? {
        let read = match key.as_str() {
            "status_filter" => STATUSES
                .into_iter()
                .find(|one| one.as_str() == value)
                .map(|found| status = Some(found))
                .ok_or_else(|| {
                    let names = STATUSES.map(GraphStatus::as_str).join(", ");
                    format!("expected one of {names}")
                }),
            "before" => value
                .parse::<GraphId>()
                .map(|id| before = Some(id))
                .map_err(|_| "expected the id of a graph".to_owned()),
            other => Err(unread(other)),
        };
        if let Err(detail) = read {
            errors.push(tasks_runtime::ArgumentError::new(format!("?{key}"), detail));
        }
    }
    if !errors.is_empty() {
        return Err(Problem::invalid_query(errors));
    }
    let limit = MAX_PAGE_SIZE as usize;
    let access = Access::limits(&request);
    let mut found: Vec<GraphRecord> = Vec::new();
    let mut last = None;
    for _ in 0..MAX_LISTS {
        let wanted = u64::from(MAX_PAGE_SIZE) + 1;
        let mut graphs = state.scheduler.list_graphs(status, before, wanted).await?;
        let has_more = graphs.len() > limit;
        graphs.truncate(limit);
        before = graphs.last().map(|graph| graph.id);
        last = before.filter(|_| has_more);
        match &access {
            Some(access) => found.extend(reached(access, &state.scheduler, graphs).await?),
            None => found.extend(graphs),
        }
        if found.len() >= limit || last.is_none() {
            break;
        }
    }
    if found.len() > limit {
        found.truncate(limit);
        last = found.last().map(|graph| graph.id);
    }
    let next = last.map(|id| paging::at(&request, "before", id));
    Ok(with_next(json(write(&found)?.into()), next))
}

/// How many items of a node are on a page unless a request says it, and at most.
const ITEMS: u64 = 100;
const MAX_ITEMS: u64 = 1000;

/// The query of the items of a node.
pub(super) const ITEMS_QUERY: &[QueryParameter] = &[
    QueryParameter::new(
        "from",
        "The number of the first item that is wanted, from 0.",
        || json!({"type": "integer", "minimum": 0, "maximum": i64::MAX, "default": 0}),
    ),
    QueryParameter::new(
        "limit",
        "How many are wanted.",
        || json!({"type": "integer", "minimum": 1, "maximum": MAX_ITEMS, "default": ITEMS}),
    ),
];

pub(super) async fn items(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let (mut from, mut limit) = (0, ITEMS);
    let mut errors = Vec::new();
    for (key, value) in pairs(request.query_string())? {
        let number = || whole_number(&value);
        let read = match key.as_str() {
            "from" => number()
                .filter(|number| i64::try_from(*number).is_ok())
                .map(|number| from = number)
                .ok_or_else(|| "expected a whole number from 0".to_owned()),
            "limit" => number()
                .filter(|number| (1..=MAX_ITEMS).contains(number))
                .map(|number| limit = number)
                .ok_or_else(|| format!("expected a whole number from 1 to {MAX_ITEMS}")),
            other => Err(unread(other)),
        };
        if let Err(detail) = read {
            errors.push(tasks_runtime::ArgumentError::new(format!("?{key}"), detail));
        }
    }
    if !errors.is_empty() {
        return Err(Problem::invalid_query(errors));
    }
    let graph = find(&request, &state.scheduler).await?;
    let node = request.match_info().get("name").unwrap_or_default();
    let items = state.scheduler.graph_items(graph.id, node, from, limit);
    let items = items.await?;
    let is_full = u64::try_from(items.len()).is_ok_and(|count| count == limit);
    let next = items.last().filter(|_| is_full).map(|last| last.number + 1);
    let next = next.map(|number| paging::at(&request, "from", number));
    Ok(with_next(json(write(&items)?.into()), next))
}

/// A number without a sign.
fn whole_number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Those of which the key reaches all tasks.
async fn reached(
    access: &Access,
    scheduler: &Scheduler,
    mut graphs: Vec<GraphRecord>,
) -> Result<Vec<GraphRecord>, Problem> {
    let ids: Vec<GraphId> = graphs.iter().map(|graph| graph.id).collect();
    let mut is_reached: HashMap<GraphId, bool> = HashMap::new();
    for (id, task) in scheduler.tasks_of_graphs(&ids).await? {
        *is_reached.entry(id).or_insert(true) &= reaches(access, scheduler, &task);
    }
    graphs.retain(|graph| is_reached.get(&graph.id).copied().unwrap_or_default());
    Ok(graphs)
}

pub(super) async fn get(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let graph = find(&request, &state.scheduler).await?;
    Ok(json(write(&graph)?.into()))
}

pub(super) async fn submit(
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
    let sent: GraphIn = members::read_once(&body)?;
    let scheduler = &state.scheduler;
    let limited = Access::limits(&request);
    for (name, task) in sent.tasks() {
        // One that nobody has is said to be unknown.
        let is_others = |access: &&Access| scheduler.with_task(task, |task| !access.allows(task));
        if let Some(access) = limited.as_ref().filter(is_others) {
            return Err(Problem::forbidden(format!(
                "the key `{}` does not reach the task of the node `{}`: it is limited to tasks with other tags",
                access.key_name(),
                name.chars().take(100).collect::<String>()
            )));
        }
    }
    let mut graph = sent.graph(scheduler);
    graph = match idempotency::key(&request) {
        Ok(None) => graph,
        Ok(Some(key)) => graph.idempotency_key(key),
        Err(wrong) => graph.with_errors([wrong]),
    };
    if let Some(access) = request.extensions().get::<Access>() {
        graph = graph.submitted_by(access.key_name());
    }
    let submitted = graph.store().await?;
    let stored = submitted.graph;
    // As for jobs, a submission is no change of what is there.
    request.extensions_mut().insert(AuditNote::NoChange);
    let path = request.path().trim_end_matches('/');
    let at = format!("{}{path}/{}", public_base(&request), stored.id);
    let mut response = HttpResponse::Accepted();
    response.insert_header((LOCATION, at));
    if submitted.replayed {
        response.insert_header((idempotency::REPLAYED, "true"));
    }
    Ok(response
        .content_type("application/json")
        .body(write(&stored)?))
}

pub(super) async fn cancel(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let graph = find(&request, &state.scheduler).await?;
    let canceled = state.scheduler.cancel_graph(graph.id).await?;
    Ok(json(write(&canceled)?.into()))
}

pub(super) async fn retry(
    request: HttpRequest,
    state: Data<JobRoutes>,
    payload: Payload,
) -> HandlerResult {
    // Its body may be empty, which needs no permission of a browser.
    check_same_site(&request)?;
    let graph = find(&request, &state.scheduler).await?;
    let limits = BodyLimits {
        bytes: 16 * 1024,
        time: Duration::from_secs(30),
    };
    let body = limits.read(request.headers(), payload.into_inner()).await?;
    let RetryIn { from } = if body.is_empty() {
        RetryIn::default()
    } else {
        check_json(request.headers())?;
        members::read_object(&body)?
    };
    if let Some(node) = &from {
        let shown: String = node.chars().take(64).collect();
        let note = AuditNote::Query(format!("from={shown}"));
        request.extensions_mut().insert(note);
    }
    let queued = state.scheduler.retry_graph(graph.id, from.as_deref());
    let queued = queued.await?;
    Ok(HttpResponse::Accepted()
        .content_type("application/json")
        .body(write(&queued)?))
}

pub(super) async fn delete(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let graph = find(&request, &state.scheduler).await?;
    if state.scheduler.delete_graph(graph.id).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(JobError::GraphNotFound(graph.id).into())
    }
}
