//! A graph that is put together and submitted.

use std::collections::{BTreeSet, HashSet};
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use super::advance::Advanced;
use super::checked_graph::{CheckedGraph, SubmittedGraph};
use super::checked_node::{CheckedNode, MAX_ERRORS, check_inputs, cycle, pointer_of};
use super::node::GraphNode;
use super::record::GraphRecord;
use crate::arguments::ArgumentError;
use crate::database::Transaction;
use crate::jobs::error::{JobError, ValidationErrors};
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

    /// Makes repeated submissions one: a graph of the same [caller](Self::submitted_by) that has this key, of 1 to 255 bytes, is given back, also when it has ended, and no other one is stored. If it has other
    /// nodes, parameters or options, that is an error, [`JobError::GraphKeyReused`]. A key is kept as long as its graph.
    ///
    /// ```
    /// use tasks_runtime::jobs::{GraphNode, JobError, Scheduler};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn report(day: String) -> String {
    ///     format!("the report of {day}")
    /// }
    ///
    /// /// May be called again, when it is not known whether it was: there is one graph for each day.
    /// async fn begin_day(scheduler: &Scheduler, day: &str) -> Result<(), JobError> {
    ///     scheduler
    ///         .graph()
    ///         .idempotency_key(format!("report-{day}"))
    ///         .node(GraphNode::new("report", call!(report, day = day)))
    ///         .await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.options.idempotency_key = Some(key.into());
        self
    }

    /// Adds what somebody else has found wrong with it, as the reader of a request does: nothing is stored, and all that is wrong is one error.
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = ArgumentError>) -> Self {
        self.options.wrong.extend(errors);
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
        let (submitted, advanced) = checked.store(&scheduler, transaction).await?;
        transaction.on_commit(move || scheduler.graph_submitted(&advanced));
        Ok(submitted.graph)
    }

    /// Stores it, as awaiting it does, and says whether it was there before.
    ///
    /// # Errors
    ///
    /// The same as awaiting it.
    pub async fn store(self) -> Result<SubmittedGraph, JobError> {
        let scheduler = self.scheduler.clone();
        scheduler.refresh_clock().await?;
        let checked = self.check()?;
        let stored: Result<(SubmittedGraph, Advanced), JobError> = scheduler
            .session()
            .transaction_with_retries(async |tx| checked.store(&scheduler, tx).await)
            .await;
        let (submitted, advanced) = stored?;
        scheduler.graph_submitted(&advanced);
        Ok(submitted)
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
        Box::pin(async move { Ok(self.store().await?.graph) })
    }
}

fn repeated(names: &[String]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let names = names.iter().map(String::as_str);
    names.filter(|name| !seen.insert(*name)).collect()
}
