//! Brings one graph up to date with what its jobs have come to, and has the next ones begin.

use std::collections::{BTreeMap, HashMap};

use super::begin;
use super::graph_rows::{self, GraphRow};
use super::items;
use super::node_rows::{self, EdgeRow, NodeRow};
use super::plan::{Edge, Plan, PlanNode};
use super::ready_node::{Begun, Budget, MadeItems};
use super::state::{GraphStatus, NodeState, OnFailure, Stop};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};
use crate::jobs::limits::MAX_ERROR_BYTES;
use crate::jobs::new_job_row::NewJobRow;
use crate::jobs::record::JobStatus;
use crate::jobs::scheduler::Scheduler;
use crate::jobs::store;
use crate::jobs::stored_text::storable;
use crate::text::cut;

/// What a graph was brought to, to be told of when it is committed.
#[derive(Default)]
pub(super) struct Advanced {
    /// New jobs, and under which ids they are there.
    pub(super) rows: Vec<NewJobRow>,
    pub(super) jobs: Vec<JobId>,
    /// Jobs that run and were asked to stop.
    pub(super) stopped: Vec<JobId>,
    /// The graph, and how it has ended now, if it has.
    pub(super) end: Option<(GraphId, GraphStatus)>,
    /// Whether anything is other than before.
    pub(super) has_changed: bool,
    /// Whether a node of it cannot begin here now, although it is its turn.
    pub(super) is_stuck: bool,
    /// Whether more nodes are to begin at once: one transaction makes so many jobs.
    pub(super) has_more: bool,
}

/// Brings a graph up to date, whose row is locked or new.
pub(super) async fn advance(
    scheduler: &Scheduler,
    conn: &mut Connection,
    graph: GraphRow,
) -> Result<Advanced, JobError> {
    advance_to(scheduler, conn, graph, None).await
}

/// The same, and has it stop unless it is at its end.
pub(super) async fn advance_to(
    scheduler: &Scheduler,
    conn: &mut Connection,
    mut graph: GraphRow,
    wanted: Option<Stop>,
) -> Result<Advanced, JobError> {
    let mut advanced = Advanced::default();
    if GraphStatus::stored(graph.state).is_final() {
        return Ok(advanced);
    }
    let now = scheduler.clock().now();
    let mut nodes = node_rows::nodes(conn, graph.id).await?;
    let edges = node_rows::edges(conn, graph.id).await?;
    let mut plan = plan_of(&nodes, &edges, Stop::stored(graph.stop));
    read_jobs(conn, &nodes, &mut plan).await?;
    let mut items = ItemsOfNodes::read(conn, graph.id, (&mut nodes, &mut plan)).await?;
    let is_overdue = graph.deadline_at.is_some_and(|at| at <= now);
    let stop = wanted.or_else(|| is_overdue.then_some(Stop::Overdue));
    // What has ended by itself has not been stopped.
    if stop.is_some() && plan.stop != Some(Stop::Canceled) && plan.end().is_none() {
        plan.stop = stop;
    }
    plan.settle();
    // What cannot begin may let others begin, or fail the graph.
    let mut tried = vec![false; nodes.len()];
    let mut budget = Budget::new();
    let executor = scheduler.executor()?;
    // Others are left to the processes that have their tasks.
    let is_known: Vec<bool> = nodes
        .iter()
        .map(|node| executor.registry().get(&node.task_name).is_ok())
        .collect();
    loop {
        let is_ready = |place: &usize| {
            plan.nodes[*place].state == NodeState::Ready && is_known[*place] && !tried[*place]
        };
        let ready: Vec<usize> = (0..nodes.len()).filter(is_ready).collect();
        if ready.is_empty() {
            break;
        }
        if budget.is_used_up() {
            advanced.has_more = true;
            break;
        }
        let begun = begin::begin(
            scheduler,
            conn,
            (&graph, &nodes, &plan),
            (&ready, &mut budget),
        )
        .await?;
        for (place, begun) in begun {
            tried[place] = true;
            let node = &mut nodes[place];
            match begun {
                Begun::Later => advanced.is_stuck = true,
                Begun::Failed(reason) => {
                    plan.nodes[place].state = NodeState::Failed;
                    node.job_id = None;
                    let mut reason = storable(&reason);
                    cut(&mut reason, MAX_ERROR_BYTES);
                    node.error = Some(reason);
                }
                Begun::Items(made) => {
                    let MadeItems {
                        total,
                        failed,
                        again,
                        error,
                        rows,
                        jobs,
                        left_again,
                        is_stuck,
                        made,
                    } = *made;
                    node.items_total = Some(total);
                    node.items_made += made;
                    node.items_failed += failed;
                    again
                        .into_iter()
                        .for_each(|(state, count)| node.count_items(state, count));
                    node.error = node.error.take().or(error);
                    advanced.is_stuck |= is_stuck;
                    advanced.has_more |= !is_stuck && (left_again > 0 || node.items_made < total);
                    advanced.rows.extend(rows);
                    advanced.jobs.extend(jobs);
                    items.has_changed[place] = true;
                    let planned = &mut plan.nodes[place];
                    planned.state = node.state_by_items(left_again, false);
                    planned.has_jobs = node.items_made > 0;
                }
                Begun::Again(status) => plan.nodes[place].state = NodeState::of_job(Some(status)),
                Begun::Job(row, job) => {
                    plan.nodes[place].state = NodeState::Open;
                    node.job_id = Some(job);
                    node.owns_job = i32::from(row.id == job);
                    node.error = None;
                    advanced.rows.push(*row);
                    advanced.jobs.push(job);
                }
            }
        }
        plan.settle();
    }
    if let Some(stop) = plan.stop {
        stop_jobs(conn, &nodes, &plan, stop, now).await?;
        let jobs = read_jobs(conn, &nodes, &mut plan).await?;
        let runs = |job: &JobId| jobs.get(job) == Some(&JobStatus::Running);
        for (node, planned) in nodes.iter().zip(&mut plan.nodes) {
            // A job of others goes on, and nobody waits for it any more.
            let is_left = stop.stops_running() || !node.job_id.as_ref().is_some_and(runs);
            let is_one = planned.state == NodeState::Open && !node.has_items();
            if is_one && node.owns_job == 0 && is_left {
                planned.state = NodeState::Canceled;
            }
        }
        let stopped = items
            .stop(conn, (&graph, &mut nodes, &mut plan), stop, now)
            .await?;
        advanced.stopped.extend(stopped);
        plan.settle();
        if stop.stops_running() {
            let own = nodes.iter().filter(|node| node.owns_job == 1);
            (advanced.stopped).extend(own.filter_map(|node| node.job_id).filter(runs));
        }
    }
    items.cancel_failed(conn, &nodes, now).await?;
    let end = plan.end();
    advanced.end = end.map(|status| (graph.id, status));
    let changed = &items.has_changed;
    write(
        conn,
        (&mut graph, &mut nodes),
        (&plan, changed),
        now,
        &mut advanced,
    )
    .await?;
    Ok(advanced)
}

pub(super) fn plan_of(nodes: &[NodeRow], edges: &[EdgeRow], stop: Option<Stop>) -> Plan {
    let places: HashMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .map(|(place, node)| (node.name.as_str(), place))
        .collect();
    let edges = edges.iter().filter_map(|edge| {
        Some(Edge {
            node: *places.get(edge.node.as_str())?,
            after: *places.get(edge.after_node.as_str())?,
            on_failure: OnFailure::stored(edge.on_failure),
        })
    });
    let planned = nodes.iter().map(|node| PlanNode {
        state: NodeState::stored(node.state),
        waits_for_any: node.waits_for_any != 0,
        has_jobs: node.items_made > 0,
    });
    Plan::new(planned.collect(), edges.collect(), stop)
}

/// Notes what the jobs of open nodes have come to, and gives how they are.
async fn read_jobs(
    conn: &mut Connection,
    nodes: &[NodeRow],
    plan: &mut Plan,
) -> Result<HashMap<JobId, JobStatus>, JobError> {
    let open = |(node, planned): (&NodeRow, &PlanNode)| {
        node.job_id
            .filter(|_| planned.state == NodeState::Open && !node.has_items())
    };
    let ids: Vec<JobId> = nodes.iter().zip(&plan.nodes).filter_map(open).collect();
    let jobs = node_rows::job_statuses(conn, &ids).await?;
    for (node, planned) in nodes.iter().zip(&mut plan.nodes) {
        if planned.state == NodeState::Open && !node.has_items() {
            let job = node.job_id.and_then(|id| jobs.get(&id)).copied();
            planned.state = NodeState::of_job(job);
        }
    }
    Ok(jobs)
}

/// The items of the nodes that have some.
struct ItemsOfNodes {
    /// By the place of the node: its jobs that have not ended, and how they are.
    open: BTreeMap<usize, Vec<(JobId, JobStatus)>>,
    /// Of each node, whether anything of its items is other than stored.
    has_changed: Vec<bool>,
}

impl ItemsOfNodes {
    /// Notes what the jobs of items have come to.
    async fn read(
        conn: &mut Connection,
        graph: GraphId,
        (nodes, plan): (&mut [NodeRow], &mut Plan),
    ) -> Result<Self, JobError> {
        let mut all = Self {
            open: BTreeMap::new(),
            has_changed: vec![false; nodes.len()],
        };
        for (place, node) in nodes.iter_mut().enumerate() {
            let planned = &mut plan.nodes[place];
            let has_some = node.has_items() && node.items_total.is_some();
            if !has_some || !matches!(planned.state, NodeState::Open | NodeState::Ready) {
                continue;
            }
            let read = items::read(conn, graph, node, false).await?;
            planned.state = node.state_by_items(read.left_again, plan.stop.is_some());
            all.open.insert(place, read.open);
            all.has_changed[place] = read.has_changed;
        }
        Ok(all)
    }

    /// Cancels the jobs of items of a graph that stops. Gives those that run and are to stop.
    async fn stop(
        &mut self,
        conn: &mut Connection,
        (graph, nodes, plan): (&GraphRow, &mut [NodeRow], &mut Plan),
        stop: Stop,
        now: i64,
    ) -> Result<Vec<JobId>, JobError> {
        let mut running = Vec::new();
        for (place, node) in nodes.iter_mut().enumerate() {
            let planned = &mut plan.nodes[place];
            if !node.has_items() || planned.state != NodeState::Open {
                continue;
            }
            let read = items::read(conn, graph.id, node, false).await?;
            cancel(conn, &read.open, stop.stops_running(), now).await?;
            let read = items::read(conn, graph.id, node, true).await?;
            planned.state = node.state_by_items(0, true);
            self.has_changed[place] = true;
            if stop.stops_running() {
                let runs = |(job, status): &(JobId, JobStatus)| {
                    (*status == JobStatus::Running).then_some(*job)
                };
                running.extend(read.open.iter().filter_map(runs));
            }
            self.open.insert(place, read.open);
        }
        Ok(running)
    }

    /// Cancels the jobs that wait of nodes of which one has failed.
    async fn cancel_failed(
        &self,
        conn: &mut Connection,
        nodes: &[NodeRow],
        now: i64,
    ) -> Result<(), JobError> {
        for (place, open) in &self.open {
            if nodes[*place].has_failed_items() {
                cancel(conn, open, false, now).await?;
            }
        }
        Ok(())
    }
}

/// Cancels jobs of items: those that wait, or those that run, too.
async fn cancel(
    conn: &mut Connection,
    open: &[(JobId, JobStatus)],
    stops_running: bool,
    now: i64,
) -> Result<(), JobError> {
    let mut jobs: Vec<JobId> = open.iter().map(|(job, _)| *job).collect();
    // In one order, so that two who lock several do not wait for each other.
    jobs.sort();
    for jobs in jobs.chunks(500) {
        if stops_running {
            let ids: Vec<String> = jobs.iter().map(ToString::to_string).collect();
            store::cancel_all(conn, &ids, now).await?;
        } else {
            store::cancel_waiting(conn, jobs, now).await?;
        }
    }
    Ok(())
}

/// Cancels the jobs of a graph that stops, but for those that were there before it.
async fn stop_jobs(
    conn: &mut Connection,
    nodes: &[NodeRow],
    plan: &Plan,
    stop: Stop,
    now: i64,
) -> Result<(), JobError> {
    let own = |(node, planned): (&NodeRow, &PlanNode)| {
        node.job_id
            .filter(|_| planned.state == NodeState::Open && node.owns_job == 1)
    };
    let mut own: Vec<JobId> = nodes.iter().zip(&plan.nodes).filter_map(own).collect();
    // In one order, so that two who lock several do not wait for each other.
    own.sort();
    if stop.stops_running() {
        let ids: Vec<String> = own.iter().map(ToString::to_string).collect();
        store::cancel_all(conn, &ids, now).await?;
    } else {
        store::cancel_waiting(conn, &own, now).await?;
    }
    Ok(())
}

/// Stores what has changed.
async fn write(
    conn: &mut Connection,
    (graph, nodes): (&mut GraphRow, &mut [NodeRow]),
    (plan, items_changed): (&Plan, &[bool]),
    now: i64,
    advanced: &mut Advanced,
) -> Result<(), JobError> {
    // Nodes that have a job now, or an error, one by one; there may be many others.
    let mut alike: BTreeMap<i32, Vec<&str>> = BTreeMap::new();
    for ((node, planned), items_changed) in nodes.iter_mut().zip(&plan.nodes).zip(items_changed) {
        let state = planned.state.number();
        if node.state == state && !items_changed {
            continue;
        }
        node.state = state;
        node.finished_at = planned.state.has_ended().then_some(now);
        advanced.has_changed = true;
        let has_new_job = node.job_id.is_some_and(|job| advanced.jobs.contains(&job));
        let has_begun = planned.state == NodeState::Open
            || node.error.is_some()
            || has_new_job
            || node.has_items();
        if has_begun {
            node_rows::update_node(conn, graph.id, node).await?;
        } else {
            alike.entry(state).or_default().push(&node.name);
        }
    }
    for (state, names) in alike {
        let finished_at = NodeState::stored(state).has_ended().then_some(now);
        node_rows::update_states(conn, graph.id, &names, (state, finished_at)).await?;
    }
    let stop = Stop::number(plan.stop);
    let status = advanced.end.map(|(_, status)| status);
    let state = status.unwrap_or(GraphStatus::Running).number();
    if (graph.stop, graph.state) != (stop, state) {
        graph.stop = stop;
        graph.state = state;
        graph.finished_at = status.map(|_| now);
        graph_rows::update(conn, graph).await?;
        advanced.has_changed = true;
    }
    Ok(())
}
