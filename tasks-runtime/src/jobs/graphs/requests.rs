//! Graphs are looked at, waited for, canceled, retried and deleted.

use std::time::Duration;

use tokio::time::Instant;

use super::advance::{self, Advanced};
use super::graph_rows::{self, GraphRow};
use super::item_record::{self, GraphItemRecord};
use super::item_rows;
use super::node_rows::{self, NodeRow};
use super::record::{self, GraphRecord};
use super::state::{GraphStatus, NodeState, Stop};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};
use crate::jobs::scheduler::Scheduler;
use crate::jobs::store;

/// How often a graph is looked at that is waited for while nothing is heard of changes: those of other processes.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How long changes are gathered before the next look: any job of the process may have changed.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// Graphs of jobs.
impl Scheduler {
    /// A graph with its nodes; `None` when there is none of this id, or not any more: it is kept as long as its jobs, see
    /// [`Jobs::retention`](crate::jobs::Jobs::retention).
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn get_graph(&self, id: GraphId) -> Result<Option<GraphRecord>, JobError> {
        self.session()
            .read(async |conn| record::read(conn, id).await)
            .await
    }

    /// Graphs, newest first, without their nodes: those of a status, if that is said, and those that are older than one.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn list_graphs(
        &self,
        status: Option<GraphStatus>,
        before: Option<GraphId>,
        limit: u64,
    ) -> Result<Vec<GraphRecord>, JobError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let status = status.map(GraphStatus::number);
        self.session()
            .read(async |conn| {
                let rows = graph_rows::list(conn, status, before, limit).await?;
                record::summaries(conn, rows).await
            })
            .await
    }

    /// The names of the tasks of some graphs, each with its graph.
    #[doc(hidden)]
    pub async fn tasks_of_graphs(
        &self,
        graphs: &[GraphId],
    ) -> Result<Vec<(GraphId, String)>, JobError> {
        self.session()
            .read(async |conn| node_rows::task_names(conn, graphs).await)
            .await
    }

    /// The items of a node that runs its task for each: a page of those whose jobs were made, in their order, from a number on; 1,000 at most. The last page is shorter than
    /// `limit`.
    ///
    /// # Errors
    ///
    /// [`JobError::GraphNotFound`]; [`JobError::GraphNodeNotFound`], also of a node without items; and when the database fails.
    pub async fn graph_items(
        &self,
        id: GraphId,
        node: &str,
        from: u64,
        limit: u64,
    ) -> Result<Vec<GraphItemRecord>, JobError> {
        let graph = self.get_graph(id).await?;
        let graph = graph.ok_or(JobError::GraphNotFound(id))?;
        if graph.node(node).is_none_or(|node| node.items.is_none()) {
            let node = node.escape_debug().take(100).collect();
            return Err(JobError::GraphNodeNotFound { id, node });
        }
        self.session()
            .read(async |conn| item_record::page(conn, (id, node), from, limit.min(1000)).await)
            .await
    }

    /// Waits until a graph has ended.
    ///
    /// # Errors
    ///
    /// [`JobError::GraphNotFound`]; [`JobError::GraphTimeout`] when it has not ended within that time; and when the database fails.
    pub async fn wait_for_graph(
        &self,
        id: GraphId,
        timeout: Duration,
    ) -> Result<GraphRecord, JobError> {
        let deadline = Instant::now() + timeout;
        let mut changes = self.all_changes();
        loop {
            changes.mark_seen();
            let graph: Option<GraphRow> = self
                .session()
                .read(async |conn| graph_rows::find(conn, id).await)
                .await?;
            let graph = graph.ok_or(JobError::GraphNotFound(id))?;
            if GraphStatus::stored(graph.state).is_final() {
                let record = self.get_graph(id).await?;
                return record.ok_or(JobError::GraphNotFound(id));
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(JobError::GraphTimeout { id, after: timeout });
            }
            let change = async {
                changes.changed().await;
                tokio::time::sleep(SHORTEST_PAUSE).await;
            };
            tokio::select! {
                () = change => {}
                () = tokio::time::sleep_until((now + LOOK_INTERVAL).min(deadline)) => {}
            }
        }
    }

    /// Cancels a graph: no other node begins, and its jobs are [canceled](Self::cancel). It has ended when those have. One that has ended stays as it is.
    ///
    /// # Errors
    ///
    /// [`JobError::GraphNotFound`], and when the database fails.
    pub async fn cancel_graph(&self, id: GraphId) -> Result<GraphRecord, JobError> {
        self.change_graph(id, Change::Cancel).await
    }

    /// Begins a graph again that has ended, with what has not completed, also of the items of a node that has completed [all the same](crate::jobs::GraphNode::continue_on_failure): then what comes after that runs again, too. A node whose job failed or was canceled has the same job again, as after a
    /// [`retry`](Self::retry), unless a node before it runs again, too: then it is given other arguments, in a new job. What has completed stays as it is. One
    /// with a deadline has as much time as at first.
    ///
    /// With `from`, that node and all that come after it run once more, too, as new jobs, also if they have completed.
    ///
    /// # Errors
    ///
    /// [`JobError::GraphNotFound`]; [`JobError::GraphNotEnded`]; [`JobError::GraphNodeNotFound`]; and when the database fails.
    pub async fn retry_graph(
        &self,
        id: GraphId,
        from: Option<&str>,
    ) -> Result<GraphRecord, JobError> {
        self.change_graph(id, Change::Retry(from)).await
    }

    async fn change(
        &self,
        tx: &mut Connection,
        graph: GraphRow,
        change: Change<'_>,
    ) -> Result<Advanced, JobError> {
        let has_ended = GraphStatus::stored(graph.state).is_final();
        match change {
            Change::Cancel if has_ended => Ok(Advanced::default()),
            Change::Cancel => advance::advance_to(self, tx, graph, Some(Stop::Canceled)).await,
            Change::Retry(_) if !has_ended => Err(JobError::GraphNotEnded(graph.id)),
            Change::Retry(from) => self.begin_again(tx, graph, from).await,
        }
    }

    async fn begin_again(
        &self,
        tx: &mut Connection,
        mut graph: GraphRow,
        from: Option<&str>,
    ) -> Result<Advanced, JobError> {
        let id = graph.id;
        let now = self.clock().now();
        let mut nodes = node_rows::nodes(tx, id).await?;
        let edges = node_rows::edges(tx, id).await?;
        let mut plan = advance::plan_of(&nodes, &edges, None);
        let kept = |node: &NodeRow| NodeState::stored(node.state) == NodeState::Completed;
        let mut is_anew: Vec<bool> = nodes.iter().map(|node| !kept(node)).collect();
        let mut has_new_job = vec![false; nodes.len()];
        if let Some(name) = from {
            let place = nodes.iter().position(|node| node.name == name);
            let node = || name.escape_debug().take(100).collect();
            let place = place.ok_or_else(|| JobError::GraphNodeNotFound { id, node: node() })?;
            plan.reset_from(place);
            for (place, planned) in plan.nodes.iter().enumerate() {
                has_new_job[place] = planned.state == NodeState::Waiting;
                is_anew[place] |= has_new_job[place];
            }
        }
        // Items that did not complete and were not to fail their node.
        let some_failed =
            |node: &NodeRow| kept(node) && node.items_failed + node.items_canceled > 0;
        let mut with_failed = vec![false; nodes.len()];
        if from.is_none() {
            for (place, _) in nodes
                .iter()
                .enumerate()
                .filter(|(_, node)| some_failed(node))
            {
                (with_failed[place], is_anew[place]) = (true, true);
                plan.reset_from(place);
            }
            for (place, planned) in plan.nodes.iter().enumerate() {
                let comes_after = planned.state == NodeState::Waiting && !with_failed[place];
                has_new_job[place] |= comes_after;
                is_anew[place] |= comes_after;
            }
        }
        // One that comes after another that runs again may be given other arguments than before.
        for (node, after) in plan.edges() {
            has_new_job[node] |= is_anew[after];
        }
        for (place, node) in nodes.iter_mut().enumerate() {
            if !is_anew[place] {
                continue;
            }
            let keeps_job = !has_new_job[place] && node.owns_job == 1;
            if node.has_items() {
                if has_new_job[place] {
                    item_rows::delete_of(tx, id, &node.name).await?;
                    node.forget_items();
                } else {
                    item_rows::begin_again(tx, id, &node.name).await?;
                    node.items_failed = 0;
                    node.items_canceled = 0;
                }
            }
            node.state = NodeState::Waiting.number();
            node.job_id = node.job_id.filter(|_| keeps_job);
            node.finished_at = None;
            node.error = None;
            node_rows::update_node(tx, id, node).await?;
        }
        graph.state = GraphStatus::Running.number();
        graph.stop = Stop::number(None);
        graph.finished_at = None;
        graph.deadline_at = graph.time_limit.map(|limit| now.saturating_add(limit));
        graph_rows::update(tx, &graph).await?;
        let advanced = advance::advance(self, tx, graph).await?;
        Ok(Advanced {
            has_changed: true,
            ..advanced
        })
    }

    /// Forgets a graph and its jobs; one that has not ended is canceled first, and jobs that run are gone once their code has ended. `false` when it is not there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete_graph(&self, id: GraphId) -> Result<bool, JobError> {
        self.refresh_clock().await?;
        self.delete_items(id).await?;
        let jobs: Result<Option<Vec<JobId>>, JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                let now = self.clock().now();
                if graph_rows::lock(tx, id, false).await?.is_none() {
                    return Ok(None);
                }
                let mut jobs = node_rows::own_jobs(tx, id).await?;
                jobs.sort();
                graph_rows::delete(tx, id).await?;
                store::delete_ended(tx, &jobs).await?;
                // Of those that are left some have ended, and another graph has them.
                let left = node_rows::job_statuses(tx, &jobs).await?;
                let open = left.iter().filter(|(_, status)| !status.is_final());
                for (job, _) in open {
                    if !store::delete(tx, *job).await? {
                        store::cancel(tx, *job, now).await?;
                    }
                }
                Ok(Some(jobs))
            })
            .await;
        let jobs = jobs?;
        if let Some(jobs) = &jobs {
            self.cancel_running(jobs);
            self.jobs_changed();
        }
        Ok(jobs.is_some())
    }

    /// Forgets the jobs of a graph's items, some at a time: there may be very many.
    async fn delete_items(&self, id: GraphId) -> Result<(), JobError> {
        const BATCH_SIZE: i64 = 500;
        loop {
            let taken: Result<(usize, Vec<JobId>), JobError> = self
                .session()
                .transaction_with_retries(async |tx| {
                    let now = self.clock().now();
                    let Some(graph) = graph_rows::lock(tx, id, false).await? else {
                        return Ok((0, Vec::new()));
                    };
                    let (count, mut jobs) = item_rows::take_some(tx, id, BATCH_SIZE).await?;
                    if count == 0 {
                        return Ok((0, Vec::new()));
                    }
                    // No others are made.
                    graph_rows::update(tx, &graph.stopped(now)).await?;
                    jobs.sort();
                    store::delete_ended(tx, &jobs).await?;
                    for job in node_rows::job_statuses(tx, &jobs).await?.into_keys() {
                        if !store::delete(tx, job).await? {
                            store::cancel(tx, job, now).await?;
                        }
                    }
                    Ok((count, jobs))
                })
                .await;
            let (count, jobs) = taken?;
            if count == 0 {
                return Ok(());
            }
            self.cancel_running(&jobs);
            self.jobs_changed();
        }
    }

    /// Changes a graph that nobody else changes meanwhile.
    async fn change_graph(&self, id: GraphId, change: Change<'_>) -> Result<GraphRecord, JobError> {
        self.refresh_clock().await?;
        let changed: Result<(GraphRecord, Advanced), JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                let graph = graph_rows::lock(tx, id, false).await?;
                let graph = graph.ok_or(JobError::GraphNotFound(id))?;
                let advanced = self.change(tx, graph, change).await?;
                let record = record::read(tx, id).await?;
                Ok((record.ok_or(JobError::GraphNotFound(id))?, advanced))
            })
            .await;
        let (record, advanced) = changed?;
        self.graph_advanced(&advanced);
        Ok(record)
    }

    /// Tells of a graph that was stored, and of its first jobs.
    pub(super) fn graph_submitted(&self, advanced: &Advanced) {
        self.graph_advanced(advanced);
        self.look_at_ends();
    }

    /// Tells of what became of a graph, once it is committed.
    pub(super) fn graph_advanced(&self, advanced: &Advanced) {
        self.submitted(&advanced.rows, &advanced.jobs);
        self.cancel_running(&advanced.stopped);
        if let Some((id, status)) = advanced.end {
            tracing::info!(graph_id = %id, %status, "a graph of jobs has ended");
        }
        if advanced.has_changed {
            self.jobs_changed();
            self.wake();
            self.look_at_ends();
        }
    }
}

/// What is done to a graph.
#[derive(Clone, Copy)]
enum Change<'a> {
    Cancel,
    /// From a node on, if that is said.
    Retry(Option<&'a str>),
}
