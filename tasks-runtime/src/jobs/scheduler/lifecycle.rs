//! Start, drain and shutdown.

use std::sync::Arc;
use std::time::Duration;

use super::Scheduler;
use crate::database::DatabaseError;
use crate::execute::TaskExecutor;
use crate::jobs::engine::AttemptRunner;
use crate::jobs::error::JobError;
use crate::jobs::flow_control;
use crate::jobs::worker::Worker;

impl Scheduler {
    /// Begins to submit jobs for the tasks of an executor. They wait until workers [start](Self::start).
    pub fn attach(&self, executor: &TaskExecutor) {
        let settings = &self.shared.settings;
        let mut queues = settings.queues.clone();
        for queue in executor
            .registry()
            .iter()
            .filter_map(|task| task.policy().queue)
            .chain([crate::jobs::DEFAULT_QUEUE])
        {
            queues
                .entry(queue.to_owned())
                .or_insert(settings.max_concurrency);
        }
        let mut state = self.write();
        #[cfg(feature = "metrics")]
        if settings.metrics && state.metrics.is_none() {
            let metrics = crate::jobs::metrics::Metrics::new(executor.registry(), queues.keys());
            state.metrics = Some(Arc::new(metrics));
        }
        state.executor = Some(executor.clone());
        state.queues = queues;
        let wrote = std::mem::replace(&mut state.writes_history, true);
        drop(state);
        if !wrote {
            self.watch_history();
        }
    }

    /// Begins to submit jobs for the tasks of an executor, and to run them, unless this process is not to.
    ///
    /// # Errors
    ///
    /// When a [queue](crate::jobs::Jobs::queue) has a name that cannot be, when no threads can be started, and when the database is closed.
    pub fn start(&self, executor: &TaskExecutor) -> Result<(), JobError> {
        let settings = &self.shared.settings;
        let mut problems = settings.problems();
        let tasks = executor.registry().iter();
        problems.extend(tasks.filter_map(flow_control::wrong_key));
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
                (self.shared.changes.clone(), self.shared.clock.clone()),
                Arc::clone(&self.shared.figures),
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
        let has_started = {
            let mut state = self.write();
            state.worker = worker;
            std::mem::replace(&mut state.has_started, true)
        };
        if !has_started {
            self.work_off_operations();
            self.look_after_ends();
        }
        Ok(())
    }

    /// Runs attempts in this process, for an [engine](crate::jobs::engine) that calls back.
    ///
    /// # Errors
    ///
    /// [`JobError::NotRunning`] when this process runs no jobs.
    pub fn attempt_runner(&self) -> Result<AttemptRunner, JobError> {
        let worker = self.read(|state| state.worker.clone());
        let worker = worker.ok_or(JobError::NotRunning)?;
        Ok(AttemptRunner::new(Arc::clone(&worker.shared)))
    }

    /// Takes no more jobs, lets those that run end within [`Jobs::shutdown_timeout`](crate::jobs::Jobs::shutdown_timeout), and returns what is left to the queue; no
    /// attempt is spent on it. Jobs can still be submitted, for others to run.
    pub async fn drain(&self) {
        let worker = self.read(|state| state.worker.clone());
        if let Some(worker) = worker {
            worker.shutdown().await;
            self.write_last_history().await;
        }
    }

    /// Has a [`drain`](Self::drain) that waits for jobs, now or later, wait no longer: those that run are stopped, and go back to the queue
    /// as after [`Jobs::shutdown_timeout`](crate::jobs::Jobs::shutdown_timeout).
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
        let wrote = std::mem::take(&mut self.write().writes_history);
        if wrote {
            self.write_last_history().await;
        }
        let mut state = self.write();
        state.has_started = false;
        // It holds what holds the scheduler.
        state.executor = None;
    }

    /// Maximum time that [`drain`](Self::drain) and [`shutdown`](Self::shutdown) take: that of [`Jobs::shutdown_timeout`](crate::jobs::Jobs::shutdown_timeout), and 15 seconds to
    /// stop what still runs and to return it to the queue.
    #[must_use]
    pub fn max_drain_time(&self) -> Duration {
        self.shared.settings.shutdown_timeout + Duration::from_secs(15)
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
        let scheduler = self.downgrade();
        // On the database's own threads: whoever asks for this may be gone before.
        self.database().spawn(async move {
            let mut pause = first;
            loop {
                tokio::time::sleep(pause).await;
                let Some(scheduler) = scheduler.upgrade() else {
                    return;
                };
                pause = does(scheduler).await;
            }
        });
    }
}
