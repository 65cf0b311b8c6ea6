//! What is known of a graph.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::graph_rows::{self, GraphRow};
use super::item_record::GraphItemCounts;
use super::node_rows::{self, EdgeRow, NodeRow};
use super::state::{GraphNodeStatus, GraphStatus, NodeState, OnFailure, Stop};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};
use crate::jobs::record::{optional_time, time};

/// A graph of jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GraphRecord {
    /// Id of the graph, a ULID.
    pub id: GraphId,
    /// Free text, given when the graph was submitted.
    pub description: Option<String>,
    /// How far it is.
    pub status: GraphStatus,
    /// Why it stopped before its end: from then on no other node begins. Null where nothing stopped it.
    pub reason: Option<String>,
    /// When it was submitted.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub submitted_at: DateTime<Utc>,
    /// When it fails if it has not ended by then.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub deadline_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_at: Option<DateTime<Utc>>,
    /// Name of the API key that it was submitted with.
    pub submitted_by: Option<String>,
    /// Number of its nodes, by how far they are.
    pub counts: GraphNodeCounts,
    /// Its nodes, in the order in which they were given. Left out in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub nodes: Vec<GraphNodeRecord>,
}

impl GraphRecord {
    /// One of its nodes, by name; `None` also in a list, which has no nodes.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&GraphNodeRecord> {
        self.nodes.iter().find(|node| node.name == name)
    }
}

/// Number of nodes of a graph, by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GraphNodeCounts {
    /// Nodes that wait for others.
    pub waiting: u64,
    /// Nodes whose jobs are pending or running, or about to be submitted.
    pub open: u64,
    /// Nodes that have completed.
    pub completed: u64,
    /// Nodes that have failed.
    pub failed: u64,
    /// Nodes that were canceled.
    pub canceled: u64,
    /// Nodes that were skipped.
    pub skipped: u64,
}

impl GraphNodeCounts {
    fn add(&mut self, state: NodeState, count: u64) {
        let of = match state {
            NodeState::Waiting => &mut self.waiting,
            NodeState::Ready | NodeState::Open => &mut self.open,
            NodeState::Completed => &mut self.completed,
            NodeState::Failed => &mut self.failed,
            NodeState::Canceled => &mut self.canceled,
            NodeState::Skipped => &mut self.skipped,
        };
        *of += count;
    }
}

/// A node of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GraphNodeRecord {
    /// Its name in the graph.
    pub name: String,
    /// Name of the task that it runs.
    pub task_name: String,
    /// How far it is.
    pub status: GraphNodeStatus,
    /// Nodes that it comes after.
    pub after: Vec<GraphEdgeRecord>,
    /// Whether one of those is enough, instead of all.
    pub waits_for_any: bool,
    /// Its job, as soon as there is one. The job may be deleted by now.
    pub job_id: Option<JobId>,
    /// Number of its items, where it runs its task for each of a list; null for other nodes.
    pub items: Option<GraphItemCounts>,
    /// When it ended.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it has failed without a job. The error of a job is in its own record.
    pub error: Option<String>,
}

/// That a node comes after another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GraphEdgeRecord {
    /// The other node.
    pub node: String,
    /// What becomes of the one when the other does not complete: `fail` of the graph, `skip`, or `run` all the same.
    pub on_failure: OnFailure,
}

/// A graph with its nodes.
pub(super) async fn read(
    conn: &mut Connection,
    id: GraphId,
) -> Result<Option<GraphRecord>, JobError> {
    let Some(graph) = graph_rows::find(conn, id).await? else {
        return Ok(None);
    };
    let nodes = node_rows::nodes(conn, id).await?;
    let edges = node_rows::edges(conn, id).await?;
    let is_open = |node: &&NodeRow| NodeState::stored(node.state) == NodeState::Open;
    let open: Vec<JobId> = nodes
        .iter()
        .filter(is_open)
        .filter_map(|node| node.job_id)
        .collect();
    let jobs = node_rows::job_statuses(conn, &open).await?;
    let mut after: HashMap<String, Vec<GraphEdgeRecord>> = HashMap::new();
    for EdgeRow {
        node,
        after_node,
        on_failure,
        ..
    } in edges
    {
        after.entry(node).or_default().push(GraphEdgeRecord {
            node: after_node,
            on_failure: OnFailure::stored(on_failure),
        });
    }
    let mut counts = GraphNodeCounts::default();
    let nodes = nodes.into_iter().map(|node| {
        let state = NodeState::stored(node.state);
        counts.add(state, 1);
        GraphNodeRecord {
            status: match state {
                NodeState::Ready | NodeState::Open if node.items_made > 0 => {
                    GraphNodeStatus::Running
                }
                NodeState::Open if node.has_items() => GraphNodeStatus::Running,
                state => state.status(node.job_id.and_then(|id| jobs.get(&id)).copied()),
            },
            items: GraphItemCounts::of(&node),
            after: after.remove(&node.name).unwrap_or_default(),
            name: node.name,
            task_name: node.task_name,
            waits_for_any: node.waits_for_any != 0,
            job_id: node.job_id,
            finished_at: node.finished_at.map(at),
            error: node.error,
        }
    });
    let nodes = nodes.collect();
    Ok(Some(graph.record(counts, nodes)))
}

/// Records of a list.
pub(super) async fn summaries(
    conn: &mut Connection,
    graphs: Vec<GraphRow>,
) -> Result<Vec<GraphRecord>, JobError> {
    let ids: Vec<GraphId> = graphs.iter().map(|graph| graph.id).collect();
    let mut counts: HashMap<GraphId, GraphNodeCounts> = HashMap::new();
    for (id, state, count) in node_rows::node_counts(conn, &ids).await? {
        let of = counts.entry(id).or_default();
        of.add(NodeState::stored(state), count.unsigned_abs());
    }
    let record = |graph: GraphRow| {
        let counts = counts.remove(&graph.id).unwrap_or_default();
        graph.record(counts, Vec::new())
    };
    Ok(graphs.into_iter().map(record).collect())
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

impl GraphRow {
    fn record(self, counts: GraphNodeCounts, nodes: Vec<GraphNodeRecord>) -> GraphRecord {
        let reason = Stop::stored(self.stop).map(|stop| match stop {
            Stop::Failed => "a node has failed or was canceled that another one comes after",
            Stop::Canceled => "it was canceled",
            Stop::Overdue => "its deadline was over",
        });
        GraphRecord {
            id: self.id,
            description: self.description,
            status: GraphStatus::stored(self.state),
            reason: reason.map(str::to_owned),
            submitted_at: at(self.submitted_at),
            deadline_at: self.deadline_at.map(at),
            finished_at: self.finished_at.map(at),
            submitted_by: self.submitted_by,
            counts,
            nodes,
        }
    }
}
