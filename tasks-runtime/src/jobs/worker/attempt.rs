//! One attempt of a job, as the code that runs in it sees it.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::jobs::id::JobId;
use serde::Serialize;
use tokio::sync::{Notify, mpsc};

use super::attempt_end::{AttemptEnd, AttemptOutcome};
use super::finish::complete;
use super::read_job::state_and_fence;
use super::running_step::running_step;
use super::step_journal::{StepJournal, StepStore};
use crate::artifacts::ArtifactId;
use crate::context::{AttemptHandle, TaskContext};
use crate::database::Transaction;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::error::JobError;
use crate::jobs::limits::MAX_PROGRESS_BYTES;
use crate::jobs::record::Progress;
use crate::jobs::state::JobState;
use crate::jobs::store::{LogLine, MAX_LOG_LINES};
use crate::jobs::stored_text::storable;
use crate::task::TaskReport;
use crate::text::cut;

/// How long a line of the log may be, in bytes; the rest is cut off.
const MAX_LINE_BYTES: usize = 4096;

/// Messages from attempts to the driver.
pub(in crate::jobs) enum Event {
    Finished(Box<AttemptEnd>),
    /// This attempt was given to this process, outside of the driver's rounds.
    Began(AttemptKey),
    /// The end of this attempt was written apart from the rounds, or does not count any more.
    Written(AttemptKey),
    /// This attempt is over, and there is nothing to write.
    Over(AttemptKey),
    /// Its progress, or its artifact, is another.
    Changed(Arc<Attempt>),
    Logged(LogLine),
}

/// An attempt that runs in this process.
pub(crate) struct Attempt {
    pub(in crate::jobs) key: AttemptKey,
    pub(in crate::jobs) number: u32,
    pub(in crate::jobs) max_attempts: u32,
    outbox: mpsc::UnboundedSender<Event>,
    reported: Mutex<ProgressReport>,
    lines: AtomicU32,
    /// Executions that have begun and not ended; more than none while a thread runs on that nobody waits for.
    runs: AtomicUsize,
    ended: Notify,
    /// The job was completed inside a transaction of the task's own, which was kept.
    completed: Arc<AtomicBool>,
    /// How long its result may be, in bytes.
    max_result_size: usize,
    steps: StepJournal,
    step_store: Arc<StepStore>,
}

#[derive(Default)]
struct ProgressReport {
    progress: Option<Progress>,
    artifact: Option<ArtifactId>,
    /// Whether the driver was notified and has not read the report yet.
    pending: bool,
}

impl Attempt {
    pub(in crate::jobs) fn new(
        key: AttemptKey,
        number: u32,
        max_attempts: u32,
        outbox: mpsc::UnboundedSender<Event>,
        step_store: Arc<StepStore>,
        max_result_size: usize,
        task_version: u32,
    ) -> Self {
        Self {
            key,
            number,
            max_attempts,
            outbox,
            reported: Mutex::default(),
            lines: AtomicU32::new(0),
            runs: AtomicUsize::new(0),
            ended: Notify::new(),
            completed: Arc::default(),
            max_result_size,
            steps: StepJournal::new(task_version),
            step_store,
        }
    }

    /// Whether code of it runs.
    pub(in crate::jobs) fn runs(&self) -> bool {
        self.runs.load(Ordering::SeqCst) > 0
    }

    /// Waits until none of its code runs any more.
    pub(in crate::jobs) async fn ended(&self) {
        loop {
            let ended = self.ended.notified();
            if !self.runs() {
                return;
            }
            ended.await;
        }
    }

    /// Its steps.
    pub(in crate::jobs) fn steps(&self) -> &StepJournal {
        &self.steps
    }

    /// Where they are stored.
    pub(super) fn step_store(&self) -> &StepStore {
        &self.step_store
    }

    pub(in crate::jobs) fn is_completed(&self) -> bool {
        self.completed.load(Ordering::SeqCst)
    }

    pub(in crate::jobs) fn artifact(&self) -> Option<ArtifactId> {
        self.reported().artifact
    }

    fn reported(&self) -> std::sync::MutexGuard<'_, ProgressReport> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(self: &Arc<Self>, what: impl FnOnce(&mut ProgressReport)) {
        let mut reported = self.reported();
        what(&mut reported);
        if !std::mem::replace(&mut reported.pending, true) {
            // Nobody listens after the end, and then it does not matter.
            let _ = self.outbox.send(Event::Changed(Arc::clone(self)));
        }
    }

    /// What it reported last, as it is stored.
    pub(in crate::jobs) fn take_reported(&self) -> (Option<String>, Option<ArtifactId>) {
        let mut reported = self.reported();
        reported.pending = false;
        let progress = reported.progress.as_ref();
        let json = progress.and_then(|progress| serde_json::to_string(progress).ok());
        (json, reported.artifact)
    }

    fn log(&self, mut message: String) {
        if self.lines.fetch_add(1, Ordering::Relaxed) >= MAX_LOG_LINES.unsigned_abs() {
            return;
        }
        cut(&mut message, MAX_LINE_BYTES);
        let _ = self.outbox.send(Event::Logged(LogLine {
            attempt: self.key,
            at: self.step_store.clock.now(),
            message: storable(&message),
        }));
    }
}

impl AttemptHandle for Attempt {
    fn begin_run(&self) {
        self.runs.fetch_add(1, Ordering::SeqCst);
    }

    fn end_run(&self) {
        if self.runs.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.ended.notify_waiters();
        }
    }
}

/// What a task that runs as a job reports of itself. Outside of a job most of it does nothing, so that the same task is executed,
/// too.
impl TaskContext {
    pub(super) fn job_attempt(&self) -> Option<Arc<Attempt>> {
        let handle: Arc<dyn Any + Send + Sync> =
            Arc::<dyn AttemptHandle>::clone(self.attempt_handle()?);
        handle.downcast().ok()
    }

    /// The job that this is an attempt of; `None` when the task is executed directly.
    #[must_use]
    pub fn job_id(&self) -> Option<JobId> {
        self.job_attempt().map(|attempt| attempt.key.job)
    }

    /// The number of the attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.job_attempt().map_or(1, |attempt| attempt.number)
    }

    /// How many attempts there may be.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.job_attempt().map_or(1, |attempt| attempt.max_attempts)
    }

    /// A key that is the same in every attempt of the job: give it to services outside, so that what is done twice counts once. Inside of a
    /// [`step`](Self::step) it is that of the step: `01ARZ3NDEKTSV4RRFFQ69G5FAV/charge`.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        let mut key = self
            .job_id()
            .map_or_else(|| self.execution_id().to_string(), |id| id.to_string());
        if let Some(step) = running_step() {
            key.push('/');
            key.push_str(&step);
        }
        key
    }

    /// Says how far it is. Others see the latest of what was reported, a moment later. The message is kept up to
    /// [`MAX_PROGRESS_BYTES`](crate::jobs::limits::MAX_PROGRESS_BYTES) bytes.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task]
    /// async fn count(context: TaskContext, to: u64) -> u64 {
    ///     for n in 0..to {
    ///         context.progress(n, to, "counting");
    ///     }
    ///     to
    /// }
    /// # fn main() {}
    /// ```
    pub fn progress(
        &self,
        current: u64,
        total: impl Into<Option<u64>>,
        message: impl Into<String>,
    ) {
        let (total, mut message) = (total.into(), message.into());
        let Some(attempt) = self.job_attempt() else {
            return self.caller().tell(TaskReport::Progress {
                current,
                total,
                message: &message,
            });
        };
        message = storable(&message);
        cut(&mut message, MAX_PROGRESS_BYTES);
        let progress = Progress {
            current,
            total,
            message: (!message.is_empty()).then_some(message),
        };
        attempt.report(|reported| reported.progress = Some(progress));
    }

    /// Adds a line to the log that is kept with the job: at most 1,000 lines of 4 KiB.
    pub fn log(&self, message: impl Into<String>) {
        let message = message.into();
        tracing::debug!(message, "a task says");
        match self.job_attempt() {
            Some(attempt) => attempt.log(message),
            None => self.caller().tell(TaskReport::Log(&message)),
        }
    }

    /// Names the artifact that the job makes, as soon as it is known. A job whose result is the id of one, or has it as
    /// `artifact_id`, does so by itself at its end.
    pub fn set_artifact(&self, id: ArtifactId) {
        if let Some(attempt) = self.job_attempt() {
            attempt.report(|reported| reported.artifact = Some(id));
        }
    }

    /// Completes the job inside a transaction of the task's own: its writes and the result are kept together, exactly once,
    /// whatever else happens to the process. What the task returns after that does not matter. If the transaction is undone, the job goes by what
    /// the task returns, as if this had not been called.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn book(context: TaskContext, session: Session, amount: i64) -> anyhow::Result<i64> {
    ///     session
    ///         .transaction(async |tx| {
    ///             // … the rows of the booking …
    ///             context.complete(tx, &amount).await?;
    ///             anyhow::Ok(())
    ///         })
    ///         .await?;
    ///     Ok(amount)
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobError::NotAJob`] outside of a job; [`JobError::UnserializableResult`] when the result is no JSON; [`JobError::ResultTooLarge`]
    /// when it is larger than [`Jobs::max_result_size`](crate::jobs::Jobs::max_result_size) allows; [`JobError::AlreadyCompleted`] when
    /// it was called before, and that is kept or about to be; [`JobError::Superseded`] when the attempt does not count any more. Return an error from
    /// the transaction, so that nothing is kept.
    pub async fn complete(
        &self,
        transaction: &mut Transaction,
        result: &(impl Serialize + Sync),
    ) -> Result<(), JobError> {
        let attempt = self.job_attempt().ok_or(JobError::NotAJob)?;
        let json =
            serde_json::to_string(result).map_err(|source| JobError::UnserializableResult {
                id: attempt.key.job,
                source,
            })?;
        if json.len() > attempt.max_result_size {
            return Err(JobError::ResultTooLarge {
                id: attempt.key.job,
                bytes: json.len(),
                max: attempt.max_result_size,
            });
        }
        let now = attempt.step_store.clock.now();
        let end = AttemptEnd {
            artifact: attempt.artifact(),
            ..AttemptEnd::new(attempt.key, now, AttemptOutcome::Completed(json))
        };
        if !complete(transaction, end, now).await? {
            let AttemptKey { job, fence } = attempt.key;
            return Err(match state_and_fence(transaction, job).await? {
                Some((JobState::Completed, by)) if by == fence => JobError::AlreadyCompleted(job),
                _ => JobError::Superseded(job),
            });
        }
        // If the transaction is undone after all, what the task returns is written: its result or its error.
        let kept = Arc::clone(&attempt.completed);
        transaction.on_commit(move || kept.store(true, Ordering::SeqCst));
        Ok(())
    }
}
