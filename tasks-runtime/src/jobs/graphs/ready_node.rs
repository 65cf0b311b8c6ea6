//! A node whose turn it is, and what its jobs are made of.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::graph_rows::GraphRow;
use super::input::{Input, add_member};
use super::item_rows;
use super::node::NodeOptions;
use super::node_rows::{self, NodeContent, NodeRow};
use super::plan::Plan;
use super::state::NodeState;
use crate::arguments::{Input as Arguments, InvalidArguments, at_pointer, members};
use crate::call::ExecuteError;
use crate::database::Connection;
use crate::execute::TaskExecutor;
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};
use crate::jobs::new_job_row::NewJobRow;
use crate::jobs::options::{SubmitOptions, When};
use crate::jobs::record::JobStatus;
use crate::jobs::scheduler::Scheduler;
use crate::jobs::state::JobState;
use crate::jobs::store;
use crate::registry::RegisteredTask;

/// How long a result may be of which a node takes a part, in bytes.
const MAX_RESULT: i64 = 16 * 1024 * 1024;
/// How long the parameters of a job may be together with what other nodes give, in bytes.
const MAX_PARAMS: usize = 2 * 1024 * 1024;

/// How much one transaction does: it holds the row of the graph meanwhile, and all of SQLite.
pub(super) struct Budget {
    began: Instant,
    nodes: usize,
    bytes: usize,
}

impl Budget {
    const MAX_NODES: usize = 200;
    const MAX_BYTES: usize = 8 * 1024 * 1024;
    const MAX_TIME: Duration = Duration::from_secs(1);

    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            nodes: 0,
            bytes: 0,
        }
    }

    pub(super) fn add_node(&mut self) {
        self.nodes += 1;
    }

    pub(super) fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.nodes >= Self::MAX_NODES
            || self.bytes >= Self::MAX_BYTES
            || self.began.elapsed() >= Self::MAX_TIME
    }
}

/// What became of a node whose turn it is.
pub(super) enum Begun {
    Job(Box<NewJobRow>, JobId),
    /// Its job of before was queued again, or is like this for another reason.
    Again(JobStatus),
    /// Jobs of its items.
    Items(Box<MadeItems>),
    /// It cannot have a job, for this reason.
    Failed(String),
    /// Another process makes it, or this one makes it later.
    Later,
}

/// Jobs that were made for items.
#[derive(Default)]
pub(super) struct MadeItems {
    /// How many items there are.
    pub(super) total: i64,
    /// How many more of them have been made.
    pub(super) made: i64,
    /// How many could not be: their arguments do not fit.
    pub(super) failed: i64,
    /// How many were made again and are as they were before.
    pub(super) again: BTreeMap<i32, i64>,
    /// Why one could not be made.
    pub(super) error: Option<String>,
    pub(super) rows: Vec<NewJobRow>,
    pub(super) jobs: Vec<JobId>,
    /// How many are left that are to be made again.
    pub(super) left_again: i64,
    /// Whether the next one cannot be made now.
    pub(super) is_stuck: bool,
}

/// Queues the job again that a node had before; `None` when it is to have a new one.
pub(super) async fn again(
    scheduler: &Scheduler,
    conn: &mut Connection,
    job: JobId,
) -> Result<Option<JobStatus>, JobError> {
    let statuses = node_rows::job_statuses(conn, &[job]).await?;
    Ok(match statuses.get(&job).copied() {
        Some(JobStatus::Failed | JobStatus::Canceled) => {
            let now = scheduler.clock().now();
            let is_queued = scheduler.retry_unless_duplicate(conn, job, now).await?;
            is_queued.then_some(JobStatus::Pending)
        }
        // Somebody has queued it again by itself.
        status => status,
    })
}

/// The results of nodes, each read once.
pub(super) struct Results<'a> {
    graph: GraphId,
    nodes: &'a [NodeRow],
    plan: &'a Plan,
    read: HashMap<String, Result<String, Option<i64>>>,
    /// How much was read since somebody asked.
    bytes: usize,
}

/// What a node gives to another one.
pub(super) enum Given<'a> {
    Value(&'a str),
    /// It has not completed.
    Nothing,
    /// Its job was deleted, and the result with it.
    Gone,
    /// It is longer than what is read here: so many bytes.
    TooLong(i64),
}

impl<'a> Results<'a> {
    pub(super) fn new(graph: GraphId, nodes: &'a [NodeRow], plan: &'a Plan) -> Self {
        Self {
            graph,
            nodes,
            plan,
            read: HashMap::new(),
            bytes: 0,
        }
    }

    /// How many bytes were read since somebody asked.
    pub(super) fn take_bytes(&mut self) -> usize {
        std::mem::take(&mut self.bytes)
    }

    pub(super) async fn of(
        &mut self,
        conn: &mut Connection,
        name: &str,
    ) -> Result<Given<'_>, JobError> {
        let place = self.nodes.iter().position(|node| node.name == name);
        let has_completed = |place: &usize| self.plan.nodes[*place].state == NodeState::Completed;
        let Some(node) = place.filter(has_completed).map(|place| &self.nodes[place]) else {
            return Ok(Given::Nothing);
        };
        if !self.read.contains_key(name) {
            let size = match node.job_id {
                Some(job) => store::result_size(conn, job).await?,
                None if node.has_items() => {
                    Some(item_rows::results_size(conn, self.graph, name).await?)
                }
                None => None,
            };
            let result = match (node.job_id, size) {
                (_, Some(size)) if size > MAX_RESULT => Err(Some(size)),
                (None, Some(_)) => Ok(item_rows::results(conn, self.graph, name).await?),
                (Some(job), Some(_)) => {
                    let found = store::find_result(conn, job).await?;
                    found.and_then(|(_, result)| result).ok_or(None)
                }
                _ => Err(None),
            };
            self.bytes += result.as_ref().map_or(0, String::len);
            self.read.insert(name.to_owned(), result);
        }
        Ok(match self.read.get(name) {
            Some(Ok(result)) => Given::Value(result),
            Some(Err(Some(size))) => Given::TooLong(*size),
            Some(Err(None)) | None => Given::Gone,
        })
    }
}

/// A node whose turn it is, in a process that has its task.
pub(super) struct Ready<'a> {
    pub(super) scheduler: &'a Scheduler,
    pub(super) executor: &'a TaskExecutor,
    pub(super) entry: &'a RegisteredTask,
    pub(super) graph: &'a GraphRow,
}

/// What the job of a node is made of, as it was stored.
pub(super) struct ReadNode {
    pub(super) options: SubmitOptions,
    pub(super) inputs: Vec<Input>,
    pub(super) params: String,
}

impl Ready<'_> {
    /// Reads what its jobs are made of; what became of it, where that cannot be read here.
    pub(super) fn read(&self, content: &NodeContent) -> Result<ReadNode, Begun> {
        // A later version has written it, and reads it.
        let later = |_| Begun::Later;
        let options = serde_json::from_str::<NodeOptions>(&content.options).map_err(later)?;
        let inputs = serde_json::from_str::<Vec<Input>>(&content.inputs).map_err(later)?;
        let codec = self.scheduler.params_codec();
        match codec.read(self.entry, &content.params) {
            Ok(params) => Ok(ReadNode {
                options: SubmitOptions::from(options),
                inputs,
                params,
            }),
            Err(error) => {
                let (node, graph) = (&content.name, self.graph.id);
                tracing::warn!(node, graph_id = %graph, %error, "a node of a graph does not begin here");
                Err(Begun::Later)
            }
        }
    }

    pub(super) async fn begin(
        &self,
        conn: &mut Connection,
        content: NodeContent,
        results: &mut Results<'_>,
    ) -> Result<Begun, JobError> {
        let ReadNode {
            options,
            inputs,
            params,
        } = match self.read(&content) {
            Ok(read) => read,
            Err(begun) => return Ok(begun),
        };
        match with_inputs(conn, params, &inputs, results).await? {
            Ok(params) => self.make(conn, params, &options).await,
            Err(reason) => Ok(Begun::Failed(reason)),
        }
    }

    /// Makes a job with these parameters.
    pub(super) async fn make(
        &self,
        conn: &mut Connection,
        params: String,
        options: &SubmitOptions,
    ) -> Result<Begun, JobError> {
        let checked = self.executor.check(self.entry, Arguments::Params(&params));
        let call = match checked.and_then(|()| self.scheduler.prepare(self.entry, params)) {
            Ok(call) => call,
            Err(error) => return Ok(Begun::Failed(self.words(&error))),
        };
        let clock = self.scheduler.clock();
        let now = clock.now();
        let mut row = NewJobRow::of_task(call, now);
        options.say_how(&mut row);
        if let Some(When::After(delay)) = options.when {
            row.state = JobState::Scheduled;
            row.run_at = clock.after(delay);
            row.scheduled_at = Some(row.run_at);
        }
        row.submitted_by.clone_from(&self.graph.submitted_by);
        match self.scheduler.insert_or_find(conn, &row).await {
            Ok(stored) => Ok(Begun::Job(Box::new(row), JobId::stored(&stored.id))),
            // The one with the same parameters is about to end.
            Err(JobError::Stopping(_)) => Ok(Begun::Later),
            Err(error @ JobError::Database(_)) => Err(error),
            Err(error) => Ok(Begun::Failed(error.to_string())),
        }
    }

    /// Why the arguments do not fit. A message about a task with secrets may quote one.
    fn words(&self, error: &ExecuteError) -> String {
        match error {
            ExecuteError::InvalidArguments {
                reason: InvalidArguments::Mismatch(errors),
                ..
            } if self.entry.has_secrets() => {
                let pointers: Vec<&str> =
                    errors.iter().map(|error| error.pointer.as_str()).collect();
                format!("its arguments do not fit: {}", pointers.join(", "))
            }
            error => error.to_string(),
        }
    }
}

/// Parameters with those that other nodes give, or why there are none.
pub(super) async fn with_inputs(
    conn: &mut Connection,
    params: String,
    inputs: &[Input],
    results: &mut Results<'_>,
) -> Result<Result<String, String>, JobError> {
    if inputs.is_empty() {
        return Ok(Ok(params));
    }
    let mut object = String::from("{");
    match members(&params) {
        Ok(members) => members
            .into_iter()
            .for_each(|(name, value)| add_member(&mut object, &name, value)),
        Err(error) => return Ok(Err(error.to_string())),
    }
    for Input {
        param,
        node,
        pointer,
    } in inputs
    {
        match results.of(conn, node).await? {
            Given::Value(result) => match at_pointer(result, pointer) {
                Some(value) => add_member(&mut object, param, value),
                None => {
                    return Ok(Err(format!(
                        "`{param}` is `{pointer}` of what `{node}` came to, which has no such value"
                    )));
                }
            },
            Given::Nothing => {}
            Given::TooLong(size) => {
                return Ok(Err(format!(
                    "`{param}` comes from `{node}`, whose result has {size} bytes, and nodes take from up to {MAX_RESULT}: return the id of an artifact"
                )));
            }
            Given::Gone => {
                return Ok(Err(format!(
                    "`{param}` comes from `{node}`, whose job was deleted with its result"
                )));
            }
        }
    }
    object.push('}');
    if object.len() > MAX_PARAMS {
        return Ok(Err(format!(
            "its arguments have {} bytes, and {MAX_PARAMS} are allowed: return the id of an artifact",
            object.len()
        )));
    }
    Ok(Ok(object))
}
