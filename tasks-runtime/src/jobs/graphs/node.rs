//! A node of a graph that is put together.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::for_each::ForEach;
use super::input::{FromNode, Input};
use super::state::OnFailure;
use crate::execute::Call;
use crate::jobs::limits::MAX_DELAY;
use crate::jobs::options::{SubmitOptions, When};

/// What the job of a node runs.
#[derive(Clone, Debug)]
pub(super) enum NodeCall {
    Function(Call),
    /// The name of a task, and JSON of its parameters, or why that could not be written.
    Named(String, Result<String, String>),
}

/// A node of a [`Graph`](super::Graph): a task and its arguments under a name, and the nodes that it comes after. It becomes a job when it is its turn.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::jobs::{GraphNode, OnFailure, from};
/// use tasks_runtime::prelude::*;
///
/// #[task(register = false)]
/// async fn clean(rows: Vec<String>, strict: bool) -> Vec<String> {
///     rows.into_iter().filter(|row| !strict || !row.is_empty()).collect()
/// }
///
/// let node = GraphNode::new("clean", call!(clean, rows = from("extract", "/rows"), strict = true))
///     .after(["check"])
///     .after_any_end(["notify"])
///     .max_attempts(3)
///     .timeout(Duration::from_secs(60));
/// # let _ = node;
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is nothing before it is in a graph"]
pub struct GraphNode {
    pub(super) name: String,
    pub(super) call: NodeCall,
    pub(super) inputs: Vec<Input>,
    pub(super) after: Vec<(String, OnFailure)>,
    pub(super) waits_for_any: bool,
    pub(super) for_each: Option<ForEach>,
    pub(super) continues_on_failure: bool,
    pub(super) options: SubmitOptions,
}

impl GraphNode {
    /// A node that runs a task by its function, with the arguments of a [`call!`](crate::call), of which some may come [`from`](super::from) other nodes.
    ///
    /// The name has 1 to 64 letters, digits, `_` and `-`, and is its own in the graph.
    pub fn new(name: impl Into<String>, call: Call) -> Self {
        Self::of(name.into(), NodeCall::Function(call))
    }

    /// A node that runs a task by its name. `params` is anything that serializes to an object of arguments; `()` means none.
    pub fn named(name: impl Into<String>, task: impl Into<String>, params: impl Serialize) -> Self {
        let params = serde_json::to_string(&params).map_err(|error| error.to_string());
        Self::of(name.into(), NodeCall::Named(task.into(), params))
    }

    fn of(name: String, call: NodeCall) -> Self {
        Self {
            name,
            call,
            inputs: Vec::new(),
            after: Vec::new(),
            waits_for_any: false,
            for_each: None,
            continues_on_failure: false,
            options: SubmitOptions::default(),
        }
    }

    /// Gives it an argument that another node makes, as [`from`](super::from) does in a `call!`.
    pub fn input(mut self, param: impl Into<String>, value: FromNode) -> Self {
        self.inputs.push(value.into_input(param.into()));
        self
    }

    /// Has it run its task once for each of these items, each as a job of its own, side by side. Parameters take the item, or a part of it, with [`each`](super::each).
    ///
    /// There are up to 100,000. Their jobs are made in batches, of which 1,000 at most have not ended at a time; with a `concurrency_key` or another limit of the task fewer run at once. What
    /// the node comes to is the list of what the jobs came to, in the order of the items: a node after it takes that with [`from`](super::from), up to 16 MiB, and
    /// [`Scheduler::graph_items`](crate::jobs::Scheduler::graph_items) reads the jobs page by page.
    ///
    /// When a job fails, no other one is made, those that wait are canceled, and the node fails: see [`continue_on_failure`](Self::continue_on_failure).
    ///
    /// ```
    /// use tasks_runtime::jobs::{GraphNode, each};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn measure(station: String, day: u32) -> f64 {
    ///     f64::from(day) + station.len() as f64
    /// }
    ///
    /// let node = GraphNode::new("measure", call!(measure, station = each(""), day = 7_u32))
    ///     .for_each(["LOWW", "EDDM", "LSZH"]);
    /// # let _ = node;
    /// ```
    pub fn for_each(mut self, items: impl IntoIterator<Item = impl Serialize>) -> Self {
        self.set_for_each(ForEach::of_items(items));
        self
    }

    /// Has it run its task once for each item of a list that another node makes, as [`for_each`](Self::for_each) does for those that are known.
    pub fn for_each_of(mut self, list: FromNode) -> Self {
        self.set_for_each(ForEach::of_node(list));
        self
    }

    fn set_for_each(&mut self, for_each: ForEach) {
        if self.for_each.replace(for_each).is_some() {
            let wrong = &mut self.options.wrong;
            wrong.push("/for_each", "is given twice: a node has one list of items");
        }
    }

    /// Has a node with [items](Self::for_each) run all of them, whatever becomes of some, and complete: in the list of results there is null for each that has not completed.
    pub fn continue_on_failure(mut self) -> Self {
        self.continues_on_failure = true;
        self
    }

    /// Has it begin when these nodes have completed. When one of them fails or is canceled, the graph fails.
    ///
    /// A node comes after those that it takes arguments from in the same way, without being told.
    pub fn after(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.after_or(OnFailure::Fail, nodes)
    }

    /// Has it begin when these nodes have ended, however that was.
    pub fn after_any_end(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.after_or(OnFailure::Run, nodes)
    }

    /// Has it begin when these nodes have completed, and says what becomes of it when one of them does not. What is said last of a node counts.
    pub fn after_or(
        mut self,
        on_failure: OnFailure,
        nodes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        for node in nodes {
            self.after.push((node.into(), on_failure));
        }
        self
    }

    /// Has it begin as soon as one of the nodes that it comes after lets it, instead of all of them. An argument from a node that has not completed by
    /// then is left out.
    pub fn wait_for_any(mut self) -> Self {
        self.waits_for_any = true;
        self
    }

    /// What its job is about: up to 4,096 characters, none of them U+0000.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.options.description = Some(text.into());
        self
    }

    /// Has its job wait so much longer when it is its turn.
    pub fn delay(mut self, delay: Duration) -> Self {
        if delay > MAX_DELAY {
            self.options.wrong.push("/delay", "is more than ten years");
        } else {
            self.options.when = Some(When::After(delay));
        }
        self
    }

    /// Priority of its job, in place of that of the task: a higher one goes first.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Queue that its job waits in, in place of the task's own.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// How many attempts its job may have, in place of those of the task: 1 is no retry.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = Some(attempts);
        self
    }

    /// How long an attempt may take, in place of the task's own timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }
}

/// How the job of a node is to be run, as it is stored.
// With a member that it does not know, a process leaves the node to one that does.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl From<&SubmitOptions> for NodeOptions {
    fn from(options: &SubmitOptions) -> Self {
        Self {
            description: options.description.clone(),
            delay_ms: options.when.and_then(|when| match when {
                When::After(delay) => Some(milliseconds(delay)),
                When::At(_) => None,
            }),
            priority: options.priority,
            queue: options.queue.clone(),
            max_attempts: options.max_attempts,
            timeout_ms: options.timeout.map(milliseconds),
        }
    }
}

impl From<NodeOptions> for SubmitOptions {
    fn from(options: NodeOptions) -> Self {
        Self {
            description: options.description,
            when: options.delay_ms.map(Duration::from_millis).map(When::After),
            priority: options.priority,
            queue: options.queue,
            max_attempts: options.max_attempts,
            timeout: options.timeout_ms.map(Duration::from_millis),
            ..Self::default()
        }
    }
}
