//! The part of a process that runs jobs: it takes them out of the database, runs them, and writes down how they ended.
//!
//! The driver has a thread of its own, and connections of its own where the database has several: tasks run on other threads, so
//! one that computes and never awaits cannot keep the process from its heartbeat.

mod aging;
mod attempt;
mod called;
mod claim;
pub(super) mod closure;
mod condition;
mod drain;
mod driver;
mod finish;
mod membership;
mod offers;
mod places;
mod responsiveness;
mod retention;
mod round;
mod runner;
mod running;
mod unknown;
mod waiting;
mod wakeup;
mod watch;

pub(super) use self::called::run_one;
#[cfg(feature = "metrics")]
pub(super) use self::finish::Finish;
pub(crate) use self::membership::computers;
pub(super) use self::membership::without_worker;
pub(crate) use self::watch::computer;

use std::sync::Arc;
use std::time::Duration;

use crate::jobs::id::JobId;
use tokio::sync::watch as watched;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use self::attempt::Event;
use self::condition::Condition;
use self::driver::Driver;
use self::membership::CrashLimits;
use self::running::Running;
use self::waiting::Waiting;
use super::changes::Changes;
use super::clock::Clock;
use super::settings::Jobs;
use crate::database::Session;
use crate::execute::TaskExecutor;

/// It is started and shut down as a whole.
pub(in crate::jobs) struct Worker {
    pub(in crate::jobs) shared: Arc<Shared>,
    /// Whether the driver has ended.
    ended: watched::Receiver<bool>,
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
    pub(in crate::jobs) clock: Clock,
    pub(in crate::jobs) changes: Changes,
    #[cfg(feature = "metrics")]
    pub(in crate::jobs) metrics: Option<Arc<super::metrics::Metrics>>,
    pub(in crate::jobs) running: Running,
    /// There may be work.
    pub(in crate::jobs) wake: Notify,
    /// There may be attempts that an engine is to be told of.
    pub(in crate::jobs) due: Notify,
    pub(in crate::jobs) outbox: mpsc::UnboundedSender<Event>,
    pub(in crate::jobs) stopping: CancellationToken,
    /// The threads that tasks run on.
    pub(in crate::jobs) handle: tokio::runtime::Handle,
    /// The thread of the driver, which no task runs on.
    pub(in crate::jobs) control: tokio::runtime::Handle,
    /// What is wrong with this process as a worker.
    pub(in crate::jobs) condition: Condition,
    pub(in crate::jobs) waiting: Waiting,
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
        clock: Clock,
        #[cfg(feature = "metrics")] metrics: Option<Arc<super::metrics::Metrics>>,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            .thread_name("tasks-jobs")
            .enable_all()
            .build()?;
        let control = tokio::runtime::Builder::new_current_thread()
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
            clock,
            changes,
            #[cfg(feature = "metrics")]
            metrics,
            running: Running::default(),
            wake: Notify::new(),
            due: Notify::new(),
            outbox,
            stopping: CancellationToken::new(),
            handle: runtime.handle().clone(),
            control: control.handle().clone(),
            condition: Condition::default(),
            waiting: Waiting::default(),
        });
        if let Some(engine) = &shared.settings.engine {
            runtime.spawn(offers::run(Arc::clone(&shared), Arc::clone(engine)));
        }
        let (ending, ended) = watched::channel(false);
        let driver = Driver::new(Arc::clone(&shared), inbox);
        let driven = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("tasks-driver".to_owned())
            .spawn(move || {
                control.block_on(async {
                    tokio::spawn(retention::run(driven));
                    driver.run().await;
                });
                // Also when it panicked, by being dropped.
                ending.send_replace(true);
            })?;
        Ok(Self {
            shared,
            ended,
            runtime: Some(runtime),
        })
    }

    /// There may be work.
    pub(in crate::jobs) fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Whether it takes jobs of a task.
    pub(in crate::jobs) fn has(&self, task: &str) -> bool {
        !self.shared.stopping.is_cancelled() && self.shared.executor.registry().get(task).is_ok()
    }

    /// Asks the attempt of a job to stop, if it is here.
    pub(in crate::jobs) fn cancel(&self, id: JobId) {
        self.shared.running.cancel(&id.to_string());
    }

    /// Takes no more jobs, lets those that run end, and returns what is left to the queue.
    pub(in crate::jobs) async fn shutdown(&self) {
        self.shared.stopping.cancel();
        let mut ended = self.ended.clone();
        let patience = self.shared.settings.drain + Duration::from_secs(10);
        // An error means that the driver is gone.
        if tokio::time::timeout(patience, ended.wait_for(|ended| *ended))
            .await
            .is_err()
        {
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
