//! Submits jobs, and knows what became of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use ulid::Ulid;

use super::changes::{Changes, JobChanges};
use super::closure;
use super::engine::Engine;
use super::error::JobError;
use super::list::{JobFilter, JobPage};
use super::record::{JobLog, JobRecord, JobStats, JobStatus};
use super::schedules::Schedule;
use super::settings::Jobs;
use super::store;
use super::submit::{Checked, Options, Submit};
use super::table::{NewRow, Row, now};
use crate::arguments::{self, Input};
use crate::artifacts::JsonText;
use crate::database::{Connection, Database, DatabaseError, Session, Transaction};
use crate::execute::{ExecuteError, Invocation, TaskExecutor};
use crate::registry::RegisteredTask;
use crate::task::{IntoTaskFailure, TaskFailure};

/// How long to wait before looking again whether a job has ended that another process runs.
const LOOK: Duration = Duration::from_millis(250);

/// Submits jobs, finds, cancels and deletes them. Cheap to clone, and injected into tasks that have a parameter of this type.
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
    shared: Arc<Shared>,
}

struct Shared {
    session: Session,
    settings: Jobs,
    changes: Changes,
    state: RwLock<State>,
}

/// What is there between start and shutdown.
#[derive(Default)]
struct State {
    executor: Option<TaskExecutor>,
    engine: Option<Arc<Engine>>,
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
            shared: Arc::new(Shared {
                session: database.session(),
                settings,
                changes: Changes::new(),
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
    /// When no threads can be started, and when the database is closed.
    pub fn start(&self, executor: &TaskExecutor) -> Result<(), JobError> {
        self.attach(executor);
        let settings = &self.shared.settings;
        let queues = self.read(|state| state.queues.clone());
        if self.read(|state| state.engine.is_some()) {
            return Ok(());
        }
        let engine = if settings.workers {
            // A pool of its own: tasks that use up the other one cannot keep it from its heartbeats.
            let session = self.shared.session.database().sibling()?.session();
            let engine = Engine::start(
                executor.clone(),
                session,
                settings.clone(),
                queues.into_iter().collect(),
                self.shared.changes.clone(),
                #[cfg(feature = "metrics")]
                self.read(|state| state.metrics.clone()),
            );
            let engine = engine.map_err(|error| {
                DatabaseError::Configuration(format!(
                    "the threads of the jobs cannot be started: {error}"
                ))
            })?;
            Some(Arc::new(engine))
        } else {
            None
        };
        self.write().engine = engine;
        Ok(())
    }

    /// Takes no more jobs, lets those that run end, and returns what is left to the queue; no attempt is spent on it.
    pub async fn shutdown(&self) {
        let engine = self.write().engine.take();
        if let Some(engine) = engine {
            engine.shutdown().await;
        }
        // It holds what holds the scheduler.
        self.write().executor = None;
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.shared
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(
            &self
                .shared
                .state
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn executor(&self) -> Result<TaskExecutor, JobError> {
        self.read(|state| state.executor.clone())
            .ok_or(JobError::NotRunning)
    }

    pub(super) fn has_queue(&self, name: &str) -> bool {
        self.read(|state| state.queues.contains_key(name))
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

    /// Whether its workers reach their database: for how long they have not, if that is too long.
    ///
    /// # Errors
    ///
    /// How long they have been silent.
    pub fn check(&self) -> Result<(), String> {
        let silent = self.read(|state| {
            let engine = state.engine.as_ref()?;
            engine.shared.silent_for()
        });
        match silent {
            Some(silent) => Err(format!(
                "the jobs have not reached their database for {} seconds",
                silent.as_secs()
            )),
            None => Ok(()),
        }
    }

    /// How long [`shutdown`](Self::shutdown) may take.
    #[must_use]
    pub fn shutdown_timeout(&self) -> Duration {
        self.shared.settings.drain + Duration::from_secs(15)
    }

    /// The database that the jobs are in.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.shared.session.database()
    }

    /// Submits a task by its function, with the arguments of a [`call!`](crate::call): await what this gives.
    ///
    /// The arguments are checked before anything is stored. What is awaited with `Ok` is on the disk, and will run or be
    /// canceled, whatever happens to the process.
    pub fn submit(&self, call: Invocation) -> Submit {
        let checked = self.executor().and_then(|executor| {
            let entry = executor.registry().entry_of(call.function, call.path)?;
            let params =
                call.arguments
                    .json()
                    .map_err(|reason| ExecuteError::InvalidArguments {
                        task: entry.name().to_owned(),
                        reason,
                    })?;
            Ok(checked(&executor, entry, params)?)
        });
        self.prepared(checked)
    }

    /// Submits a task by name. `params` is anything that serializes to an object of arguments; `()` and `None` mean none.
    pub fn submit_named(&self, name: &str, params: impl Serialize) -> Submit {
        let checked = self.executor().and_then(|executor| {
            let entry = executor.registry().get(name)?;
            let params =
                serde_json::to_string(&params).map_err(|error| ExecuteError::InvalidArguments {
                    task: name.to_owned(),
                    reason: crate::InvalidArguments::malformed(error),
                })?;
            Ok(checked(&executor, entry, params)?)
        });
        self.prepared(checked)
    }

    /// Submits a task with a request body, `{"params": {…}}`: the road that a server takes.
    pub fn submit_json(&self, name: &str, body: &[u8]) -> Submit {
        let checked = self.executor().and_then(|executor| {
            let entry = executor.registry().get(name)?;
            executor.check(entry, Input::Body(body))?;
            let text = arguments::echo(Input::Body(body), entry.declared()).text;
            Ok(Checked {
                task: entry.name().to_owned(),
                params: if text.is_empty() { "{}" } else { text }.to_owned(),
                policy: entry.policy(),
            })
        });
        self.prepared(checked)
    }

    /// Submits a task by its function when its time comes, again and again: say when on what this gives, and await it.
    ///
    /// The name is that of the schedule. What is scheduled under it again takes its place; a schedule that stays as it is keeps
    /// its next time, so a program may say at each start what it wants.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task]
    /// async fn report(kind: String) -> String {
    ///     format!("the {kind} report")
    /// }
    ///
    /// async fn at_start(scheduler: &Scheduler) -> anyhow::Result<()> {
    ///     scheduler
    ///         .schedule("nightly-report", call!(report, kind = "nightly"))
    ///         .cron("30 2 * * *")
    ///         .timezone("Europe/Berlin")
    ///         .await?;
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    pub fn schedule(&self, name: impl Into<String>, call: Invocation) -> Schedule {
        let call = self.submit(call).call;
        Schedule::new(self.clone(), name.into(), call)
    }

    /// [`schedule`](Self::schedule), for a task by name.
    pub fn schedule_named(
        &self,
        name: impl Into<String>,
        task: &str,
        params: impl Serialize,
    ) -> Schedule {
        let call = self.submit_named(task, params).call;
        Schedule::new(self.clone(), name.into(), call)
    }

    fn prepared(&self, call: Result<Checked, JobError>) -> Submit {
        Submit {
            scheduler: self.clone(),
            call,
            options: Options::default(),
        }
    }

    /// Stores several jobs at once, all of them or none: one visit to the disk.
    ///
    /// # Errors
    ///
    /// Those of each.
    pub async fn submit_all(
        &self,
        jobs: impl IntoIterator<Item = Submit>,
    ) -> Result<Vec<Ulid>, JobError> {
        let rows = jobs
            .into_iter()
            .map(Submit::row)
            .collect::<Result<Vec<_>, _>>()?;
        let mut ids = Vec::with_capacity(rows.len());
        for row in &rows {
            ids.push(Ulid::from_string(&row.id).unwrap_or(Ulid::nil()));
        }
        let stored: Result<usize, JobError> = self
            .shared
            .session
            .transaction(async |tx| store::insert(tx, rows.clone()).await)
            .await;
        if stored? < ids.len() {
            // Some have twins: those are what was meant.
            for (id, row) in ids.iter_mut().zip(&rows) {
                if let Some(twin) = self.twin(row).await? {
                    *id = twin.id;
                }
            }
        }
        self.submitted(&rows);
        self.wake();
        Ok(ids)
    }

    /// Runs a future of this process in the background: tracked, listed and canceled like any job. It cannot survive its
    /// process: after that it has failed, and says so. For work that must not be lost, submit a task.
    ///
    /// # Errors
    ///
    /// [`JobError::NotRunning`] when this process runs no jobs.
    pub async fn spawn<T, E>(
        &self,
        description: impl Into<String>,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<JobRecord, JobError>
    where
        T: Serialize + Send + 'static,
        E: IntoTaskFailure + Send,
    {
        let engine = self
            .read(|state| state.engine.clone())
            .ok_or(JobError::NotRunning)?;
        let row = closure::row(&engine.shared, &description.into()).await?;
        let record = self.insert(row.clone()).await?;
        closure::start(&engine.shared, &row, future);
        Ok(record)
    }

    /// A job; `None` when it is not there, or not any more.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn get(&self, id: Ulid) -> Result<Option<JobRecord>, JobError> {
        let row = self
            .shared
            .session
            .read(async |conn| store::find(conn, id).await)
            .await?;
        Ok(row.map(|row| self.record(row)))
    }

    /// Up to `limit` jobs, newest first: the first ones, or those before another in the list.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn list(
        &self,
        filter: &JobFilter,
        before: Option<Ulid>,
        limit: u32,
    ) -> Result<Vec<JobRecord>, JobError> {
        let rows = self
            .shared
            .session
            .read(async |conn| store::list(conn, filter, before, 0, i64::from(limit)).await)
            .await?;
        Ok(rows.into_iter().map(|row| self.record(row)).collect())
    }

    /// A page of the list, which begin at 1, of `size` jobs, newest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn page(
        &self,
        filter: &JobFilter,
        page: u64,
        size: u64,
    ) -> Result<JobPage, JobError> {
        let (page, size) = (page.max(1), size.max(1));
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let offset = signed((page - 1).saturating_mul(size));
        let (total, rows) = self
            .shared
            .session
            .read(async |conn| {
                let total = store::count(conn, filter).await?;
                let rows = store::list(conn, filter, None, offset, signed(size)).await?;
                Ok::<_, JobError>((total, rows))
            })
            .await?;
        Ok(JobPage {
            items: rows.into_iter().map(|row| self.record(row)).collect(),
            total,
            page,
            size,
            pages: total.div_ceil(size),
        })
    }

    /// How many jobs there are of each kind.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn stats(&self) -> Result<JobStats, JobError> {
        self.shared
            .session
            .read(async |conn| store::stats(conn).await)
            .await
    }

    /// Waits until a job has ended.
    ///
    /// # Errors
    ///
    /// [`JobError::Timeout`], [`JobError::NotFound`], and when the database fails.
    pub async fn wait(&self, id: Ulid, timeout: Duration) -> Result<JobRecord, JobError> {
        let deadline = Instant::now() + timeout;
        let mut changes = self.changes(id);
        loop {
            let job = self.get(id).await?.ok_or(JobError::NotFound(id))?;
            if job.status.is_final() {
                return Ok(job);
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(JobError::Timeout { id, after: timeout });
            }
            tokio::select! {
                () = changes.changed() => {}
                () = tokio::time::sleep_until((now + LOOK).min(deadline)) => {}
            }
        }
    }

    /// Hears of changes of a job that are made in this process.
    #[must_use]
    pub fn changes(&self, id: Ulid) -> JobChanges {
        self.shared.changes.of(id)
    }

    /// The result of a job that is completed.
    ///
    /// # Errors
    ///
    /// [`JobError::WrongState`] while it is not done, [`JobError::Unsuccessful`] when it failed or was canceled,
    /// [`JobError::UnexpectedResult`] when the result is of another type.
    pub async fn result<T: DeserializeOwned>(&self, id: Ulid) -> Result<T, JobError> {
        let (job, outcome) = self.outcome(id).await?;
        match outcome {
            Ok(json) => serde_json::from_str(json.as_str())
                .map_err(|source| JobError::UnexpectedResult { id, source }),
            Err(failure) => Err(JobError::Unsuccessful {
                id,
                status: job.status,
                message: failure.message,
            }),
        }
    }

    /// How a job ended that is completed or failed: its result as JSON, or its failure.
    ///
    /// # Errors
    ///
    /// [`JobError::WrongState`] when it is neither; [`JobError::NotFound`].
    pub async fn outcome(
        &self,
        id: Ulid,
    ) -> Result<(JobRecord, Result<JsonText, TaskFailure>), JobError> {
        let found: Option<(Row, Option<String>)> = self
            .shared
            .session
            .read(async |conn| store::find_result(conn, id).await)
            .await?;
        let (row, result) = found.ok_or(JobError::NotFound(id))?;
        let r#type = row.error_type.clone().unwrap_or_default();
        let job = self.record(row);
        match job.status {
            JobStatus::Completed => {
                let json = JsonText::trusted(result.unwrap_or_else(|| "null".to_owned()));
                Ok((job, Ok(json)))
            }
            JobStatus::Failed => {
                let failure = TaskFailure::stored(
                    r#type,
                    job.error.clone().unwrap_or_default(),
                    job.error_traceback.clone(),
                );
                Ok((job, Err(failure)))
            }
            status => Err(JobError::WrongState {
                id,
                status,
                action: "read the result of",
            }),
        }
    }

    /// Lines of the log of a job, oldest first: up to `limit` of those after a number.
    ///
    /// # Errors
    ///
    /// [`JobError::NotFound`], and when the database fails.
    pub async fn logs(&self, id: Ulid, after: u32, limit: u32) -> Result<Vec<JobLog>, JobError> {
        self.shared
            .session
            .read(async |conn| {
                if store::find(conn, id).await?.is_none() {
                    return Err(JobError::NotFound(id));
                }
                store::logs(conn, id, after, i64::from(limit)).await
            })
            .await
    }

    /// Cancels a job that waits at once, and asks one that runs to stop; one that has ended stays as it is.
    ///
    /// An `async` task that runs is dropped. A sync task is told by its [`TaskContext`](crate::TaskContext), and the job is
    /// running until its thread has ended; what it returns is discarded.
    ///
    /// # Errors
    ///
    /// [`JobError::NotFound`], and when the database fails.
    pub async fn cancel(&self, id: Ulid) -> Result<JobRecord, JobError> {
        let row: Result<Row, JobError> = self
            .shared
            .session
            .transaction(async |tx| {
                store::cancel(tx, id, now()).await?;
                store::find(tx, id).await?.ok_or(JobError::NotFound(id))
            })
            .await;
        let job = self.record(row?);
        if job.status == JobStatus::Running {
            self.with_engine(|engine| engine.cancel(id));
        }
        self.shared.changes.tell_id(id);
        Ok(job)
    }

    /// Queues a job again that failed or was canceled, with all its attempts.
    ///
    /// # Errors
    ///
    /// [`JobError::WrongState`] when it is in another state, [`JobError::NotFound`], and when the database fails.
    pub async fn retry(&self, id: Ulid) -> Result<JobRecord, JobError> {
        let row: Result<Row, JobError> = self
            .shared
            .session
            .transaction(async |tx| {
                let queued = store::retry(tx, id, now()).await?;
                let row = store::find(tx, id).await?.ok_or(JobError::NotFound(id))?;
                if !queued {
                    return Err(JobError::WrongState {
                        id,
                        status: super::table::status(row.state),
                        action: "retried",
                    });
                }
                Ok(row)
            })
            .await;
        let job = self.record(row?);
        self.wake();
        self.shared.changes.tell_id(id);
        Ok(job)
    }

    /// Forgets a job, its result and its log; one that waits is canceled first, one that runs is asked to stop, and forgotten when
    /// it has. `false` when it is not there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete(&self, id: Ulid) -> Result<bool, JobError> {
        let (there, deleted): (bool, bool) = self
            .shared
            .session
            .transaction(async |tx| {
                let there = store::find(tx, id).await?.is_some();
                Ok::<_, JobError>((there, there && store::delete(tx, id).await?))
            })
            .await?;
        if there && !deleted {
            // It runs: it is gone once its code has ended.
            self.cancel(id).await?;
            let scheduler = self.clone();
            self.database().spawn(async move {
                const PATIENCE: Duration = Duration::from_secs(24 * 3600);
                if scheduler.wait(id, PATIENCE).await.is_ok() {
                    let _: Result<bool, JobError> = scheduler
                        .shared
                        .session
                        .transaction(async |tx| store::delete(tx, id).await)
                        .await;
                }
            });
        }
        self.shared.changes.tell_id(id);
        Ok(there)
    }

    /// Stores a job, or finds its twin.
    pub(super) async fn insert(&self, row: NewRow) -> Result<JobRecord, JobError> {
        let result: Result<Row, JobError> = self
            .shared
            .session
            .transaction(async |tx| insert_or_find(tx, &row).await)
            .await;
        let stored = result?;
        self.submitted(&[row]);
        self.wake();
        Ok(self.record(stored))
    }

    pub(super) async fn insert_within(
        &self,
        transaction: &mut Transaction,
        row: NewRow,
    ) -> Result<JobRecord, JobError> {
        let stored = insert_or_find(transaction, &row).await?;
        let scheduler = self.clone();
        transaction.on_commit(move || {
            scheduler.submitted(&[row]);
            scheduler.wake();
        });
        Ok(self.record(stored))
    }

    async fn twin(&self, row: &NewRow) -> Result<Option<JobRecord>, JobError> {
        let found: Option<Row> = self
            .shared
            .session
            .read(async |conn| find_twin(conn, row).await)
            .await?;
        Ok(found.map(|row| self.record(row)))
    }

    #[cfg(feature = "metrics")]
    fn submitted(&self, rows: &[NewRow]) {
        self.read(|state| {
            if let Some(metrics) = &state.metrics {
                rows.iter()
                    .for_each(|row| metrics.submitted(row.task_name.as_deref()));
            }
        });
    }

    #[cfg(not(feature = "metrics"))]
    #[allow(clippy::unused_self, reason = "it is the same call with metrics")]
    fn submitted(&self, _: &[NewRow]) {}

    pub(super) fn session(&self) -> &Session {
        &self.shared.session
    }

    pub(super) fn wake(&self) {
        self.with_engine(Engine::wake);
    }

    fn with_engine(&self, use_it: impl FnOnce(&Engine)) {
        self.read(|state| {
            if let Some(engine) = &state.engine {
                use_it(engine);
            }
        });
    }

    /// With what is secret in the parameters masked.
    fn record(&self, row: Row) -> JobRecord {
        row.record(|name, params| self.masked(name, params))
    }

    /// Parameters of a task, with what is secret in them masked.
    #[allow(clippy::needless_pass_by_value, reason = "given away by its row")]
    pub(super) fn masked(&self, task: &str, params: String) -> JsonText {
        let executor = self.read(|state| state.executor.clone());
        let entry = executor
            .as_ref()
            .and_then(|executor| executor.registry().get(task).ok());
        match entry {
            Some(entry) => {
                let mut json = Vec::new();
                arguments::echo(Input::Params(&params), entry.declared()).write(&mut json);
                JsonText::trusted(String::from_utf8(json).unwrap_or_else(|_| "{}".to_owned()))
            }
            // Nobody knows what is secret in them.
            None => JsonText::trusted("{}".to_owned()),
        }
    }
}

/// Checks parameters by reading them, as an execution would.
fn checked(
    executor: &TaskExecutor,
    entry: &RegisteredTask,
    params: String,
) -> Result<Checked, ExecuteError> {
    executor.check(entry, Input::Params(&params))?;
    Ok(Checked {
        task: entry.name().to_owned(),
        params: if params == "null" {
            "{}".to_owned()
        } else {
            params
        },
        policy: entry.policy(),
    })
}

async fn find_twin(conn: &mut Connection, row: &NewRow) -> Result<Option<Row>, JobError> {
    store::find_twin(
        conn,
        row.task_name.as_deref(),
        row.idempotency_key.as_deref(),
        row.unique_key.as_deref(),
    )
    .await
}

async fn insert_or_find(conn: &mut Connection, row: &NewRow) -> Result<Row, JobError> {
    let id = Ulid::from_string(&row.id).unwrap_or(Ulid::nil());
    if store::insert(conn, vec![row.clone()]).await? == 1 {
        return store::find(conn, id).await?.ok_or(JobError::NotFound(id));
    }
    let twin = find_twin(conn, row).await?.ok_or(JobError::NotFound(id))?;
    if let Some(key) = &row.idempotency_key
        && twin.params != row.params
    {
        return Err(JobError::KeyReused {
            key: key.clone(),
            id: Ulid::from_string(&twin.id).unwrap_or(Ulid::nil()),
        });
    }
    Ok(twin)
}
