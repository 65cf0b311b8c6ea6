//! A graph that fits: it is stored, or the one is found that has its idempotency key.

use std::collections::HashMap;
use std::time::Duration;

use super::advance::{self, Advanced};
use super::checked_node::CheckedNode;
use super::for_each::StoredForEach;
use super::graph_rows::{self, GraphRow};
use super::node_rows::{self, EdgeRow, NewNodeRow};
use super::record::{self, GraphRecord};
use super::state::{GraphStatus, NodeState, Stop};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::GraphId;
use crate::jobs::options::SubmitOptions;
use crate::jobs::scheduler::Scheduler;

/// A graph that was submitted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubmittedGraph {
    /// The graph that is stored.
    pub graph: GraphRecord,
    /// Whether an earlier submission stored it, with the same idempotency key.
    pub replayed: bool,
}

/// Of which version of what is digested a digest is: one of another version cannot be compared.
const DIGEST_VERSION: &str = "1:";

/// A graph that fits.
pub(super) struct CheckedGraph {
    pub(super) nodes: Vec<CheckedNode>,
    pub(super) options: SubmitOptions,
    pub(super) deadline: Option<Duration>,
}

impl CheckedGraph {
    /// Stores it, and the jobs of the nodes that come after no other; or finds the one with its idempotency key.
    pub(super) async fn store(
        &self,
        scheduler: &Scheduler,
        conn: &mut Connection,
    ) -> Result<(SubmittedGraph, Advanced), JobError> {
        /// The other one may be deleted between the two looks.
        const MAX_TRIES: usize = 5;
        let mut other = GraphId::new();
        let submitted_by = self.options.submitted_by.as_deref();
        for _ in 0..MAX_TRIES {
            if let Some(key) = &self.options.idempotency_key
                && let Some(existing) = graph_rows::find_by_key(conn, submitted_by, key).await?
            {
                other = existing.id;
                self.check_same(scheduler, conn, key, &existing).await?;
                if let Some(graph) = record::read(conn, existing.id).await? {
                    let replayed = true;
                    let submitted = SubmittedGraph { graph, replayed };
                    return Ok((submitted, Advanced::default()));
                }
            }
            if let Some((graph, advanced)) = self.insert(scheduler, conn).await? {
                let replayed = false;
                return Ok((SubmittedGraph { graph, replayed }, advanced));
            }
        }
        Err(JobError::GraphNotFound(other))
    }

    /// Refuses an idempotency key that came before with something else.
    async fn check_same(
        &self,
        scheduler: &Scheduler,
        conn: &mut Connection,
        key: &str,
        existing: &GraphRow,
    ) -> Result<(), JobError> {
        let has_other_nodes = existing.digest.as_ref().is_some_and(|digest| {
            let is_comparable = digest.starts_with(DIGEST_VERSION);
            is_comparable && *digest != self.digest()
        });
        let other = if self.options.description != existing.description {
            Some("description")
        } else if self.time_limit() != existing.time_limit {
            Some("deadline")
        } else if has_other_nodes {
            Some("nodes")
        } else if !self.have_same_params(scheduler, conn, existing.id).await? {
            Some("parameters")
        } else {
            None
        };
        other.map_or(Ok(()), |other| {
            Err(JobError::GraphKeyReused {
                key: key.to_owned(),
                id: existing.id,
                other,
            })
        })
    }

    async fn have_same_params(
        &self,
        scheduler: &Scheduler,
        conn: &mut Connection,
        existing: GraphId,
    ) -> Result<bool, JobError> {
        let executor = scheduler.executor()?;
        let names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let stored = node_rows::contents(conn, existing, &names).await?;
        let stored: HashMap<&str, &str> = stored
            .iter()
            .map(|node| (node.name.as_str(), node.params.as_str()))
            .collect();
        let codec = scheduler.params_codec();
        for node in &self.nodes {
            let Some(params) = stored.get(node.name.as_str()) else {
                return Ok(false);
            };
            let entry = executor.registry().get(&node.task).ok();
            let same = codec.are_same(entry, &node.params, params);
            if !same.map_err(|error| JobError::Undecryptable(error.to_string()))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// In microseconds.
    fn time_limit(&self) -> Option<i64> {
        self.deadline
            .map(|limit| i64::try_from(limit.as_micros()).unwrap_or(i64::MAX))
    }

    /// What the nodes of two graphs have in common that are the same but for their parameters, which may be secret.
    fn digest(&self) -> String {
        let mut nodes: Vec<&CheckedNode> = self.nodes.iter().collect();
        nodes.sort_by_key(|node| &node.name);
        let nodes: Vec<_> = nodes
            .into_iter()
            .map(|node| {
                let mut inputs: Vec<_> = node.inputs.iter().collect();
                inputs.sort_by_key(|input| &input.param);
                let after: Vec<_> = node
                    .after
                    .iter()
                    .map(|(name, on_failure)| (name, on_failure.number()))
                    .collect();
                let for_each = node.for_each.as_ref().map(StoredForEach::canonical);
                let rest = (after, node.waits_for_any, for_each);
                (&node.name, &node.task, &node.options, inputs, rest)
            })
            .collect();
        let text = serde_json::to_vec(&nodes).unwrap_or_default();
        format!("{DIGEST_VERSION}{}", crate::digest::digest(&text))
    }

    /// Stores it; `None` when there is one with its idempotency key.
    async fn insert(
        &self,
        scheduler: &Scheduler,
        conn: &mut Connection,
    ) -> Result<Option<(GraphRecord, Advanced)>, JobError> {
        let clock = scheduler.clock();
        let now = clock.now();
        let graph = GraphRow {
            id: GraphId::new(),
            description: self.options.description.clone(),
            state: GraphStatus::Running.number(),
            stop: Stop::number(None),
            submitted_at: now,
            finished_at: None,
            time_limit: self.time_limit(),
            deadline_at: self.deadline.map(|deadline| clock.after(deadline)),
            submitted_by: self.options.submitted_by.clone(),
            idempotency_key: self.options.idempotency_key.clone(),
            digest: self.options.idempotency_key.as_ref().map(|_| self.digest()),
        };
        let mut nodes = Vec::with_capacity(self.nodes.len());
        let mut edges = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let json = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
            nodes.push(NewNodeRow {
                graph_id: graph.id,
                name: node.name.clone(),
                number: i32::try_from(number).unwrap_or(i32::MAX),
                state: NodeState::Waiting.number(),
                waits_for_any: i32::from(node.waits_for_any),
                job_id: None,
                owns_job: 0,
                finished_at: None,
                error: None,
                task_name: node.task.clone(),
                options: json(serde_json::to_string(&node.options)),
                inputs: json(serde_json::to_string(&node.inputs)),
                params: node.params.clone(),
                for_each: node
                    .for_each
                    .as_ref()
                    .map(|spec| json(serde_json::to_string(spec))),
            });
            edges.extend(node.after.iter().map(|(after, on_failure)| EdgeRow {
                graph_id: graph.id,
                node: node.name.clone(),
                after_node: after.clone(),
                on_failure: on_failure.number(),
            }));
        }
        let id = graph.id;
        if !graph_rows::insert(conn, &graph, nodes, edges).await? {
            return Ok(None);
        }
        let advanced = advance::advance(scheduler, conn, graph).await?;
        let record = record::read(conn, id).await?;
        Ok(Some((record.ok_or(JobError::GraphNotFound(id))?, advanced)))
    }
}
