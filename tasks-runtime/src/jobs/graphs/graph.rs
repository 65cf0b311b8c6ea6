//! A graph that is put together, checked, and submitted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;

use super::advance::{self, Advanced};
use super::input::{self, Input};
use super::node::{GraphNode, NodeCall, NodeOptions};
use super::record::GraphRecord;
use super::rows::{self, EdgeRow, GraphRow, NewNodeRow};
use super::schema_check;
use super::state::{GraphStatus, NodeState, OnFailure, Stop};
use crate::arguments::{
    ArgumentError, ArgumentErrorCode, Input as Arguments, InvalidArguments, members,
};
use crate::call::ExecuteError;
use crate::database::{Connection, Transaction};
use crate::execute::TaskExecutor;
use crate::jobs::error::{JobError, ValidationErrors};
use crate::jobs::id::GraphId;
use crate::jobs::limits::{MAX_DELAY, MAX_GRAPH_NODES};
use crate::jobs::options::SubmitOptions;
use crate::jobs::scheduler::Scheduler;
use crate::name;
use crate::nearest::nearest;
use crate::registry::RegisteredTask;

/// How many edges a graph may have.
const MAX_EDGES: usize = 10_000;
/// How many errors are looked for.
const MAX_ERRORS: usize = 100;
/// How many unknown names of a node are compared with those that there are.
const MAX_HINTS: usize = 5;
/// How deep a pointer into a result may go, and how long it may be.
const MAX_POINTER_DEPTH: usize = 32;
const MAX_POINTER_BYTES: usize = 1024;

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

fn pointer_of(node: &str) -> String {
    let name: String = node.chars().take(64).collect();
    format!("/nodes/{}", crate::pointer::escape(&name))
}

fn repeated(names: &[String]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let names = names.iter().map(String::as_str);
    names.filter(|name| !seen.insert(*name)).collect()
}

/// A node that fits.
struct CheckedNode {
    name: String,
    task: String,
    /// As they are stored.
    params: String,
    inputs: Vec<Input>,
    after: BTreeMap<String, OnFailure>,
    waits_for_any: bool,
    options: NodeOptions,
}

impl CheckedNode {
    /// The node, unless something is wrong with it.
    fn new(
        mut node: GraphNode,
        scheduler: &Scheduler,
        executor: &TaskExecutor,
        names: &HashSet<&str>,
        wrong: &mut ValidationErrors,
    ) -> Result<Option<Self>, JobError> {
        *wrong = node.options.check(|| scheduler.queue_names());
        if !name::is_short_name(&node.name) {
            let words = format!("cannot be the name of a node: it has {}", name::SHORT_NAME);
            wrong.push("", words);
        }
        let (entry, params) = match node.call {
            NodeCall::Function(call) => {
                let entry = executor.registry().entry_of(call.function, call.path)?;
                (entry, call.arguments.json())
            }
            NodeCall::Named(task, params) => {
                let params = params.map_err(InvalidArguments::malformed);
                (executor.registry().get(&task)?, params)
            }
        };
        let params = match params {
            Ok(none) if none == "null" => "{}".to_owned(),
            Ok(params) => params,
            Err(InvalidArguments::Mismatch(errors)) => {
                wrong.extend(errors);
                return Ok(None);
            }
            Err(error) => {
                wrong.push("/params", error.to_string());
                return Ok(None);
            }
        };
        let Some((params, mut inputs)) = input::split(&params) else {
            wrong.push(
                "/params",
                "has `from(…)` within an argument: it stands for a whole one",
            );
            return Ok(None);
        };
        inputs.append(&mut node.inputs);
        let mut after = BTreeMap::new();
        for input in &inputs {
            after.insert(input.node.clone(), OnFailure::Fail);
        }
        after.extend(node.after);
        let mut hints = MAX_HINTS;
        for other in after.keys() {
            if *other == node.name {
                wrong.push("/after", "comes after itself");
            } else if !names.contains(other.as_str()) {
                let shown: String = other.chars().take(100).collect();
                let near = nearest(
                    other,
                    names.iter().copied().take(hints * MAX_GRAPH_NODES),
                    1,
                );
                hints = hints.saturating_sub(1);
                let hint = near
                    .first()
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                wrong.push("/after", format!("there is no node `{shown}`{hint}"));
                if wrong.len() >= MAX_ERRORS {
                    return Ok(None);
                }
            }
        }
        let given: BTreeSet<&str> = inputs.iter().map(|input| input.param.as_str()).collect();
        if given.len() < inputs.len() {
            wrong.push("/inputs", "has one parameter twice");
        }
        for (name, _) in members(&params).unwrap_or_default() {
            if given.contains(name.as_ref()) {
                let at = format!("/params/{}", crate::pointer::escape(&name));
                wrong.push(&at, "comes from another node as well: give it once");
            }
        }
        wrong.extend(unfit(executor, entry, &params, &given)?);
        if !wrong.is_empty() {
            return Ok(None);
        }
        let params = match scheduler.params_codec().stored(entry, params) {
            Ok(params) => params,
            Err(ExecuteError::InvalidArguments {
                reason: InvalidArguments::Mismatch(errors),
                ..
            }) => {
                wrong.extend(errors);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Self {
            name: node.name,
            task: entry.name().to_owned(),
            params,
            inputs,
            after,
            waits_for_any: node.waits_for_any,
            options: NodeOptions::from(&node.options),
        }))
    }

    /// Whether it may begin before a node has completed that it takes an argument from.
    fn may_lack(&self, input: &Input) -> bool {
        self.waits_for_any || self.after.get(&input.node) == Some(&OnFailure::Run)
    }
}

/// What is wrong with the arguments that are known now.
fn unfit(
    executor: &TaskExecutor,
    entry: &RegisteredTask,
    params: &str,
    given: &BTreeSet<&str>,
) -> Result<Vec<ArgumentError>, JobError> {
    let mut errors = match executor.check(entry, Arguments::Params(params)) {
        Ok(()) => Vec::new(),
        Err(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        }) => errors,
        Err(ExecuteError::InvalidArguments { reason, .. }) => {
            vec![ArgumentError::new("/params", reason.to_string())]
        }
        Err(error) => return Err(error.into()),
    };
    // Another node gives it.
    errors.retain(|error| {
        let name = error.pointer.strip_prefix("/params/").unwrap_or_default();
        !(error.code == ArgumentErrorCode::Missing && given.contains(name))
    });
    let declared = |name: &str| {
        let mut parameters = entry.parameters().into_iter();
        parameters.any(|parameter| parameter.name == name && !parameter.injected)
    };
    for name in given {
        if !declared(name) {
            let words = format!("task `{}` has no parameter of this name", entry.name());
            errors.push(ArgumentError::new(format!("/params/{name}"), words));
        }
    }
    Ok(errors)
}

/// Checks what nodes take from one another, by the schemas of their tasks.
fn check_inputs(nodes: &[CheckedNode], executor: &TaskExecutor, wrong: &mut ValidationErrors) {
    let tasks: HashMap<&str, &str> = nodes
        .iter()
        .map(|node| (node.name.as_str(), node.task.as_str()))
        .collect();
    let mut outputs: HashMap<&str, Option<Value>> = HashMap::new();
    for node in nodes.iter().filter(|node| !node.inputs.is_empty()) {
        let Ok(entry) = executor.registry().get(&node.task) else {
            continue;
        };
        let info = entry.info();
        for input in &node.inputs {
            let param = crate::pointer::escape(&input.param);
            let at = format!("{}/params/{param}", pointer_of(&node.name));
            let depth = input.pointer.bytes().filter(|byte| *byte == b'/').count();
            if !input.pointer.is_empty() && !input.pointer.starts_with('/') {
                let words = "is no JSON Pointer: one is empty or begins with `/`";
                wrong.push(&at, words);
                continue;
            }
            if input.pointer.contains('\0') {
                wrong.push(
                    &at,
                    "is a JSON Pointer with the character U+0000, which cannot be stored",
                );
                continue;
            }
            if depth > MAX_POINTER_DEPTH || input.pointer.len() > MAX_POINTER_BYTES {
                let words = format!(
                    "is a JSON Pointer of {depth} parts and {} bytes, and {MAX_POINTER_DEPTH} and {MAX_POINTER_BYTES} are allowed",
                    input.pointer.len()
                );
                wrong.push(&at, words);
                continue;
            }
            let parameter = info.parameters.iter().find(|one| one.name == input.param);
            let is_needed = parameter.is_some_and(|one| one.required);
            if is_needed && node.may_lack(input) {
                let words = format!(
                    "is needed, and comes from `{}`, which need not have completed: give it a default, or let it be an `Option`",
                    input.node
                );
                wrong.push(&at, words);
            }
            let Some(task) = tasks.get(input.node.as_str()) else {
                continue;
            };
            let output = outputs.entry(task).or_insert_with(|| {
                let entry = executor.registry().get(task).ok()?;
                entry.info().output_schema
            });
            let schema = &info.input_schema;
            let found =
                schema_check::mismatch(output.as_ref(), &input.pointer, schema, &input.param);
            if let Some(reason) = found {
                wrong.push(
                    &at,
                    format!("cannot be what `{}` comes to: {reason}", input.node),
                );
            }
        }
    }
}

/// The names of nodes that come after one another in a circle, if there are any.
fn cycle(nodes: &[CheckedNode]) -> Option<Vec<&str>> {
    let mut left: BTreeMap<&str, Vec<&str>> = nodes
        .iter()
        .map(|node| {
            let after = node.after.keys().map(String::as_str).collect();
            (node.name.as_str(), after)
        })
        .collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, after)| after.iter().all(|other| !left.contains_key(other)))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    // Each that is left comes after another one that is: going back from any leads around.
    let mut way: Vec<&str> = vec![left.keys().next()?];
    loop {
        let last = *way.last()?;
        let next = *left
            .get(last)?
            .iter()
            .find(|other| left.contains_key(*other))?;
        if let Some(start) = way.iter().position(|name| *name == next) {
            way.drain(..start);
            return Some(way);
        }
        way.push(next);
    }
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
            });
            edges.extend(node.after.iter().map(|(after, on_failure)| EdgeRow {
                graph_id: graph.id,
                node: node.name.clone(),
                after_node: after.clone(),
                on_failure: on_failure.number(),
            }));
        }
        let id = graph.id;
        rows::insert(conn, &graph, nodes, edges).await?;
        let advanced = advance::advance(scheduler, conn, graph).await?;
        let record = super::record::read(conn, id)
            .await?
            .ok_or(JobError::GraphNotFound(id))?;
        Ok(StoredGraph { record, advanced })
    }
}
