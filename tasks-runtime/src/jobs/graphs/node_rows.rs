//! The rows of the nodes of graphs, and of the edges between those.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::tables::{tasks_job_graph_edges, tasks_job_graph_nodes};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};
use crate::jobs::record::JobStatus;
use crate::jobs::state::JobState;
use crate::jobs::table::tasks_jobs;
use crate::with_conn;

/// A node, without what its job is made of.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = tasks_job_graph_nodes)]
pub(super) struct NodeRow {
    pub(super) name: String,
    pub(super) state: i32,
    pub(super) waits_for_any: i32,
    pub(super) job_id: Option<JobId>,
    pub(super) owns_job: i32,
    pub(super) finished_at: Option<i64>,
    pub(super) error: Option<String>,
    pub(super) task_name: String,
    /// What it takes its items from, if it runs its task for each.
    pub(super) for_each: Option<String>,
    pub(super) items_total: Option<i64>,
    pub(super) items_made: i64,
    pub(super) items_completed: i64,
    pub(super) items_failed: i64,
    pub(super) items_canceled: i64,
}

impl NodeRow {
    /// Whether it runs its task for each item of a list.
    pub(super) fn has_items(&self) -> bool {
        self.for_each.is_some()
    }

    /// How many items have a job that has not ended, or are to have it again.
    pub(super) fn open_items(&self) -> i64 {
        self.items_made - self.items_completed - self.items_failed - self.items_canceled
    }

    /// Has it have none of its items yet.
    pub(super) fn forget_items(&mut self) {
        self.items_total = None;
        self.items_made = 0;
        self.items_completed = 0;
        self.items_failed = 0;
        self.items_canceled = 0;
    }
}

/// What the job of a node is made of.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = tasks_job_graph_nodes)]
pub(super) struct NodeContent {
    pub(super) name: String,
    pub(super) options: String,
    pub(super) inputs: String,
    pub(super) params: String,
    pub(super) for_each: Option<String>,
}

/// A node that is to be stored.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = tasks_job_graph_nodes)]
pub(super) struct NewNodeRow {
    pub(super) graph_id: GraphId,
    pub(super) name: String,
    pub(super) number: i32,
    pub(super) state: i32,
    pub(super) waits_for_any: i32,
    pub(super) job_id: Option<JobId>,
    pub(super) owns_job: i32,
    pub(super) finished_at: Option<i64>,
    pub(super) error: Option<String>,
    pub(super) task_name: String,
    pub(super) options: String,
    pub(super) inputs: String,
    pub(super) params: String,
    pub(super) for_each: Option<String>,
}

/// One node comes after another one.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = tasks_job_graph_edges)]
pub(super) struct EdgeRow {
    pub(super) graph_id: GraphId,
    pub(super) node: String,
    pub(super) after_node: String,
    pub(super) on_failure: i32,
}

/// In the order in which they were given.
pub(super) async fn nodes(conn: &mut Connection, id: GraphId) -> Result<Vec<NodeRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_graph_nodes::table
            .filter(tasks_job_graph_nodes::graph_id.eq(id))
            .order(tasks_job_graph_nodes::number)
            .select(NodeRow::as_select())
            .load(conn)
            .await
    })?)
}

pub(super) async fn edges(conn: &mut Connection, id: GraphId) -> Result<Vec<EdgeRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_graph_edges::table
            .filter(tasks_job_graph_edges::graph_id.eq(id))
            .order((
                tasks_job_graph_edges::node,
                tasks_job_graph_edges::after_node,
            ))
            .select(EdgeRow::as_select())
            .load(conn)
            .await
    })?)
}

/// Of these nodes, or of all.
pub(super) async fn contents(
    conn: &mut Connection,
    id: GraphId,
    names: &[String],
) -> Result<Vec<NodeContent>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_graph_nodes::table
            .filter(tasks_job_graph_nodes::graph_id.eq(id))
            .filter(tasks_job_graph_nodes::name.eq_any(names))
            .select(NodeContent::as_select())
            .load(conn)
            .await
    })?)
}

/// How many nodes of each state some graphs have.
pub(super) async fn node_counts(
    conn: &mut Connection,
    ids: &[GraphId],
) -> Result<Vec<(GraphId, i32, i64)>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_graph_nodes::table
            .filter(tasks_job_graph_nodes::graph_id.eq_any(ids))
            .group_by((
                tasks_job_graph_nodes::graph_id,
                tasks_job_graph_nodes::state,
            ))
            .select((
                tasks_job_graph_nodes::graph_id,
                tasks_job_graph_nodes::state,
                diesel::dsl::count_star(),
            ))
            .load(conn)
            .await
    })?)
}

/// The names of the tasks of some graphs.
pub(super) async fn task_names(
    conn: &mut Connection,
    ids: &[GraphId],
) -> Result<Vec<(GraphId, String)>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_graph_nodes::table
            .filter(tasks_job_graph_nodes::graph_id.eq_any(ids))
            .select((
                tasks_job_graph_nodes::graph_id,
                tasks_job_graph_nodes::task_name,
            ))
            .distinct()
            .load(conn)
            .await
    })?)
}

/// The tasks of nodes whose turn it is and that have no job yet.
pub(in crate::jobs) async fn ready_tasks(conn: &mut Connection) -> Result<Vec<String>, JobError> {
    const READY: &str = "state = 1";
    Ok(with_conn!(conn, |conn| {
        tasks_job_graph_nodes::table
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(READY))
            .select(tasks_job_graph_nodes::task_name)
            .distinct()
            .load(conn)
            .await
    })?)
}

/// How the jobs of nodes are, of those that are there. One that was deleted is gone when its code has ended, and not before.
pub(super) async fn job_statuses(
    conn: &mut Connection,
    jobs: &[JobId],
) -> Result<HashMap<JobId, JobStatus>, JobError> {
    if jobs.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(JobId, JobState, i32)> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::id.eq_any(jobs))
            .select((tasks_jobs::id, tasks_jobs::state, tasks_jobs::deleted))
            .load(conn)
            .await
    })?;
    let status = |(id, state, deleted): (JobId, JobState, i32)| {
        let is_there = deleted == 0 || state == JobState::Running;
        is_there.then(|| (id, state.status()))
    };
    Ok(rows.into_iter().filter_map(status).collect())
}

/// Stores how a node is.
pub(super) async fn update_node(
    conn: &mut Connection,
    graph: GraphId,
    node: &NodeRow,
) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::update(tasks_job_graph_nodes::table.find((graph, &node.name)))
            .set((
                tasks_job_graph_nodes::state.eq(node.state),
                tasks_job_graph_nodes::job_id.eq(node.job_id),
                tasks_job_graph_nodes::owns_job.eq(node.owns_job),
                tasks_job_graph_nodes::finished_at.eq(node.finished_at),
                tasks_job_graph_nodes::error.eq(&node.error),
                tasks_job_graph_nodes::items_total.eq(node.items_total),
                tasks_job_graph_nodes::items_made.eq(node.items_made),
                tasks_job_graph_nodes::items_completed.eq(node.items_completed),
                tasks_job_graph_nodes::items_failed.eq(node.items_failed),
                tasks_job_graph_nodes::items_canceled.eq(node.items_canceled),
            ))
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Stores that these nodes are in a state now, whose jobs stay as they are.
pub(super) async fn update_states(
    conn: &mut Connection,
    graph: GraphId,
    names: &[&str],
    (state, finished_at): (i32, Option<i64>),
) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::update(
            tasks_job_graph_nodes::table
                .filter(tasks_job_graph_nodes::graph_id.eq(graph))
                .filter(tasks_job_graph_nodes::name.eq_any(names)),
        )
        .set((
            tasks_job_graph_nodes::state.eq(state),
            tasks_job_graph_nodes::finished_at.eq(finished_at),
        ))
        .execute(conn)
        .await
    })?;
    Ok(())
}

/// The jobs that were made for the nodes of a graph.
pub(super) async fn own_jobs(conn: &mut Connection, id: GraphId) -> Result<Vec<JobId>, JobError> {
    let jobs: Vec<Option<JobId>> = with_conn!(conn, |conn| {
        tasks_job_graph_nodes::table
            .filter(tasks_job_graph_nodes::graph_id.eq(id))
            .filter(tasks_job_graph_nodes::job_id.is_not_null())
            .filter(tasks_job_graph_nodes::owns_job.eq(1))
            .select(tasks_job_graph_nodes::job_id)
            .load(conn)
            .await
    })?;
    Ok(jobs.into_iter().flatten().collect())
}
