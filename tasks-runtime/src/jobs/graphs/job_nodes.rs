//! Which nodes a job belongs to.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use schemars::JsonSchema;
use serde::Serialize;

use super::node_rows;
use super::tables::{tasks_job_graph_items, tasks_job_graph_nodes};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};
use crate::with_conn;

/// How many nodes of a job are listed: a job of a task that runs once at a time may belong to many.
const MAX_LISTED: i64 = 100;

/// A node of a graph that a job belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct JobGraphNode {
    /// Id of the graph.
    pub graph_id: GraphId,
    /// Name of the node.
    pub node: String,
    /// Number of the item, from 0, where the node runs its task for each of a list; null for other nodes.
    pub item: Option<u64>,
}

/// The nodes that a job belongs to, of the newest graphs first; only those of graphs all of whose tasks are among some, if that is wanted.
pub(in crate::jobs) async fn nodes_of_job(
    conn: &mut Connection,
    job: JobId,
    among: Option<&[String]>,
) -> Result<Vec<JobGraphNode>, JobError> {
    use tasks_job_graph_items::dsl as items;
    use tasks_job_graph_nodes::dsl as nodes;

    let of_nodes: Vec<(GraphId, String)> = with_conn!(conn, |conn| {
        nodes::tasks_job_graph_nodes
            .filter(nodes::job_id.eq(job))
            .order(nodes::graph_id.desc())
            .limit(MAX_LISTED)
            .select((nodes::graph_id, nodes::name))
            .load(conn)
            .await
    })?;
    let of_items: Vec<(GraphId, String, i64)> = with_conn!(conn, |conn| {
        items::tasks_job_graph_items
            .filter(items::job_id.eq(job))
            .order(items::graph_id.desc())
            .limit(MAX_LISTED)
            .select((items::graph_id, items::node, items::number))
            .load(conn)
            .await
    })?;
    let of_nodes = of_nodes
        .into_iter()
        .map(|(graph_id, node)| (graph_id, node, None));
    let of_items = of_items
        .into_iter()
        .map(|(graph_id, node, number)| (graph_id, node, Some(number.unsigned_abs())));
    let mut found: Vec<JobGraphNode> = of_nodes
        .chain(of_items)
        .map(|(graph_id, node, item)| JobGraphNode {
            graph_id,
            node,
            item,
        })
        .collect();
    found.sort_by(|one, other| {
        let place = |node: &JobGraphNode| (node.node.clone(), node.item);
        (other.graph_id.cmp(&one.graph_id)).then_with(|| place(one).cmp(&place(other)))
    });
    if let Some(tasks) = among.filter(|_| !found.is_empty()) {
        let ids: Vec<GraphId> = found.iter().map(|node| node.graph_id).collect();
        let names = node_rows::task_names(conn, &ids).await?;
        let others = names.into_iter().filter(|(_, name)| !tasks.contains(name));
        let others: HashSet<GraphId> = others.map(|(id, _)| id).collect();
        found.retain(|node| !others.contains(&node.graph_id));
    }
    found.truncate(usize::try_from(MAX_LISTED).unwrap_or(usize::MAX));
    Ok(found)
}
