//! Graphs of jobs over HTTP. A key that is limited reaches a graph if it reaches all of its tasks.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tasks_runtime::jobs::{
    Graph, GraphId, GraphNode, GraphRecord, GraphStatus, JobError, MAX_GRAPH_NODES, OnFailure,
    Scheduler, from,
};

use super::state::JobRoutes;
use crate::access::Access;
use crate::endpoint::AuditNote;
use crate::http::duration::Seconds;
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

/// What is sent to submit a graph.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GraphIn {
    /// What it is about.
    #[serde(default)]
    #[schemars(length(max = 4096), extend("pattern" = members::STORABLE))]
    description: Option<String>,
    /// How long it may take; after that it fails: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "timeout")]
    deadline: Option<Timeout>,
    /// Its nodes, by their names.
    nodes: NodesIn,
}

/// The nodes of a graph, in the order in which they are sent.
#[derive(Debug)]
struct NodesIn(Vec<(String, NodeIn)>);

/// A node that is an object: serde takes a list for a struct as well.
#[derive(Deserialize)]
struct Node(#[serde(deserialize_with = "members::object")] NodeIn);

/// What a node takes from another one, as an object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
struct InputObject(#[serde(deserialize_with = "members::object")] InputIn);

/// What a node comes after, as an object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
struct AfterObject(#[serde(deserialize_with = "members::object")] AfterIn);

impl<'de> Deserialize<'de> for NodesIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nodes;

        impl<'de> Visitor<'de> for Nodes {
            type Value = NodesIn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of nodes by their names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodesIn, A::Error> {
                let mut nodes: Vec<(String, NodeIn)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if nodes.len() >= MAX_GRAPH_NODES {
                        let words = format!("a graph has at most {MAX_GRAPH_NODES} nodes");
                        return Err(A::Error::custom(words));
                    }
                    let Node(node) = map.next_value()?;
                    nodes.push((name, node));
                }
                Ok(NodesIn(nodes))
            }
        }

        deserializer.deserialize_map(Nodes)
    }
}

impl JsonSchema for NodesIn {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NodesIn".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let node = generator.subschema_for::<NodeIn>();
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_GRAPH_NODES,
            "propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,64}$"},
            "additionalProperties": node,
        })
    }
}

/// A node of a graph.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GraphNodeIn")]
struct NodeIn {
    /// The task that it runs.
    task: String,
    /// Its parameters, but for those in `inputs`.
    #[serde(default)]
    params: Map<String, Value>,
    /// Parameters that are results of other nodes, by their names.
    #[serde(default)]
    inputs: BTreeMap<String, InputObject>,
    /// Nodes that it comes after, beside those in `inputs`.
    #[serde(default)]
    after: Vec<AfterObject>,
    /// Whether one of the nodes that it comes after is enough, instead of all.
    #[serde(default)]
    waits_for_any: bool,
    /// What its job is about.
    #[serde(default)]
    #[schemars(length(max = 4096), extend("pattern" = members::STORABLE))]
    description: Option<String>,
    /// How much longer its job waits when it is its turn: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "delay")]
    delay: Option<Delay>,
    /// The priority of its job, in place of the task's own.
    #[serde(default)]
    priority: Option<i32>,
    /// The queue that its job waits in, in place of the task's own.
    #[serde(default)]
    queue: Option<String>,
    /// How many attempts its job may have, in place of those of the task.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    max_attempts: Option<u32>,
    /// How long an attempt may take, in place of the task's own timeout: seconds, or a text like `2s`, `5m`, `1h30m`.
    #[serde(default)]
    #[schemars(schema_with = "timeout")]
    timeout: Option<Timeout>,
}

/// A parameter that is the result of another node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GraphInputIn")]
struct InputIn {
    /// Name of the node.
    node: String,
    /// Which part of its result, by a JSON Pointer (RFC 6901). All of it unless given.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("pattern" = "^(/[^/\\x00]*){0,32}$"))]
    pointer: String,
}

/// A node that another one comes after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GraphEdgeIn")]
struct AfterIn {
    /// Name of the node.
    node: String,
    /// What becomes of the one that comes after it when it fails or is canceled: the graph fails, it is skipped, or it runs all the same.
    #[serde(default, deserialize_with = "members::word")]
    on_failure: OnFailure,
}

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

type Delay = Seconds<0>;
type Timeout = Seconds<1>;

fn delay(_: &mut SchemaGenerator) -> Schema {
    Delay::schema()
}

fn timeout(_: &mut SchemaGenerator) -> Schema {
    Timeout::schema()
}

impl NodeIn {
    fn node(self, name: String) -> GraphNode {
        let mut node = GraphNode::named(name, self.task, self.params);
        for (
            param,
            InputObject(InputIn {
                node: other,
                pointer,
            }),
        ) in self.inputs
        {
            node = node.input(param, from(other, pointer));
        }
        for AfterObject(AfterIn {
            node: other,
            on_failure,
        }) in self.after
        {
            node = node.after_or(on_failure, [other]);
        }
        if self.waits_for_any {
            node = node.wait_for_any();
        }
        if let Some(text) = self.description {
            node = node.description(text);
        }
        if let Some(Seconds(delay)) = self.delay {
            node = node.delay(delay);
        }
        if let Some(priority) = self.priority {
            node = node.priority(priority);
        }
        if let Some(queue) = self.queue {
            node = node.queue(queue);
        }
        if let Some(attempts) = self.max_attempts {
            node = node.max_attempts(attempts);
        }
        if let Some(Seconds(timeout)) = self.timeout {
            node = node.timeout(timeout);
        }
        node
    }
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
    let NodesIn(nodes) = sent.nodes;
    for (name, node) in &nodes {
        // One that nobody has is said to be unknown.
        let is_others =
            |access: &&Access| scheduler.with_task(&node.task, |task| !access.allows(task));
        if let Some(access) = limited.as_ref().filter(is_others) {
            return Err(Problem::forbidden(format!(
                "the key `{}` does not reach the task of the node `{}`: it is limited to tasks with other tags",
                access.key_name(),
                name.chars().take(100).collect::<String>()
            )));
        }
    }
    let mut graph: Graph = scheduler.graph();
    if let Some(text) = sent.description {
        graph = graph.description(text);
    }
    if let Some(Seconds(deadline)) = sent.deadline {
        graph = graph.deadline(deadline);
    }
    if let Some(access) = request.extensions().get::<Access>() {
        graph = graph.submitted_by(access.key_name());
    }
    let graph = nodes
        .into_iter()
        .fold(graph, |graph, (name, node)| graph.node(node.node(name)));
    let stored = graph.await?;
    // As for jobs, a submission is no change of what is there.
    request.extensions_mut().insert(AuditNote::NoChange);
    let path = request.path().trim_end_matches('/');
    let at = format!("{}{path}/{}", public_base(&request), stored.id);
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, at))
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
