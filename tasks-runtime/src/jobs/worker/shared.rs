//! What the driver and the attempts share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::attempt::Event;
use super::attempt_end::{AttemptEnd, AttemptOutcome};
use super::crash_limits::CrashLimits;
use super::finish::FinishedAttempt;
use super::global_limits::GlobalLimits;
use super::in_flight::InFlight;
use super::left_to_others::LeftToOthers;
use super::step_journal::StepStore;
use super::worker_health::WorkerHealth;
use crate::database::Session;
use crate::execute::TaskExecutor;
use crate::jobs::DEFAULT_QUEUE;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::clock::Clock;
use crate::jobs::history::{Count, Figures};
#[cfg(feature = "metrics")]
use crate::jobs::metrics::OutcomeLabel;
use crate::jobs::notifier::ChangeNotifier;
use crate::jobs::settings::Jobs;
use crate::jobs::state::JobState;

/// What the driver and the attempts share.
pub(in crate::jobs) struct WorkerShared {
    pub(in crate::jobs) executor: TaskExecutor,
    pub(in crate::jobs) session: Session,
    pub(in crate::jobs) settings: Jobs,
    /// The queues, and how many of their jobs run at once.
    pub(in crate::jobs) queues: Vec<(String, usize)>,
    /// The tasks of which only so many jobs run at once.
    pub(in crate::jobs) concurrency_limits: Vec<(String, usize)>,
    /// What limits jobs over all processes.
    pub(in crate::jobs) global_limits: GlobalLimits,
    /// Maximum number of processes that may die while they run one job.
    pub(in crate::jobs) crash_limits: CrashLimits,
    pub(in crate::jobs) worker: WorkerName,
    pub(in crate::jobs) clock: Clock,
    pub(in crate::jobs) changes: ChangeNotifier,
    /// What attempts and jobs come to, for the history.
    pub(in crate::jobs) figures: Arc<Figures>,
    #[cfg(feature = "metrics")]
    pub(in crate::jobs) metrics: Option<Arc<crate::jobs::metrics::Metrics>>,
    pub(in crate::jobs) in_flight: InFlight,
    /// There may be work.
    pub(in crate::jobs) wake: Notify,
    /// Notified when attempts may be due that are to be offered to an engine.
    pub(in crate::jobs) due: Notify,
    /// Jobs that this process cannot run, and others perhaps can.
    pub(in crate::jobs) left_to_others: LeftToOthers,
    /// Held while the parameters of a job are read apart from its claim: one at a time, so that other statements have connections.
    pub(in crate::jobs) large_params: tokio::sync::Semaphore,
    /// Where the steps of attempts are stored.
    pub(in crate::jobs) step_store: Arc<StepStore>,
    pub(in crate::jobs) outbox: mpsc::UnboundedSender<Event>,
    pub(in crate::jobs) stopping: CancellationToken,
    /// Nobody waits any longer for the attempts that run while the worker is stopping.
    pub(in crate::jobs) stop_waiting: CancellationToken,
    /// The threads that tasks run on.
    pub(in crate::jobs) handle: tokio::runtime::Handle,
    /// The thread of the driver, which no task runs on.
    pub(in crate::jobs) control: tokio::runtime::Handle,
    /// What is wrong with this process as a worker.
    pub(in crate::jobs) health: WorkerHealth,
    /// When it was said last that a job waits for another one in vain.
    pub(in crate::jobs) warn_of_deadlock: Mutex<Option<Instant>>,
}

impl WorkerShared {
    /// Counts the ends of attempts that were stored, by what their jobs are since then.
    pub(in crate::jobs) fn count_finished(
        &self,
        ends: &[AttemptEnd],
        finished: &[FinishedAttempt],
    ) {
        if finished.is_empty() {
            return;
        }
        let states: HashMap<AttemptKey, JobState> = finished
            .iter()
            .map(|attempt| (attempt.attempt, attempt.state))
            .collect();
        for end in ends {
            let Some(state) = states.get(&end.attempt) else {
                continue;
            };
            if let Some(count) = count(&end.outcome, *state) {
                match end.timing {
                    Some(timing) => self.figures.attempt(timing, count, end.at),
                    // Only closures end without having been measured.
                    None => (self.figures).count_job((None, DEFAULT_QUEUE), count, end.at),
                }
            }
            #[cfg(feature = "metrics")]
            if let Some(task) = &end.task
                && let Some(metrics) = &self.metrics
            {
                metrics.attempt_finished(task, OutcomeLabel::new(&end.outcome, *state));
            }
        }
    }
}

/// What the end of an attempt is counted as that left its job in a state; `None` where the attempt is not counted.
fn count(outcome: &AttemptOutcome, stored: JobState) -> Option<Count> {
    Some(match outcome {
        _ if stored == JobState::Canceled => Count::Canceled,
        AttemptOutcome::Completed(_) => Count::Completed,
        AttemptOutcome::Failed(_) | AttemptOutcome::Lost => Count::Failed,
        AttemptOutcome::Canceled => Count::Canceled,
        AttemptOutcome::Retried { .. } => Count::Retried,
        AttemptOutcome::Returned
        | AttemptOutcome::Deferred { .. }
        | AttemptOutcome::Suspended(_) => return None,
    })
}

/// This worker's registered name; `None` until registration.
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

    /// Whether it is there.
    pub(in crate::jobs) fn is_known(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits a moment for it: who has just started is a worker soon.
    pub(in crate::jobs) async fn load(&self) -> Option<String> {
        const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(5);
        let mut watching = self.0.subscribe();
        let named = watching.wait_for(Option::is_some);
        let name = tokio::time::timeout(REGISTRATION_TIMEOUT, named)
            .await
            .ok()?
            .ok()?;
        name.clone()
    }
}
