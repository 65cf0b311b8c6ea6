//! The part of a process that runs jobs: it takes them out of the database, runs them, and writes down how they ended.

mod attempt;
mod called;
mod claim;
pub(super) mod closure;
mod driver;
mod finish;
mod membership;
mod offers;
mod places;
mod retention;
mod runner;
mod running;
mod wakeup;
mod watch;

pub(crate) use self::attempt::Attempt;
pub(super) use self::called::run_one;
#[cfg(feature = "metrics")]
pub(super) use self::finish::Finish;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use self::attempt::Event;
use self::driver::Driver;
use self::membership::CrashLimits;
use self::running::Running;
use super::changes::Changes;
use super::settings::Jobs;
use crate::database::Session;
use crate::execute::TaskExecutor;

/// It is started and shut down as a whole.
pub(in crate::jobs) struct Worker {
    pub(in crate::jobs) shared: Arc<Shared>,
    driver: std::sync::Mutex<Option<JoinHandle<()>>>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What the driver and the attempts share.
pub(in crate::jobs) struct Shared {
    pub(in crate::jobs) executor: TaskExecutor,
    pub(in crate::jobs) session: Session,
    pub(in crate::jobs) settings: Jobs,
    /// The queues, and how many of their jobs run at once.
    pub(in crate::jobs) queues: Vec<(String, usize)>,
    /// The tasks of which only so many jobs run at once.
    pub(in crate::jobs) limited: Vec<(String, usize)>,
    /// How many processes may die of one job.
    pub(in crate::jobs) crash_limits: CrashLimits,
    pub(in crate::jobs) worker: WorkerName,
    /// When the database was last reached.
    pub(in crate::jobs) reached: std::sync::Mutex<std::time::Instant>,
    pub(in crate::jobs) changes: Changes,
    #[cfg(feature = "metrics")]
    pub(in crate::jobs) metrics: Option<Arc<super::metrics::Metrics>>,
    pub(in crate::jobs) running: Running,
    /// There may be work.
    pub(in crate::jobs) wake: Notify,
    /// There may be attempts that an engine is to be told of.
    pub(in crate::jobs) due: Notify,
    /// Held while an attempt begins that was called for.
    pub(in crate::jobs) beginning: tokio::sync::Mutex<()>,
    pub(in crate::jobs) outbox: mpsc::UnboundedSender<Event>,
    pub(in crate::jobs) stopping: CancellationToken,
    pub(in crate::jobs) handle: tokio::runtime::Handle,
}

impl Shared {
    pub(in crate::jobs) fn has_reached_the_database(&self) {
        *self
            .reached
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = std::time::Instant::now();
    }

    /// For how long the database has not been reached, if that is longer than it should be.
    pub(in crate::jobs) fn silent_for(&self) -> Option<Duration> {
        let reached = self
            .reached
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let silent = reached.elapsed();
        (silent > self.settings.lease).then_some(silent)
    }
}

/// How this process is called among the workers; nothing before it is one.
pub(in crate::jobs) struct WorkerName(tokio::sync::watch::Sender<Option<String>>);

impl Default for WorkerName {
    fn default() -> Self {
        Self(tokio::sync::watch::Sender::new(None))
    }
}

impl WorkerName {
    pub(in crate::jobs) fn store(&self, name: String) {
        self.0.send_replace(Some(name));
    }

    /// Waits a moment for it: who has just started is a worker soon.
    pub(in crate::jobs) async fn load(&self) -> Option<String> {
        const PATIENCE: Duration = Duration::from_secs(5);
        let mut watching = self.0.subscribe();
        let named = watching.wait_for(Option::is_some);
        let name = tokio::time::timeout(PATIENCE, named).await.ok()?.ok()?;
        name.clone()
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    /// Starts to run jobs, on threads of its own: a job that computes keeps no request waiting.
    pub(in crate::jobs) fn start(
        executor: TaskExecutor,
        session: Session,
        settings: Jobs,
        queues: Vec<(String, usize)>,
        changes: Changes,
        #[cfg(feature = "metrics")] metrics: Option<Arc<super::metrics::Metrics>>,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            .thread_name("tasks-jobs")
            .enable_all()
            .build()?;
        let (outbox, inbox) = mpsc::unbounded_channel();
        let limited = executor
            .registry()
            .iter()
            .filter_map(|task| {
                let most = task.policy().max_concurrency?;
                Some((
                    task.name().to_owned(),
                    usize::try_from(most).unwrap_or(usize::MAX),
                ))
            })
            .collect();
        let crash_limits = CrashLimits::new(settings.crash_limit, executor.registry());
        let shared = Arc::new(Shared {
            executor,
            session,
            settings,
            queues,
            limited,
            crash_limits,
            worker: WorkerName::default(),
            reached: std::sync::Mutex::new(std::time::Instant::now()),
            changes,
            #[cfg(feature = "metrics")]
            metrics,
            running: Running::default(),
            wake: Notify::new(),
            due: Notify::new(),
            beginning: tokio::sync::Mutex::new(()),
            outbox,
            stopping: CancellationToken::new(),
            handle: runtime.handle().clone(),
        });
        runtime.spawn(retention::run(Arc::clone(&shared)));
        if let Some(engine) = &shared.settings.engine {
            runtime.spawn(offers::run(Arc::clone(&shared), Arc::clone(engine)));
        }
        let driver = runtime.spawn(Driver::new(Arc::clone(&shared), inbox).run());
        Ok(Self {
            shared,
            driver: std::sync::Mutex::new(Some(driver)),
            runtime: Some(runtime),
        })
    }

    /// There may be work.
    pub(in crate::jobs) fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Asks the attempt of a job to stop, if it is here.
    pub(in crate::jobs) fn cancel(&self, id: Ulid) {
        self.shared.running.cancel(&id.to_string());
    }

    /// Takes no more jobs, lets those that run end, and returns what is left to the queue.
    pub(in crate::jobs) async fn shutdown(&self) {
        self.shared.stopping.cancel();
        let driver = self
            .driver
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        let Some(driver) = driver else {
            return;
        };
        let patience = self.shared.settings.drain + Duration::from_secs(10);
        if tokio::time::timeout(patience, driver).await.is_err() {
            tracing::error!("the jobs were not returned in time: the next start finds them");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime waits for its threads, which is not allowed in async code.
            runtime.shutdown_background();
        }
    }
}
