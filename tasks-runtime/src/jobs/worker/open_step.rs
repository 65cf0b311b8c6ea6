//! A step whose code runs: from the look at what earlier attempts have stored to the storing of what it came to.

use std::fmt::Display;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::field::Empty;
use tracing::{Instrument as _, Level, Span};

use super::attempt::Attempt;
use super::running_step::RUNNING_STEP;
use super::step_journal::{ActiveStep, Begun};
use crate::context::TaskContext;
use crate::execute::loggable;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::limits::MAX_STEP_ERROR;
use crate::jobs::step_name::StepName;
use crate::jobs::step_record::StepKind;
use crate::jobs::store::{StepRow, StoredStep};
use crate::jobs::stored_text::storable;
use crate::text::cut;

/// What a step begins with.
pub(super) enum BeginStep<'a, T> {
    /// What an earlier attempt stored.
    Done(T),
    /// Its code is to run.
    Run(Box<OpenStep<'a>>),
}

/// A step whose code runs. The attempt is not put off while it is there.
pub(super) struct OpenStep<'a> {
    attempt: &'a Attempt,
    context: &'a TaskContext,
    pub(super) row: StepRow,
    span: Span,
    began: Instant,
    _active: ActiveStep<'a>,
}

impl StoredStep {
    /// Its result.
    pub(super) fn value<T: DeserializeOwned>(&self, job: JobId) -> Result<T, JobError> {
        let json = self.result.as_deref().unwrap_or("null");
        serde_json::from_str(json).map_err(|source| JobError::UnexpectedStepResult {
            id: job,
            step: self.name.clone(),
            source,
        })
    }
}

impl Attempt {
    /// Looks whether a step was done before. Does not return when the steps of the job are of another version of the task: then the attempt is over.
    pub(super) async fn begin(
        &self,
        context: &TaskContext,
        name: StepName,
    ) -> Result<Begun, JobError> {
        // Beside a wait, the attempt is not put off before this is known: it may be over already.
        let _active = self.steps().activate();
        let begun = self.steps().begin(self.step_store(), self.key, name).await;
        if self.steps().other_version().is_some() {
            context.cancellation().cancelled().await;
        }
        begun
    }

    /// A step that has begun and not ended.
    pub(super) fn step_row(&self, name: &str, kind: StepKind) -> StepRow {
        let attempt = (self.key, self.steps().version());
        let store = self.step_store();
        let start = self.steps().next_start(store.clock.now());
        store.row(attempt, name, kind, start)
    }

    /// Begins a step, unless an earlier attempt has done it.
    pub(super) async fn begin_step<'a, T: DeserializeOwned>(
        &'a self,
        context: &'a TaskContext,
        name: StepName,
    ) -> Result<BeginStep<'a, T>, JobError> {
        match self.begin(context, name).await? {
            Begun::Done(done) => Ok(BeginStep::Done(done.value(self.key.job)?)),
            Begun::Open(name, _) => Ok(BeginStep::Run(Box::new(OpenStep {
                attempt: self,
                context,
                span: span(context.host().span_level(), &name),
                row: self.step_row(&name, StepKind::Step),
                began: Instant::now(),
                _active: self.steps().activate(),
            }))),
        }
    }
}

impl OpenStep<'_> {
    fn now(&self) -> i64 {
        let now = self.attempt.step_store().clock.now();
        now.max(self.row.started_at)
    }

    /// Runs its code.
    pub(super) async fn run<R: Future>(&self, code: R) -> R::Output {
        RUNNING_STEP
            .scope(self.row.name.clone(), code)
            .instrument(self.span.clone())
            .await
    }

    /// Runs its code, which blocks the thread.
    pub(super) fn run_blocking<R>(&self, code: impl FnOnce() -> R) -> R {
        self.span
            .in_scope(|| RUNNING_STEP.sync_scope(self.row.name.clone(), code))
    }

    /// The row of the step with its result.
    pub(super) fn row_with(&self, value: &impl Serialize) -> Result<StepRow, JobError> {
        let json =
            serde_json::to_string(value).map_err(|source| JobError::UnserializableStepResult {
                id: self.attempt.key.job,
                step: self.row.name.clone(),
                source,
            })?;
        Ok(StepRow {
            finished_at: Some(self.now()),
            result: Some(json),
            ..self.row.clone()
        })
    }

    /// Stores what its code came to.
    pub(super) async fn finish<T, E>(self, result: Result<T, E>) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<JobError> + Display,
    {
        let result = match result {
            Ok(value) => self.store(value).await.map_err(E::from),
            error => error,
        };
        if let Err(error) = &result {
            let message = error.to_string();
            self.failed(&message).await;
        }
        result
    }

    /// Stores its result. Gives what is stored when that is something else, of an earlier attempt that was late.
    async fn store<T: Serialize + DeserializeOwned>(&self, value: T) -> Result<T, JobError> {
        let row = self.row_with(&value)?;
        let bytes = row.result_bytes();
        match self.attempt.step_store().put(row).await? {
            Some(stored) => {
                self.ended("completed");
                stored.value(self.attempt.key.job)
            }
            None => {
                self.completed(bytes);
                Ok(value)
            }
        }
    }

    /// What it came to is stored, with so many bytes.
    pub(super) fn completed(&self, bytes: usize) {
        self.attempt.steps().count_bytes(bytes);
        self.ended("completed");
    }

    /// It failed, and does not run again in this attempt. The error itself goes its own way.
    pub(super) async fn failed(&self, message: &str) {
        self.put_error(message).await;
        self.ended("failed");
    }

    /// Stores an error of its code, for those who look at the job.
    async fn put_error(&self, message: &str) {
        let mut message = storable(message);
        cut(&mut message, MAX_STEP_ERROR);
        let store = self.attempt.step_store();
        let row = StepRow {
            finished_at: Some(self.now()),
            error: Some(message),
            ..self.row.clone()
        };
        if let Err(error) = store.put(row).await {
            tracing::debug!(job_id = %self.attempt.key.job, %error, "the error of a step is not stored");
        }
    }

    fn ended(&self, outcome: &'static str) {
        let took = self.began.elapsed();
        let duration_ms = took.as_secs_f64() * 1000.0;
        tracing::record_all!(self.span, outcome = outcome, duration_ms = duration_ms);
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.attempt.step_store().metrics {
            metrics.step_ended(self.context.task_name(), outcome == "completed", took);
        }
    }

    /// Its code failed so often, and runs again after a delay.
    pub(super) async fn retried(&self, message: &str, failures: u32, delay: Duration) {
        self.put_error(message).await;
        let error = loggable(message, self.context.has_secrets());
        tracing::warn!(
            job_id = %self.attempt.key.job,
            task = self.context.task_name(),
            step = self.row.name,
            failures,
            error,
            retry_in_seconds = delay.as_secs_f64(),
            "a step of a job failed, and runs again"
        );
    }
}

/// A level is part of what is known of a span at compile time, so there is one of each.
fn span(level: Level, name: &str) -> Span {
    macro_rules! span {
        ($level:expr) => {
            tracing::span!(
                $level,
                "step",
                step.name = name,
                outcome = Empty,
                duration_ms = Empty,
            )
        };
    }
    match level {
        Level::ERROR => span!(Level::ERROR),
        Level::WARN => span!(Level::WARN),
        Level::INFO => span!(Level::INFO),
        Level::DEBUG => span!(Level::DEBUG),
        Level::TRACE => span!(Level::TRACE),
    }
}
