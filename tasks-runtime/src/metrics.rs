//! The metrics of this crate: their names, labels and help. They are recorded through the facade of the `metrics` crate.

use std::sync::OnceLock;

/// A metric: its name, what it is about, and how it is told apart from others of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// `tasks_executions_total`.
    pub name: &'static str,
    /// Which kind it is.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, and in which unit.
    pub help: &'static str,
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Many values, by their sizes.
    Histogram,
}

impl Metric {
    /// A counter.
    #[must_use]
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, MetricKind::Counter, labels, help)
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, MetricKind::Gauge, labels, help)
    }

    /// A histogram.
    #[must_use]
    pub const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(name, MetricKind::Histogram, labels, help)
    }

    const fn new(
        name: &'static str,
        kind: MetricKind,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            labels,
            help,
        }
    }

    /// Tells the recorder of the process what the metric is.
    pub fn describe(&self) {
        match self.kind {
            MetricKind::Counter => metrics::describe_counter!(self.name, self.help),
            MetricKind::Gauge => metrics::describe_gauge!(self.name, self.help),
            MetricKind::Histogram => metrics::describe_histogram!(self.name, self.help),
        }
    }
}

pub(crate) const EXECUTIONS: Metric = Metric::counter(
    "tasks_executions_total",
    &["task", "outcome"],
    "Executions that ended, as completed, failed, panicked, timed_out, canceled, invalid_arguments, refused, unavailable or not_run.",
);
pub(crate) const EXECUTION_DURATION: Metric = Metric::histogram(
    "tasks_execution_duration_seconds",
    &["task"],
    "How long executions took, in seconds.",
);
pub(crate) const EXECUTIONS_IN_FLIGHT: Metric = Metric::gauge(
    "tasks_executions_in_flight",
    &["task"],
    "Executions under way.",
);
pub(crate) const SLOW_POLLS: Metric = Metric::counter(
    "tasks_slow_polls_total",
    &["task"],
    "How often an async task held its thread for longer than the threshold, by default 100 ms.",
);
pub(crate) const JOBS_SUBMITTED: Metric = Metric::counter(
    "tasks_jobs_submitted_total",
    &["task"],
    "Jobs that this process stored.",
);
pub(crate) const JOB_ATTEMPTS_STARTED: Metric = Metric::counter(
    "tasks_job_attempts_started_total",
    &["task"],
    "Attempts of jobs that began in this process.",
);
pub(crate) const JOB_ATTEMPTS_FINISHED: Metric = Metric::counter(
    "tasks_job_attempts_finished_total",
    &["task", "outcome"],
    "Attempts of jobs whose end this process stored, as completed, failed, canceled, retried, returned or suspended.",
);
pub(crate) const JOB_ATTEMPT_WAIT_DURATION: Metric = Metric::histogram(
    "tasks_job_attempt_wait_duration_seconds",
    &["task"],
    "Time from when a job was due to the beginning of its attempt, in seconds.",
);
pub(crate) const JOB_ATTEMPT_DURATION: Metric = Metric::histogram(
    "tasks_job_attempt_duration_seconds",
    &["task"],
    "How long attempts of jobs ran, in seconds.",
);
pub(crate) const JOB_STEPS_FINISHED: Metric = Metric::counter(
    "tasks_job_steps_finished_total",
    &["task", "outcome"],
    "Durable steps whose code ran in this process, as completed or failed; those whose stored result was returned are not counted.",
);
pub(crate) const JOB_STEP_DURATION: Metric = Metric::histogram(
    "tasks_job_step_duration_seconds",
    &["task"],
    "How long durable steps took, with the storing of what they came to, in seconds.",
);
pub(crate) const JOBS_PENDING: Metric = Metric::gauge(
    "tasks_jobs_pending",
    &["queue"],
    "Pending jobs in the database, ready and scheduled.",
);
pub(crate) const WORKER_BLOCKED: Metric = Metric::gauge(
    "tasks_worker_blocked",
    &[],
    "1 while every thread of the jobs is blocked by tasks, so that no attempt begins in this process; else 0.",
);

/// All metrics of this crate. A series begins with its first event: a task that nobody calls has none.
pub const METRICS: &[Metric] = &[
    EXECUTIONS,
    EXECUTION_DURATION,
    EXECUTIONS_IN_FLIGHT,
    SLOW_POLLS,
    JOBS_SUBMITTED,
    JOB_ATTEMPTS_STARTED,
    JOB_ATTEMPTS_FINISHED,
    JOB_ATTEMPT_WAIT_DURATION,
    JOB_ATTEMPT_DURATION,
    JOB_STEPS_FINISHED,
    JOB_STEP_DURATION,
    JOBS_PENDING,
    WORKER_BLOCKED,
];

/// A series that comes into being when it is first used.
pub(crate) struct Series<M>(OnceLock<M>);

impl<M> Series<M> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn get(&self, make: impl FnOnce() -> M) -> &M {
        self.0.get_or_init(make)
    }
}
