//! Puts an executor together, and finds out what is missing.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::Level;

use super::build_error::{BuildError, MissingDependency, UnknownLimit};
use super::executor::TaskExecutor;
use super::inner::ExecutorInner;
use super::slow_polls::SlowPolls;
use crate::call::{BlockingPool, Limits, Resources, panic};
use crate::context::TaskContext;
use crate::inject::{InjectError, Providers, Requirements};
use crate::nearest::nearest;
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::task::Traceback;

/// Builds a [`TaskExecutor`]. Made by [`TaskExecutor::builder`].
pub struct ExecutorBuilder {
    registry: TaskRegistry,
    providers: Providers,
    default_timeout: Option<Duration>,
    max_concurrency: usize,
    blocking_threads: usize,
    task_limits: HashMap<String, usize>,
    permit_timeout: Duration,
    runtime: Option<Handle>,
    traceback: Traceback,
    span_level: Level,
    slow_poll_threshold: Option<Duration>,
    skip_unprovided: bool,
    #[cfg(feature = "metrics")]
    metrics: bool,
}

impl fmt::Debug for ExecutorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorBuilder")
            .field("tasks", &self.registry.len())
            .finish_non_exhaustive()
    }
}

/// Names and numbers as JSON: a log of JSON shows it as an object.
fn json_object(counts: &std::collections::BTreeMap<String, usize>) -> String {
    // Strings and numbers: this cannot fail.
    serde_json::to_string(counts).unwrap_or_default()
}

impl TaskExecutor {
    /// Starts to build an executor for the tasks of a registry.
    #[must_use]
    pub fn builder(registry: TaskRegistry) -> ExecutorBuilder {
        ExecutorBuilder::new(registry)
    }
}

impl ExecutorBuilder {
    fn new(registry: TaskRegistry) -> Self {
        Self {
            registry,
            providers: Providers::default(),
            default_timeout: Some(Duration::from_secs(60)),
            max_concurrency: 1024,
            blocking_threads: 32,
            task_limits: HashMap::new(),
            permit_timeout: Duration::from_secs(5),
            runtime: None,
            traceback: Traceback::default(),
            span_level: Level::DEBUG,
            slow_poll_threshold: Some(Duration::from_millis(100)),
            skip_unprovided: false,
            #[cfg(feature = "metrics")]
            metrics: false,
        }
    }

    /// Provides a value for every injected parameter of its type. The last one of a type counts.
    #[must_use]
    pub fn provide<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.providers.provide(value);
        self
    }

    /// Provides a new value per call: a connection from a pool, say.
    ///
    /// An error, or a wait beyond the task's timeout, is [`ExecuteError::Unavailable`](crate::ExecuteError::Unavailable),
    /// and the task does not run.
    #[must_use]
    pub fn provide_with<T, E, F, Fut>(mut self, make: F) -> Self
    where
        T: Send + 'static,
        E: Into<InjectError>,
        F: Fn(TaskContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.providers.provide_with(make);
        self
    }

    /// How long a task may run that sets no timeout of its own. Defaults to 60 seconds; `None` means without limit.
    #[must_use]
    pub fn default_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.default_timeout = timeout.into();
        self
    }

    /// How many executions may run at once. Defaults to 1024; at least 1.
    #[must_use]
    pub fn max_concurrency(mut self, count: usize) -> Self {
        self.max_concurrency = count;
        self
    }

    /// How many executions of one task may run at once, within [`max_concurrency`](Self::max_concurrency). At least 1.
    #[must_use]
    pub fn task_max_concurrency(mut self, name: impl Into<String>, count: usize) -> Self {
        self.task_limits.insert(name.into(), count);
        self
    }

    /// How many sync tasks may run at once, each on a thread. Defaults to 32; at least 1. Threads are started as needed.
    #[must_use]
    pub fn blocking_threads(mut self, count: usize) -> Self {
        self.blocking_threads = count;
        self
    }

    /// How long an execution waits for a free place before it is refused. Defaults to 5 seconds.
    #[must_use]
    pub fn permit_timeout(mut self, timeout: Duration) -> Self {
        self.permit_timeout = timeout;
        self
    }

    /// Runs sync tasks on the blocking threads of this runtime instead of the executor's own. How many at once is still
    /// [`blocking_threads`](Self::blocking_threads).
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// How much a failure tells of its origin.
    #[must_use]
    pub fn traceback(mut self, traceback: Traceback) -> Self {
        self.traceback = traceback;
        self
    }

    /// The level of the span that each execution has: `task`, with `task.name`, `execution.id` and, at its end, `outcome`
    /// and `duration_ms`. Defaults to `DEBUG`.
    ///
    /// At a level that the subscriber shows, what a task logs carries the span. That costs a small task a third more CPU
    /// with the formatting subscriber of `tracing-subscriber`, which writes the fields out for each span; so it is not
    /// done unasked.
    #[must_use]
    pub fn span_level(mut self, level: Level) -> Self {
        self.span_level = level;
        self
    }

    /// How long an `async` task may hold its thread in one poll before that is reported: by a line at `WARN`, at most once a
    /// minute per task, and in the counter `tasks_slow_polls_total`. Defaults to 100 milliseconds; `None` turns it off.
    ///
    /// A task that computes, or that waits without `.await`, keeps everything else that its thread serves from going on. The
    /// remedy is a plain `fn`, which runs on a thread of its own, or `tokio::task::spawn_blocking`.
    #[must_use]
    pub fn slow_poll_threshold(mut self, threshold: impl Into<Option<Duration>>) -> Self {
        self.slow_poll_threshold = threshold.into();
        self
    }

    /// Counts executions through the facade of the [`metrics`](https://docs.rs/metrics) crate, whose recorder has to be
    /// installed by then: `tasks_executions_total` by task and outcome, `tasks_execution_duration_seconds`,
    /// `tasks_executions_in_flight` and `tasks_slow_polls_total` by task.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn record_metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// Leaves out the tasks whose dependencies are not provided, with a line at `WARN` that names them and what is missing,
    /// instead of refusing to be built. So one library of tasks serves programs that provide more and that provide less.
    #[must_use]
    pub fn skip_unprovided(mut self) -> Self {
        self.skip_unprovided = true;
        self
    }

    /// Checks that every injected parameter of every task has what it needs, and makes the executor.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names every missing dependency, with the task, the parameter and the place in the source; and every
    /// limit that is set for a task that does not exist.
    pub fn build(mut self) -> Result<TaskExecutor, BuildError> {
        let mut missing = self.missing();
        let names = || self.registry.names();
        let unknown = self
            .task_limits
            .keys()
            .filter(|name| !self.registry.has(name));
        let unknown_limits: Vec<UnknownLimit> = unknown
            .map(|name| UnknownLimit {
                task: name.clone(),
                nearest: nearest(name, names(), 1)
                    .first()
                    .map(|name| (*name).to_owned()),
            })
            .collect();
        if self.skip_unprovided && !missing.is_empty() {
            for MissingDependency {
                task,
                parameter,
                type_name,
                location,
            } in &missing
            {
                tracing::warn!(
                    task,
                    parameter,
                    r#type = type_name,
                    location,
                    "a task is left out: nobody provides what it needs"
                );
            }
            let is_missing = |name: &str| missing.iter().any(|missing| missing.task == name);
            self.registry = self.registry.retain(|task| !is_missing(task.name()));
            missing.clear();
        }
        if !missing.is_empty() || !unknown_limits.is_empty() {
            return Err(BuildError {
                missing,
                unknown_limits,
            });
        }
        panic::install_hook();
        // A crate that nobody refers to is not linked, and its tasks are silently missing: this shows it.
        tracing::info!(tasks = self.registry.len(), crates = %json_object(&self.registry.crates()), "tasks found");
        if cfg!(panic = "abort") {
            tracing::warn!(
                "this program is built with `panic = \"abort\"`: a task that panics ends the process"
            );
        }
        let slow_polls = self
            .slow_poll_threshold
            .map(|threshold| SlowPolls::new(threshold, &self.registry));
        let targets = self.registry.iter().map(RegisteredTask::shared_target);
        let resources = Resources {
            targets: targets.collect(),
            providers: self.providers,
            limits: Limits::new(
                self.max_concurrency,
                self.blocking_threads,
                self.task_limits,
                self.permit_timeout,
            ),
            blocking: BlockingPool::new(self.runtime, self.blocking_threads),
            traceback: self.traceback,
        };
        Ok(TaskExecutor::new(ExecutorInner {
            #[cfg(feature = "metrics")]
            metrics: self
                .metrics
                .then(|| super::metrics::Metrics::new(&self.registry)),
            registry: self.registry,
            resources: Arc::new(resources),
            default_timeout: self.default_timeout,
            span_level: self.span_level,
            slow_polls,
        }))
    }

    fn missing(&self) -> Vec<MissingDependency> {
        let mut missing = Vec::new();
        for entry in self.registry.entries() {
            for (parameter, requires) in entry.requirements() {
                for requirement in Requirements::of(requires) {
                    if !self.providers.satisfies(requirement) {
                        missing.push(MissingDependency {
                            task: entry.name().to_owned(),
                            parameter: parameter.to_owned(),
                            type_name: requirement.type_name,
                            location: entry.location(),
                        });
                    }
                }
            }
        }
        missing
    }
}
