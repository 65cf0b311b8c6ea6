//! Submits jobs, and knows what became of them.

mod insert;
mod query;
mod update;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::clock::Clock;
use super::damaged;
use super::engine::AttemptRunner;
use super::error::JobError;
use super::notifier::ChangeNotifier;
use super::params_codec::ParamsCodec;
use super::record::JobRecord;
use super::schedules::{DeclaredSchedules, NotStoredSchedules};
use super::settings::Jobs;
use super::table::JobRow;
use super::worker::{Worker, WorkerHealth};
use crate::arguments::{self, Input};
use crate::artifacts::JsonText;
use crate::database::{Database, DatabaseError, Session};
use crate::execute::TaskExecutor;
use crate::registry::RegisteredTask;

/// What is shown in place of parameters that are not JSON any more: a damaged record breaks no list.
const DAMAGED: &str = r#"{"$damaged":"the parameters that are stored are not JSON"}"#;

/// The client of the job system: submits jobs and schedules, finds, cancels and deletes them. Cheap to clone, and injected into tasks that have a parameter of this type.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::jobs::{Jobs, Scheduler};
/// use tasks_runtime::prelude::*;
///
/// #[task(register = false)]
/// async fn greet(name: String) -> String {
///     format!("Hello, {name}!")
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let database = Database::sqlite_in_memory().connect().await?;
/// let scheduler = Scheduler::new(&database, Jobs::new().max_concurrency(5));
/// let executor = tasks_runtime::testing::executor([task(greet)]).provide(scheduler.clone()).build()?;
/// scheduler.start(&executor)?;
///
/// let job = scheduler.submit(call!(greet, name = "Ada")).description("a greeting").await?;
/// scheduler.wait(job.id, Duration::from_secs(10)).await?;
/// assert_eq!(scheduler.result::<String>(job.id).await?, "Hello, Ada!");
/// scheduler.shutdown().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, tasks_macros::Injectable)]
pub struct Scheduler {
    shared: Arc<SchedulerInner>,
}

struct SchedulerInner {
    session: Session,
    settings: Jobs,
    changes: ChangeNotifier,
    clock: Clock,
    /// What a process without workers has found.
    health: WorkerHealth,
    /// The schedules that this process declares.
    declared: tokio::sync::Mutex<DeclaredSchedules>,
    /// Those that the database has not taken yet.
    not_stored: NotStoredSchedules,
    state: RwLock<SchedulerState>,
}

/// What is there between start and shutdown.
#[derive(Default)]
struct SchedulerState {
    executor: Option<TaskExecutor>,
    worker: Option<Arc<Worker>>,
    /// The queues that jobs may be put into, and how many of their jobs run at once.
    queues: BTreeMap<String, usize>,
    #[cfg(feature = "metrics")]
    metrics: Option<Arc<super::metrics::Metrics>>,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("database", self.shared.session.database())
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl Scheduler {
    /// A scheduler whose jobs are in this database. It submits once it was [started](Self::start).
    #[must_use]
    pub fn new(database: &Database, settings: Jobs) -> Self {
        Self {
            shared: Arc::new(SchedulerInner {
                session: database.session(),
                settings,
                changes: ChangeNotifier::new(),
                clock: Clock::default(),
                health: WorkerHealth::default(),
                declared: tokio::sync::Mutex::default(),
                not_stored: NotStoredSchedules::default(),
                state: RwLock::default(),
            }),
        }
    }

    /// Begins to submit jobs for the tasks of an executor. They wait until workers [start](Self::start).
    pub fn attach(&self, executor: &TaskExecutor) {
        let settings = &self.shared.settings;
        let mut queues = settings.queues.clone();
        for queue in executor
            .registry()
            .iter()
            .filter_map(|task| task.policy().queue)
            .chain([super::DEFAULT_QUEUE])
        {
            queues
                .entry(queue.to_owned())
                .or_insert(settings.max_concurrency);
        }
        let mut state = self.write();
        #[cfg(feature = "metrics")]
        if settings.metrics && state.metrics.is_none() {
            let metrics = super::metrics::Metrics::new(executor.registry(), queues.keys());
            state.metrics = Some(Arc::new(metrics));
        }
        state.executor = Some(executor.clone());
        state.queues = queues;
    }

    /// Begins to submit jobs for the tasks of an executor, and to run them, unless this process is not to.
    ///
    /// # Errors
    ///
    /// When a [queue](Jobs::queue) has a name that cannot be, when no threads can be started, and when the database is closed.
    pub fn start(&self, executor: &TaskExecutor) -> Result<(), JobError> {
        let settings = &self.shared.settings;
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(JobError::Invalid(problems));
        }
        self.attach(executor);
        let queues = self.read(|state| state.queues.clone());
        if self.read(|state| state.worker.is_some()) {
            return Ok(());
        }
        if self.database().url() == "sqlite::memory:" {
            tracing::warn!(
                "jobs and schedules are in a private database that is gone with this process: give it a file of SQLite, or \
                 PostgreSQL, for those that must not be lost"
            );
        }
        let worker = if settings.workers {
            // A pool of its own: tasks that use up the other one cannot keep it from its heartbeats.
            let session = self.shared.session.database().sibling()?.session();
            let worker = Worker::start(
                executor.clone(),
                session,
                settings.clone(),
                queues.into_iter().collect(),
                self.shared.changes.clone(),
                self.shared.clock.clone(),
                #[cfg(feature = "metrics")]
                self.read(|state| state.metrics.clone()),
            );
            let worker = worker.map_err(|error| {
                DatabaseError::Configuration(format!(
                    "the threads of the jobs cannot be started: {error}"
                ))
            })?;
            Some(Arc::new(worker))
        } else {
            None
        };
        if worker.is_none() {
            self.watch_without_workers();
        }
        self.write().worker = worker;
        Ok(())
    }

    /// Runs attempts in this process, for an [engine](super::engine) that calls back.
    ///
    /// # Errors
    ///
    /// [`JobError::NotRunning`] when this process runs no jobs.
    pub fn attempt_runner(&self) -> Result<AttemptRunner, JobError> {
        let worker = self.read(|state| state.worker.clone());
        let worker = worker.ok_or(JobError::NotRunning)?;
        Ok(AttemptRunner::new(Arc::clone(&worker.shared)))
    }

    /// Takes no more jobs, lets those that run end within [`Jobs::shutdown_timeout`], and returns what is left to the queue; no
    /// attempt is spent on it. Jobs can still be submitted, for others to run.
    pub async fn drain(&self) {
        let worker = self.read(|state| state.worker.clone());
        if let Some(worker) = worker {
            worker.shutdown().await;
        }
    }

    /// Has a [`drain`](Self::drain) that waits for jobs, now or later, wait no longer: those that run are stopped, and go back to the queue
    /// as after [`Jobs::shutdown_timeout`].
    pub fn stop_waiting(&self) {
        let worker = self.read(|state| state.worker.clone());
        if let Some(worker) = worker {
            worker.stop_waiting();
        }
    }

    /// [Drains](Self::drain), and submits no more jobs from then on.
    pub async fn shutdown(&self) {
        self.drain().await;
        let worker = self.write().worker.take();
        if let Some(worker) = worker {
            worker.shutdown().await;
        }
        // It holds what holds the scheduler.
        self.write().executor = None;
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, SchedulerState> {
        self.shared
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&SchedulerState) -> T) -> T {
        read(
            &self
                .shared
                .state
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    pub(in crate::jobs) fn params_codec(&self) -> &ParamsCodec {
        self.shared.settings.params_codec()
    }

    pub(in crate::jobs) fn executor(&self) -> Result<TaskExecutor, JobError> {
        self.read(|state| state.executor.clone())
            .ok_or(JobError::NotRunning)
    }

    /// The queues that jobs may be put into.
    #[must_use]
    pub fn queue_names(&self) -> Vec<String> {
        self.read(|state| state.queues.keys().cloned().collect())
    }

    /// What is to be known of a task, if there is one of this name.
    #[doc(hidden)]
    pub fn with_task(&self, name: &str, ask: impl FnOnce(&RegisteredTask) -> bool) -> bool {
        self.executor()
            .is_ok_and(|executor| executor.registry().get(name).is_ok_and(ask))
    }

    /// The names of the tasks for which this holds.
    #[doc(hidden)]
    #[must_use]
    pub fn task_names(&self, keep: impl Fn(&RegisteredTask) -> bool) -> Vec<String> {
        self.executor().map_or_else(
            |_| Vec::new(),
            |executor| {
                let tasks = executor.registry().iter();
                tasks
                    .filter(|task| keep(task))
                    .map(|task| task.name().to_owned())
                    .collect()
            },
        )
    }

    /// Whether the jobs of this process are driven.
    ///
    /// # Errors
    ///
    /// Since when no round has succeeded, and why, once that is longer than a [lease](Jobs::lease).
    pub fn check(&self) -> Result<(), String> {
        let lease = self.shared.settings.lease;
        let failure = self.read(|state| {
            let worker = state.worker.as_ref()?;
            worker.shared.health.failure(lease)
        });
        failure.map_or(Ok(()), Err)
    }

    /// What does not work as well as it should, each as a sentence:
    ///
    /// - All threads are blocked by tasks that do not await.
    /// - Jobs wait for a task or a queue that no worker has, or schedules are due whose task no worker has.
    /// - Jobs are left to other processes, because this one lacks their encryption key, or its task does not take their parameters.
    /// - For longer than a lease, jobs of a dead worker could not be made ready again, other transactions have locked rows of jobs, or the
    ///   engine has taken no jobs on.
    /// - The clock of this machine differs from the database's by more than a second, or was set back, or the newest job was submitted in the
    ///   future.
    /// - Rows of jobs cannot be read.
    /// - Declared schedules are not stored yet.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let lease = self.shared.settings.lease;
        self.read(|state| {
            let health = match &state.worker {
                Some(worker) => &worker.shared.health,
                None => &self.shared.health,
            };
            let mut warnings = health.warnings(lease);
            if state.worker.is_some() {
                warnings.extend(damaged::warning());
            }
            warnings.extend(self.shared.not_stored.warning());
            warnings
        })
    }

    /// Maximum time that [`drain`](Self::drain) and [`shutdown`](Self::shutdown) take: that of [`Jobs::shutdown_timeout`], and 15 seconds to
    /// stop what still runs and to return it to the queue.
    #[must_use]
    pub fn max_drain_time(&self) -> Duration {
        self.shared.settings.shutdown_timeout + Duration::from_secs(15)
    }

    /// The database that the jobs are in.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.shared.session.database()
    }

    /// Asks the database for the time, if nobody has asked lately.
    pub(in crate::jobs) async fn refresh_clock(&self) -> Result<(), JobError> {
        if !self.shared.clock.is_stale() {
            return Ok(());
        }
        let session = &self.shared.session;
        session
            .read(async |conn| self.shared.clock.refresh(conn).await)
            .await
    }

    pub(in crate::jobs) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(in crate::jobs) fn session(&self) -> &Session {
        &self.shared.session
    }

    pub(in crate::jobs) fn settings(&self) -> &Jobs {
        &self.shared.settings
    }

    pub(in crate::jobs) fn declared(&self) -> &tokio::sync::Mutex<DeclaredSchedules> {
        &self.shared.declared
    }

    pub(in crate::jobs) fn not_stored(&self) -> &NotStoredSchedules {
        &self.shared.not_stored
    }

    /// Does something now and then until the scheduler is [shut down](Self::shutdown), or nobody has it any more. It says how long to wait
    /// before the next time.
    pub(in crate::jobs) fn spawn_periodic<F>(
        &self,
        first: Duration,
        does: impl Fn(Self) -> F + Send + 'static,
    ) where
        F: Future<Output = Duration> + Send,
    {
        let shared = Arc::downgrade(&self.shared);
        // On the database's own threads: whoever asks for this may be gone before.
        self.database().spawn(async move {
            let mut pause = first;
            loop {
                tokio::time::sleep(pause).await;
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                let scheduler = Self { shared };
                if scheduler.executor().is_err() {
                    return;
                }
                pause = does(scheduler).await;
            }
        });
    }

    pub(in crate::jobs) fn wake(&self) {
        self.with_worker(Worker::wake);
    }

    fn with_worker(&self, use_it: impl FnOnce(&Worker)) {
        self.read(|state| {
            if let Some(worker) = &state.worker {
                use_it(worker);
            }
        });
    }

    /// With what is secret in the parameters masked.
    pub(in crate::jobs) fn record(&self, row: JobRow) -> JobRecord {
        row.record(|name, params| self.masked(name, params))
    }

    /// As it stands in a list.
    fn list_item(&self, row: JobRow) -> JobRecord {
        row.list_item(|name, params| self.masked(name, params))
    }

    /// Parameters of a task, with what is secret in them masked; `None` when this process does not have the task, and so does not know
    /// what is secret in them.
    #[allow(clippy::needless_pass_by_value, reason = "given away by its row")]
    pub(in crate::jobs) fn masked(&self, task: &str, params: String) -> Option<JsonText> {
        let executor = self.read(|state| state.executor.clone());
        let entry = executor
            .as_ref()
            .and_then(|executor| executor.registry().get(task).ok());
        let entry = entry?;
        let Some(params) = JsonText::stored(params) else {
            return Some(JsonText::trusted(DAMAGED.to_owned()));
        };
        let mut json = Vec::new();
        arguments::echo(Input::Params(params.as_str()), entry.declared()).write(&mut json);
        let json = String::from_utf8(json).unwrap_or_else(|_| "{}".to_owned());
        Some(JsonText::trusted(json))
    }
}
