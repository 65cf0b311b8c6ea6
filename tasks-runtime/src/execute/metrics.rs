//! Counts executions.

use std::time::Instant;

use metrics::{Counter, Gauge, Histogram};

use crate::call::ExecuteError;
use crate::metrics::{EXECUTION_DURATION, EXECUTIONS, EXECUTIONS_IN_FLIGHT, SLOW_POLLS, Series};
use crate::registry::TaskRegistry;
use crate::task::{FailureKind, Outcome};

/// What an execution came to, as a label.
const OUTCOMES: [&str; 9] = [
    "completed",
    "failed",
    "panicked",
    "timed_out",
    "canceled",
    "invalid_arguments",
    "refused",
    "unavailable",
    "not_run",
];
const CANCELED: usize = 4;

/// The metrics of all tasks, by their position in the registry. An execution looks nothing up; a task that nobody calls has no
/// series.
pub(crate) struct Metrics(Vec<TaskMetrics>);

struct TaskMetrics {
    task: String,
    in_flight: Series<Gauge>,
    duration: Series<Histogram>,
    outcomes: [Series<Counter>; OUTCOMES.len()],
    slow_polls: Series<Counter>,
}

impl Metrics {
    pub(crate) fn new(registry: &TaskRegistry) -> Self {
        let tasks = registry.names().map(|name| TaskMetrics {
            task: name.to_owned(),
            in_flight: Series::new(),
            duration: Series::new(),
            outcomes: [const { Series::new() }; OUTCOMES.len()],
            slow_polls: Series::new(),
        });
        Self(tasks.collect())
    }

    /// The task at a position held its thread for too long.
    pub(crate) fn slow_poll(&self, position: usize) {
        if let Some(task) = self.0.get(position) {
            let make = || metrics::counter!(SLOW_POLLS.name, "task" => task.task.clone());
            task.slow_polls.get(make).increment(1);
        }
    }

    /// An execution of the task at a position begins.
    pub(crate) fn begin(&self, position: usize) -> Option<Recording<'_>> {
        let task = self.0.get(position)?;
        task.in_flight().increment(1);
        Some(Recording {
            task,
            began: Instant::now(),
            outcome: CANCELED,
        })
    }
}

impl TaskMetrics {
    fn in_flight(&self) -> &Gauge {
        self.in_flight
            .get(|| metrics::gauge!(EXECUTIONS_IN_FLIGHT.name, "task" => self.task.clone()))
    }

    fn duration(&self) -> &Histogram {
        self.duration
            .get(|| metrics::histogram!(EXECUTION_DURATION.name, "task" => self.task.clone()))
    }

    fn outcome(&self, index: usize) -> &Counter {
        self.outcomes[index].get(|| {
            metrics::counter!(EXECUTIONS.name, "task" => self.task.clone(), "outcome" => OUTCOMES[index])
        })
    }
}

/// An execution that is counted when it ends, however that comes about.
pub(crate) struct Recording<'a> {
    task: &'a TaskMetrics,
    began: Instant,
    outcome: usize,
}

impl Recording<'_> {
    pub(crate) fn end(mut self, result: &Result<Outcome, ExecuteError>) {
        self.outcome = match result {
            Ok(Outcome::Completed(_)) => 0,
            Ok(Outcome::Failed(failure)) => match failure.kind {
                FailureKind::Error => 1,
                FailureKind::Panic => 2,
                FailureKind::Timeout => 3,
            },
            Err(ExecuteError::InvalidArguments { .. }) => 5,
            Err(ExecuteError::Refused { .. }) => 6,
            Err(ExecuteError::Unavailable { .. }) => 7,
            Err(_) => 8,
        };
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.task.in_flight().decrement(1);
        self.task.duration().record(self.began.elapsed());
        self.task.outcome(self.outcome).increment(1);
    }
}
