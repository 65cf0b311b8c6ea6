//! How jobs are run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::encryption::EncryptionKeys;
use super::engine::Engine;
use super::flow_control::QueueLimits;
use super::params_codec::ParamsCodec;
use crate::arguments::ArgumentError;
use crate::name::{SHORT_NAME, is_short_name};
use crate::task::Rate;

/// How many jobs run at once, in which queues, and how long they are kept.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::jobs::Jobs;
///
/// let jobs = Jobs::new()
///     .max_concurrency(5)
///     .queue("reports", 1)
///     .retention(Duration::from_secs(24 * 3600));
/// # let _ = jobs;
/// ```
#[derive(Clone, Debug)]
pub struct Jobs {
    pub(super) max_concurrency: usize,
    pub(super) queues: BTreeMap<String, usize>,
    pub(super) queue_limits: BTreeMap<String, QueueLimits>,
    pub(super) version: Option<String>,
    pub(super) retention: Option<Duration>,
    pub(super) workers: bool,
    pub(super) crash_limit: u32,
    pub(super) lease: Duration,
    pub(super) shutdown_timeout: Duration,
    pub(super) max_priority_wait: Option<Duration>,
    pub(super) max_result_size: usize,
    pub(super) threads: usize,
    pub(super) engine: Option<Arc<dyn Engine>>,
    pub(super) declaration_renewal: Duration,
    pub(super) history_retention: Option<Duration>,
    pub(super) history_interval: Duration,
    params: ParamsCodec,
    #[cfg(feature = "metrics")]
    pub(super) metrics: bool,
}

impl Default for Jobs {
    fn default() -> Self {
        Self::new()
    }
}

impl Jobs {
    /// 16 jobs at once, in one queue, kept for 7 days after their end.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_concurrency: 16,
            queues: BTreeMap::new(),
            queue_limits: BTreeMap::new(),
            version: None,
            retention: Some(Duration::from_secs(7 * 24 * 3600)),
            workers: true,
            crash_limit: 5,
            lease: Duration::from_secs(20),
            shutdown_timeout: Duration::from_secs(30),
            max_priority_wait: Some(Duration::from_secs(60)),
            max_result_size: 64 * 1024 * 1024,
            engine: None,
            declaration_renewal: Duration::from_secs(60),
            history_retention: Some(Duration::from_secs(30 * 24 * 3600)),
            history_interval: Duration::from_secs(10),
            params: ParamsCodec::default(),
            #[cfg(feature = "metrics")]
            metrics: false,
            threads: std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get),
        }
    }

    /// How many jobs run at once in this process. Defaults to 16; at least 1.
    #[must_use]
    pub fn max_concurrency(mut self, count: usize) -> Self {
        self.max_concurrency = count.max(1);
        self
    }

    /// Version of the program, which [`WorkerRecord::version`](super::WorkerRecord::version) shows: with several versions at once, it says which
    /// worker is which. Defaults to none; a service says that of its `ServiceInfo`.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// [`version`](Self::version), where none is said.
    #[doc(hidden)]
    #[must_use]
    pub fn default_version(mut self, version: &str) -> Self {
        self.version.get_or_insert_with(|| version.to_owned());
        self
    }

    /// Another queue, beside the one named `default`, and how many of its jobs run at once in this process. The queues that
    /// tasks name are there without this, with no limit of their own.
    ///
    /// A name has 1 to 64 letters, digits, `_` and `-`; with another one the jobs do not start.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>, max_concurrency: usize) -> Self {
        self.queues.insert(name.into(), max_concurrency.max(1));
        self
    }

    /// How many jobs of a queue run at once in all processes together; at least 1. Defaults to no limit but those of each
    /// [queue](Self::queue) and [process](Self::max_concurrency).
    ///
    /// Each process keeps the limit that it is given: give all of them the same.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_runtime::jobs::Jobs;
    ///
    /// let jobs = Jobs::new()
    ///     .queue_global_concurrency("reports", 4)
    ///     .queue_rate("emails", 100, Duration::from_secs(60));
    /// # let _ = jobs;
    /// ```
    #[must_use]
    pub fn queue_global_concurrency(mut self, name: impl Into<String>, most: u32) -> Self {
        let limits = self.queue_limits.entry(name.into()).or_default();
        limits.concurrency = Some(most.max(1));
        self
    }

    /// How many attempts of jobs of a queue begin in a period at most, in all processes together and wherever the period begins. Defaults to no limit. At
    /// least 1 attempt; a period of 100 milliseconds to 24 hours, and what is outside is taken for the nearest of these.
    #[must_use]
    pub fn queue_rate(mut self, name: impl Into<String>, count: u32, period: Duration) -> Self {
        let period = period.clamp(Duration::from_millis(100), Duration::from_secs(24 * 3600));
        let limits = self.queue_limits.entry(name.into()).or_default();
        limits.rate = Some(Rate::new(count.max(1), period));
        self
    }

    /// How long jobs are kept after their end, with their results and logs. Defaults to 7 days; `None` keeps them for ever. Of processes that share a
    /// database, the shortest time holds for the jobs of all.
    #[must_use]
    pub fn retention(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.retention = time.into();
        self
    }

    /// Whether this process runs jobs; one that does not still submits and shows them. Defaults to `true`.
    #[must_use]
    pub fn run_workers(mut self, run: bool) -> Self {
        self.workers = run;
        self
    }

    /// Another system that decides where and when attempts begin. Without one, each process takes jobs by itself.
    #[must_use]
    pub fn engine(mut self, engine: impl Engine) -> Self {
        self.engine = Some(Arc::new(engine));
        self
    }

    /// Encrypts the values of secret parameters where jobs and schedules are stored, with the first of these keys; values that the
    /// others encrypted are still read. All processes that share the database need the same ones. Without this call secret parameters
    /// are stored as they come, and are only not shown.
    ///
    /// A job whose parameters were encrypted with a key that is not among these is left to other processes: it waits, no attempt is spent, and
    /// the log and the health say which key is missing.
    ///
    /// ```no_run
    /// use tasks_runtime::jobs::{EncryptionKeys, Jobs};
    ///
    /// let jobs = Jobs::new().encryption_keys(EncryptionKeys::from_env("JOBS_ENCRYPTION_KEY")?);
    /// # let _ = jobs;
    /// # Ok::<(), tasks_runtime::jobs::InvalidEncryptionKeys>(())
    /// ```
    #[must_use]
    pub fn encryption_keys(mut self, keys: EncryptionKeys) -> Self {
        self.params = ParamsCodec::new(Some(keys));
        self
    }

    /// What is wrong with the settings, by the call that made them.
    pub(super) fn problems(&self) -> Vec<ArgumentError> {
        let names = self.queues.keys().chain(self.queue_limits.keys());
        let names = names.filter(|name| !is_short_name(name));
        names
            .map(|name| {
                ArgumentError::new(
                    String::new(),
                    format!(
                        "`{}` is not the name of a queue: use {SHORT_NAME}",
                        name.escape_debug().take(100).collect::<String>()
                    ),
                )
            })
            .collect()
    }

    pub(super) fn params_codec(&self) -> &ParamsCodec {
        &self.params
    }

    /// How many processes may die while they run one job before it is given up. Defaults to 5; at least 1.
    #[must_use]
    pub fn crash_limit(mut self, times: u32) -> Self {
        self.crash_limit = times.max(1);
        self
    }

    /// How long a job waits behind those of a higher priority before it gets a share of the places: from then on, one of ten jobs that are
    /// taken from its queue is one that has waited longest, whatever its priority. Defaults to one minute; `None` lets jobs of a low
    /// priority wait for as long as there are others. It does not count among jobs of a task with limits over all processes, whose keys take turns. An
    /// [engine](Self::engine) decides by itself.
    #[must_use]
    pub fn max_priority_wait(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.max_priority_wait = time.into();
        self
    }

    /// How large the result of a job may be, in bytes of JSON. Defaults to 64 MiB. A job whose result is larger fails, and no other attempt follows:
    /// store what is large as an artifact, and return its id.
    #[must_use]
    pub fn max_result_size(mut self, bytes: usize) -> Self {
        self.max_result_size = bytes;
        self
    }

    /// How long a worker may go without a heartbeat before its jobs are given to other workers. Defaults to 20 seconds; at least 1 second.
    #[must_use]
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time.max(Duration::from_secs(1));
        self
    }

    /// How often this process says that it still declares its schedules; three times as long without a word, and they are not declared
    /// any more. Defaults to one minute. This is for tests, which do not wait that long.
    #[doc(hidden)]
    #[must_use]
    pub fn declaration_renewal(mut self, time: Duration) -> Self {
        self.declaration_renewal = time;
        self
    }

    /// How long the figures of what jobs came to are kept ([`Scheduler::history`](crate::jobs::Scheduler::history)), whether the jobs are still
    /// there or not. Defaults to 30 days, of which the last two are kept by the minute, the last 14 by ten minutes, and all by the hour. `None`
    /// keeps them for ever; with [`Duration::ZERO`] nothing is counted.
    #[must_use]
    pub fn history_retention(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.history_retention = time.into();
        self
    }

    /// How often this process adds what it has counted to the history. Defaults to 10 seconds. This is for tests, which do not wait that long.
    #[doc(hidden)]
    #[must_use]
    pub fn history_interval(mut self, time: Duration) -> Self {
        self.history_interval = time;
        self
    }

    /// Counts jobs through the facade of the [`metrics`](https://docs.rs/metrics) crate, whose recorder has to be installed before
    /// the scheduler starts: `tasks_jobs_submitted_total`, `tasks_job_attempts_started_total`, `tasks_job_attempts_finished_total`,
    /// `tasks_job_attempt_wait_duration_seconds`, `tasks_job_attempt_duration_seconds` by task, `tasks_jobs_pending` by queue, and
    /// `tasks_worker_blocked`.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn record_metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// How long jobs that run may take to end when the process is to end; what is left then is run by another, or after the
    /// next start. Defaults to 30 seconds.
    #[must_use]
    pub fn shutdown_timeout(mut self, time: Duration) -> Self {
        self.shutdown_timeout = time;
        self
    }
}
