//! Counts jobs, through the facade of the `metrics` crate.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::table::state;
use super::worker::Finish;
use crate::registry::TaskRegistry;

/// How an attempt ends, as a label.
const OUTCOMES: [&str; 5] = ["completed", "failed", "canceled", "retried", "returned"];

/// The metrics of all tasks. Made once, so that a job makes no labels.
pub(super) struct Metrics {
    tasks: HashMap<String, TaskMetrics>,
    waiting: HashMap<String, Gauge>,
    threads_blocked: Gauge,
}

struct TaskMetrics {
    submitted: Counter,
    started: Counter,
    wait: Histogram,
    run: Histogram,
    finished: [Counter; OUTCOMES.len()],
}

impl Metrics {
    pub(super) fn new<'q>(
        registry: &TaskRegistry,
        queues: impl Iterator<Item = &'q String>,
    ) -> Self {
        let tasks = registry.names().map(|name| {
            let task = name.to_owned();
            let metrics = TaskMetrics {
                submitted: metrics::counter!("tasks_jobs_submitted_total", "task" => task.clone()),
                started: metrics::counter!("tasks_jobs_started_total", "task" => task.clone()),
                wait: metrics::histogram!("tasks_jobs_wait_duration_seconds", "task" => task.clone()),
                run: metrics::histogram!("tasks_jobs_run_duration_seconds", "task" => task.clone()),
                finished: OUTCOMES.map(|outcome| {
                    metrics::counter!("tasks_jobs_finished_total", "task" => task.clone(), "outcome" => outcome)
                }),
            };
            (task, metrics)
        });
        let waiting = queues.map(|queue| {
            let gauge = metrics::gauge!("tasks_jobs_pending", "queue" => queue.clone());
            (queue.clone(), gauge)
        });
        Self {
            tasks: tasks.collect(),
            waiting: waiting.collect(),
            threads_blocked: metrics::gauge!("tasks_jobs_threads_blocked"),
        }
    }

    pub(super) fn submitted(&self, task: Option<&str>) {
        if let Some(task) = task.and_then(|task| self.tasks.get(task)) {
            task.submitted.increment(1);
        }
    }

    /// An attempt begins, so long after it could have.
    pub(super) fn started(&self, task: &str, waited: Duration) {
        if let Some(task) = self.tasks.get(task) {
            task.started.increment(1);
            task.wait.record(waited);
        }
    }

    /// An attempt is over: with this end, or completed in a transaction of the task's own.
    pub(super) fn ended(&self, task: &str, end: Option<&Finish>, ran: Duration) {
        let Some(task) = self.tasks.get(task) else {
            return;
        };
        task.run.record(ran);
        let outcome = match end {
            None => 0,
            Some(end) => match end.state {
                state::COMPLETED => 0,
                state::FAILED => 1,
                state::CANCELED => 2,
                _ if end.attempts == 0 => 3,
                _ => 4,
            },
        };
        task.finished[outcome].increment(1);
    }

    /// Whether no thread of the tasks answers.
    pub(super) fn threads_blocked(&self, blocked: bool) {
        self.threads_blocked.set(if blocked { 1.0 } else { 0.0 });
    }

    /// How many jobs wait in each queue.
    pub(super) fn waiting(&self, counts: &HashMap<String, i64>) {
        for (queue, gauge) in &self.waiting {
            let count = counts.get(queue).copied().unwrap_or_default();
            gauge.set(count as f64);
        }
    }
}
