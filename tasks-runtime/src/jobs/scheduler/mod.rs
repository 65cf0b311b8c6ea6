//! Submits jobs, and knows what became of them.

mod after_ends;
mod events;
mod failures;
mod health;
mod history;
mod insert;
mod lifecycle;
mod masked;
mod paused_tasks;
mod pending;
mod query;
mod queues;
mod steps;
mod update;
mod without_workers;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::Clock;
use super::error::JobError;
use super::history::{Figures, Writer};
use super::id::JobId;
use super::notifier::ChangeNotifier;
use super::params_codec::ParamsCodec;
use super::schedules::{DeclaredSchedules, NotStoredSchedules};
use super::settings::Jobs;
use super::worker::{Worker, WorkerHealth};
use crate::database::{Database, Session};
use crate::execute::TaskExecutor;
use crate::registry::RegisteredTask;

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
    /// Notified when a graph was submitted or changed in this process, or a job begins to wait for another one.
    ends: Arc<Notify>,
    clock: Clock,
    /// What this process has counted.
    figures: Arc<Figures>,
    /// Adds that to the table.
    history: tokio::sync::Mutex<Writer>,
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
    /// Whether it was started, with workers or without.
    has_started: bool,
    /// The queues that jobs may be put into, and how many of their jobs run at once.
    queues: BTreeMap<String, usize>,
    /// Whether what is counted is added to the table now and then.
    writes_history: bool,
    #[cfg(feature = "metrics")]
    metrics: Option<Arc<super::metrics::Metrics>>,
}

/// A scheduler that is not kept by whoever has this.
pub(in crate::jobs) struct WeakScheduler(Weak<SchedulerInner>);

impl WeakScheduler {
    /// The scheduler, unless it was shut down or nobody has it any more.
    pub(in crate::jobs) fn upgrade(&self) -> Option<Scheduler> {
        let scheduler = Scheduler {
            shared: self.0.upgrade()?,
        };
        scheduler.executor().is_ok().then_some(scheduler)
    }
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
                ends: Arc::default(),
                clock: Clock::default(),
                figures: Arc::default(),
                history: tokio::sync::Mutex::default(),
                health: WorkerHealth::default(),
                declared: tokio::sync::Mutex::default(),
                not_stored: NotStoredSchedules::default(),
                state: RwLock::default(),
            }),
        }
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

    /// How long a job is kept after its end, as [`Jobs::retention`](crate::jobs::Jobs::retention) says; `None` for ever.
    #[must_use]
    pub fn retention(&self) -> Option<Duration> {
        self.shared.settings.retention
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

    /// Has this process look soon at what goes on when jobs have ended.
    pub(in crate::jobs) fn look_at_ends(&self) {
        self.shared.ends.notify_one();
    }

    /// Notified when it is to look at that.
    pub(in crate::jobs) fn ends_to_look_at(&self) -> Arc<Notify> {
        Arc::clone(&self.shared.ends)
    }

    /// Has jobs stop that run in this process and were asked to.
    pub(in crate::jobs) fn cancel_running(&self, jobs: &[JobId]) {
        self.with_worker(|worker| jobs.iter().for_each(|job| worker.cancel(*job)));
    }

    pub(in crate::jobs) fn downgrade(&self) -> WeakScheduler {
        WeakScheduler(Arc::downgrade(&self.shared))
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
}
