//! A worker as a whole: its threads, its start and its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch as watched;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::crash_limits::CrashLimits;
use super::driver::Driver;
use super::global_limits::GlobalLimits;
use super::in_flight::InFlight;
use super::left_to_others::LeftToOthers;
use super::shared::{WorkerName, WorkerShared};
use super::step_journal::StepStore;
use super::worker_health::WorkerHealth;
use super::{dispatch, end_writer, retention, step_writer};
use crate::database::Session;
use crate::execute::TaskExecutor;
use crate::jobs::clock::Clock;
use crate::jobs::history::Figures;
use crate::jobs::id::JobId;
use crate::jobs::notifier::ChangeNotifier;
use crate::jobs::settings::Jobs;

/// It is started and shut down as a whole.
pub(in crate::jobs) struct Worker {
    pub(in crate::jobs) shared: Arc<WorkerShared>,
    /// Whether the driver has ended.
    ended: watched::Receiver<bool>,
    runtime: Option<tokio::runtime::Runtime>,
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
        (changes, clock): (ChangeNotifier, Clock),
        figures: Arc<Figures>,
        #[cfg(feature = "metrics")] metrics: Option<Arc<crate::jobs::metrics::Metrics>>,
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
        let concurrency_limits = executor
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
        let (writer, steps) = mpsc::unbounded_channel();
        let step_store = Arc::new(StepStore {
            session: session.clone(),
            clock: clock.clone(),
            writer,
            changes: changes.clone(),
            #[cfg(feature = "metrics")]
            metrics: metrics.clone(),
        });
        let global_limits = GlobalLimits::new(executor.registry(), &settings.queue_limits);
        let crash_limits = CrashLimits::new(settings.crash_limit, executor.registry());
        let shared = Arc::new(WorkerShared {
            executor,
            session,
            settings,
            queues,
            concurrency_limits,
            global_limits,
            crash_limits,
            worker: WorkerName::default(),
            clock,
            changes,
            figures,
            #[cfg(feature = "metrics")]
            metrics,
            in_flight: InFlight::default(),
            wake: Notify::new(),
            due: Notify::new(),
            left_to_others: LeftToOthers::default(),
            large_params: tokio::sync::Semaphore::new(1),
            step_store,
            outbox,
            stopping: CancellationToken::new(),
            stop_waiting: CancellationToken::new(),
            handle: runtime.handle().clone(),
            control: control.handle().clone(),
            health: WorkerHealth::default(),
            warn_of_deadlock: Mutex::default(),
        });
        if let Some(engine) = &shared.settings.engine {
            runtime.spawn(dispatch::run(Arc::clone(&shared), Arc::clone(engine)));
        }
        let (ending, ended) = watched::channel(false);
        let (apart, ends) = mpsc::unbounded_channel();
        let driver = Driver::new(Arc::clone(&shared), inbox, apart);
        let driven = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("tasks-driver".to_owned())
            .spawn(move || {
                control.block_on(async {
                    tokio::spawn(retention::run(Arc::clone(&driven)));
                    tokio::spawn(step_writer::run(driven.session.clone(), steps));
                    tokio::spawn(end_writer::run(driven, ends));
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

    /// Whether it has a row.
    pub(in crate::jobs) fn is_registered(&self) -> bool {
        self.shared.worker.is_known()
    }

    /// Whether it takes jobs of a task.
    pub(in crate::jobs) fn has(&self, task: &str) -> bool {
        !self.shared.stopping.is_cancelled() && self.shared.executor.registry().get(task).is_ok()
    }

    /// Whether it takes jobs of a queue.
    pub(in crate::jobs) fn serves(&self, queue: &str) -> bool {
        let mut queues = self.shared.queues.iter();
        !self.shared.stopping.is_cancelled() && queues.any(|(name, _)| name == queue)
    }

    /// Asks the attempt of a job to stop, if it is here.
    pub(in crate::jobs) fn cancel(&self, id: JobId) {
        self.shared.in_flight.cancel(id);
    }

    /// A shutdown waits no longer for jobs to end: they are returned.
    pub(in crate::jobs) fn stop_waiting(&self) {
        self.shared.stop_waiting.cancel();
    }

    /// Takes no more jobs, lets those that run end, and returns what is left to the queue.
    pub(in crate::jobs) async fn shutdown(&self) {
        self.shared.stopping.cancel();
        let mut ended = self.ended.clone();
        let timeout = self.shared.settings.shutdown_timeout + Duration::from_secs(10);
        // An error means that the driver is gone.
        if tokio::time::timeout(timeout, ended.wait_for(|ended| *ended))
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
