//! A graph that is put together and submitted.

use std::collections::{BTreeSet, HashSet};
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use super::advance::{self, Advanced};
use super::checked_node::{CheckedNode, MAX_ERRORS, check_inputs, cycle, pointer_of};
use super::graph_rows::{self, GraphRow};
use super::node::GraphNode;
use super::node_rows::{EdgeRow, NewNodeRow};
use super::record::GraphRecord;
use super::state::{GraphStatus, NodeState, Stop};
use crate::arguments::ArgumentError;
use crate::database::{Connection, Transaction};
use crate::jobs::error::{JobError, ValidationErrors};
use crate::jobs::id::GraphId;
use crate::jobs::limits::{MAX_DELAY, MAX_GRAPH_NODES};
use crate::jobs::options::SubmitOptions;
use crate::jobs::scheduler::Scheduler;

/// How many edges a graph may have.
const MAX_EDGES: usize = 10_000;

/// A graph of jobs that is about to be submitted: add its [nodes](Self::node), and `.await` it to store it, or pass it to [`within`](Self::within) a transaction.
/// Made by [`Scheduler::graph`].
#[must_use = "nothing is stored before it is awaited"]
#[derive(Debug)]
pub struct Graph {
    scheduler: Scheduler,
    nodes: Vec<GraphNode>,
    /// Of the graph as a whole.
    options: SubmitOptions,
    deadline: Option<Duration>,
}

impl Scheduler {
    /// Begins a graph: jobs that come after one another, of which each may take what others came to.
    ///
    /// The graph is checked as a whole before anything is stored: names, cycles, arguments, and, as far as the schemas of the tasks say it, whether what a node
    /// takes from another one fits. It is stored at once, all of it; then its nodes become jobs when it is their turn, in whatever process has started its
    /// scheduler, whatever happens to the one that submitted it. [`wait_for_graph`](Self::wait_for_graph) waits for its end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_runtime::jobs::{GraphNode, GraphStatus, Jobs, Scheduler, from};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn count(words: Vec<String>) -> usize {
    ///     words.len()
    /// }
    ///
    /// #[task(register = false)]
    /// async fn split(text: String) -> Vec<String> {
    ///     text.split_whitespace().map(str::to_owned).collect()
    /// }
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let database = Database::sqlite_in_memory().connect().await?;
    /// let scheduler = Scheduler::new(&database, Jobs::new());
    /// let executor = tasks_runtime::testing::executor([task(count), task(split)]).provide(scheduler.clone()).build()?;
    /// scheduler.start(&executor)?;
    ///
    /// let graph = scheduler
    ///     .graph()
    ///     .node(GraphNode::new("split", call!(split, text = "to be or not")))
    ///     .node(GraphNode::new("count", call!(count, words = from("split", ""))))
    ///     .await?;
    /// let graph = scheduler.wait_for_graph(graph.id, Duration::from_secs(10)).await?;
    /// assert_eq!(graph.status, GraphStatus::Completed);
    /// let counted = graph.node("count").and_then(|node| node.job_id);
    /// assert_eq!(scheduler.result::<usize>(counted.expect("it ran")).await?, 4);
    /// scheduler.shutdown().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn graph(&self) -> Graph {
        Graph {
            scheduler: self.clone(),
            nodes: Vec::new(),
            options: SubmitOptions::default(),
            deadline: None,
        }
    }
}

impl Graph {
    /// Adds a node. There are 1 to 1,000.
    pub fn node(mut self, node: GraphNode) -> Self {
        self.nodes.push(node);
        self
    }

    /// What it is about, for those who look at the list: up to 4,096 characters, none of them U+0000.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.options.description = Some(text.into());
        self
    }

    /// How long it may take, from its submission on, by the clock of the database. After that it fails: no other node begins, and its jobs are canceled.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// Name of the caller who submits it, for example of an API key: its jobs have it as well. Up to 255 bytes.
    pub fn submitted_by(mut self, name: impl Into<String>) -> Self {
        self.options.submitted_by = Some(name.into());
        self
    }

    /// Stores it inside a transaction: it exists if and when that commits.
    ///
    /// # Errors
    ///
    /// The same as awaiting it.
    pub async fn within(self, transaction: &mut Transaction) -> Result<GraphRecord, JobError> {
        let scheduler = self.scheduler.clone();
        scheduler.clock().refresh(transaction).await?;
        let checked = self.check()?;
        let stored = checked.store(&scheduler, transaction).await?;
        let record = stored.record;
        transaction.on_commit(move || scheduler.graph_submitted(&stored.advanced));
        Ok(record)
    }

    /// Checks it, and stores it.
    async fn store(self) -> Result<GraphRecord, JobError> {
        let scheduler = self.scheduler.clone();
        scheduler.refresh_clock().await?;
        let checked = self.check()?;
        let stored: Result<StoredGraph, JobError> = scheduler
            .session()
            .transaction_with_retries(async |tx| checked.store(&scheduler, tx).await)
            .await;
        let stored = stored?;
        scheduler.graph_submitted(&stored.advanced);
        Ok(stored.record)
    }

    /// All that is wrong with it, or what is stored of it.
    fn check(mut self) -> Result<CheckedGraph, JobError> {
        let executor = self.scheduler.executor()?;
        let mut wrong = self.options.check(Vec::new);
        if let Some(deadline) = self.deadline
            && !(Duration::from_millis(1)..=MAX_DELAY).contains(&deadline)
        {
            wrong.push(
                "/deadline",
                "is less than a millisecond, or more than ten years",
            );
        }
        if !(1..=MAX_GRAPH_NODES).contains(&self.nodes.len()) {
            let words = format!(
                "has {} nodes, and 1 to {MAX_GRAPH_NODES} are allowed",
                self.nodes.len()
            );
            wrong.push("/nodes", words);
            return Err(wrong.into_error());
        }
        let comes_after = |node: &GraphNode| node.after.len() + node.inputs.len();
        if self.nodes.iter().map(comes_after).sum::<usize>() > MAX_EDGES {
            let words = format!(
                "come after one another more than {MAX_EDGES} times, which is what is allowed"
            );
            wrong.push("/nodes", words);
            return Err(wrong.into_error());
        }
        let names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let known: HashSet<&str> = names.iter().map(String::as_str).collect();
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for node in std::mem::take(&mut self.nodes) {
            let pointer = pointer_of(&node.name);
            let mut errors = ValidationErrors::default();
            let node = CheckedNode::new(node, &self.scheduler, &executor, &known, &mut errors)?;
            nodes.extend(node);
            wrong.extend(errors.into_iter().map(|error| ArgumentError {
                pointer: format!("{pointer}{}", error.pointer),
                ..error
            }));
            if wrong.len() >= MAX_ERRORS {
                return Err(wrong.into_error());
            }
        }
        for name in repeated(&names) {
            wrong.push(&pointer_of(name), "is the name of two nodes");
        }
        if wrong.is_empty() {
            check_inputs(&nodes, &executor, &mut wrong);
        }
        if wrong.is_empty()
            && let Some(cycle) = cycle(&nodes)
        {
            let words = format!("come after one another in a circle: {}", cycle.join(", "));
            wrong.push("/nodes", words);
        }
        if !wrong.is_empty() {
            return Err(wrong.into_error());
        }
        Ok(CheckedGraph {
            nodes,
            options: self.options,
            deadline: self.deadline,
        })
    }
}

impl IntoFuture for Graph {
    type Output = Result<GraphRecord, JobError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.store())
    }
}

fn repeated(names: &[String]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let names = names.iter().map(String::as_str);
    names.filter(|name| !seen.insert(*name)).collect()
}

/// A graph that fits.
struct CheckedGraph {
    nodes: Vec<CheckedNode>,
    options: SubmitOptions,
    deadline: Option<Duration>,
}

/// A graph that was stored, and its first jobs.
struct StoredGraph {
    record: GraphRecord,
    advanced: Advanced,
}

impl CheckedGraph {
    /// Stores it, and the jobs of the nodes that come after no other.
    async fn store(
        &self,
        scheduler: &Scheduler,
        conn: &mut Connection,
    ) -> Result<StoredGraph, JobError> {
        let clock = scheduler.clock();
        let now = clock.now();
        let graph = GraphRow {
            id: GraphId::new(),
            description: self.options.description.clone(),
            state: GraphStatus::Running.number(),
            stop: Stop::number(None),
            submitted_at: now,
            finished_at: None,
            time_limit: self
                .deadline
                .map(|limit| i64::try_from(limit.as_micros()).unwrap_or(i64::MAX)),
            deadline_at: self.deadline.map(|deadline| clock.after(deadline)),
            submitted_by: self.options.submitted_by.clone(),
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
        graph_rows::insert(conn, &graph, nodes, edges).await?;
        let advanced = advance::advance(scheduler, conn, graph).await?;
        let record = super::record::read(conn, id)
            .await?
            .ok_or(JobError::GraphNotFound(id))?;
        Ok(StoredGraph { record, advanced })
    }
}
