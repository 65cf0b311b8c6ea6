//! Counts jobs, through the facade of the `metrics` crate.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::state::JobState;
use super::worker::AttemptOutcome;
use crate::metrics::{
    JOB_ATTEMPT_DURATION, JOB_ATTEMPT_WAIT_DURATION, JOB_ATTEMPTS_FINISHED, JOB_ATTEMPTS_STARTED,
    JOB_STEP_DURATION, JOB_STEPS_FINISHED, JOBS_PENDING, JOBS_SUBMITTED, Series, WORKER_BLOCKED,
};
use crate::registry::TaskRegistry;

/// How an attempt ends, as a label.
const OUTCOMES: [&str; 6] = [
    "completed",
    "failed",
    "canceled",
    "retried",
    "returned",
    "suspended",
];

/// How an attempt ended, in the order of the labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutcomeLabel {
    Completed,
    Failed,
    Canceled,
    Retried,
    Returned,
    Suspended,
}

impl OutcomeLabel {
    /// Of an attempt whose end left its job in a state: a job may be canceled whatever its attempt came to.
    pub(super) fn new(outcome: &AttemptOutcome, stored: JobState) -> Self {
        match outcome {
            _ if stored == JobState::Canceled => Self::Canceled,
            AttemptOutcome::Completed(_) => Self::Completed,
            AttemptOutcome::Failed(_) | AttemptOutcome::Lost => Self::Failed,
            AttemptOutcome::Canceled => Self::Canceled,
            AttemptOutcome::Retried { .. } => Self::Retried,
            AttemptOutcome::Returned | AttemptOutcome::Deferred { .. } => Self::Returned,
            AttemptOutcome::Suspended(_) => Self::Suspended,
        }
    }
}

/// The metrics of all tasks. A job makes no labels; a task that nobody submits has no series.
pub(super) struct Metrics {
    tasks: HashMap<String, TaskMetrics>,
    pending: HashMap<String, Gauge>,
    worker_blocked: Gauge,
}

struct TaskMetrics {
    task: String,
    submitted: Series<Counter>,
    started: Series<Counter>,
    wait: Series<Histogram>,
    run: Series<Histogram>,
    finished: [Series<Counter>; OUTCOMES.len()],
    step_run: Series<Histogram>,
    steps_completed: Series<Counter>,
    steps_failed: Series<Counter>,
}

impl Metrics {
    pub(super) fn new<'q>(
        registry: &TaskRegistry,
        queues: impl Iterator<Item = &'q String>,
    ) -> Self {
        let tasks = registry.names().map(|name| {
            let metrics = TaskMetrics {
                task: name.to_owned(),
                submitted: Series::new(),
                started: Series::new(),
                wait: Series::new(),
                run: Series::new(),
                finished: [const { Series::new() }; OUTCOMES.len()],
                step_run: Series::new(),
                steps_completed: Series::new(),
                steps_failed: Series::new(),
            };
            (name.to_owned(), metrics)
        });
        let pending = queues.map(|queue| {
            let gauge = metrics::gauge!(JOBS_PENDING.name, "queue" => queue.clone());
            (queue.clone(), gauge)
        });
        Self {
            tasks: tasks.collect(),
            pending: pending.collect(),
            worker_blocked: metrics::gauge!(WORKER_BLOCKED.name),
        }
    }

    pub(super) fn submitted(&self, task: Option<&str>) {
        if let Some(task) = task.and_then(|task| self.tasks.get(task)) {
            let make = || metrics::counter!(JOBS_SUBMITTED.name, "task" => task.task.clone());
            task.submitted.get(make).increment(1);
        }
    }

    /// An attempt begins, so long after it could have.
    pub(super) fn attempt_started(&self, task: &str, waited: Duration) {
        if let Some(task) = self.tasks.get(task) {
            let name = || task.task.clone();
            let started = || metrics::counter!(JOB_ATTEMPTS_STARTED.name, "task" => name());
            let wait = || metrics::histogram!(JOB_ATTEMPT_WAIT_DURATION.name, "task" => name());
            task.started.get(started).increment(1);
            task.wait.get(wait).record(waited);
        }
    }

    /// An attempt has ended.
    pub(super) fn attempt_ran(&self, task: &str, ran: Duration) {
        if let Some(task) = self.tasks.get(task) {
            let run =
                || metrics::histogram!(JOB_ATTEMPT_DURATION.name, "task" => task.task.clone());
            task.run.get(run).record(ran);
        }
    }

    /// The end of an attempt is stored.
    pub(super) fn attempt_finished(&self, task: &str, outcome: OutcomeLabel) {
        if let Some(task) = self.tasks.get(task) {
            let finished = || metrics::counter!(JOB_ATTEMPTS_FINISHED.name, "task" => task.task.clone(), "outcome" => OUTCOMES[outcome as usize]);
            task.finished[outcome as usize].get(finished).increment(1);
        }
    }

    /// What the code of a step came to is stored.
    pub(super) fn step_ended(&self, task: &str, is_completed: bool, ran: Duration) {
        if let Some(task) = self.tasks.get(task) {
            let run = || metrics::histogram!(JOB_STEP_DURATION.name, "task" => task.task.clone());
            task.step_run.get(run).record(ran);
            let (series, outcome) = if is_completed {
                (&task.steps_completed, OutcomeLabel::Completed)
            } else {
                (&task.steps_failed, OutcomeLabel::Failed)
            };
            let finished = || metrics::counter!(JOB_STEPS_FINISHED.name, "task" => task.task.clone(), "outcome" => OUTCOMES[outcome as usize]);
            series.get(finished).increment(1);
        }
    }

    /// Whether no thread of the jobs answers.
    pub(super) fn worker_blocked(&self, blocked: bool) {
        self.worker_blocked.set(if blocked { 1.0 } else { 0.0 });
    }

    /// How many jobs of each queue are pending.
    pub(super) fn pending(&self, counts: &HashMap<String, i64>) {
        for (queue, gauge) in &self.pending {
            let count = counts.get(queue).copied().unwrap_or_default();
            gauge.set(count as f64);
        }
    }
}
