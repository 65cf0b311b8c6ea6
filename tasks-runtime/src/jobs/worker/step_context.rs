//! Durable steps, as the code of a task sees them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use super::attempt::Attempt;
use super::running_step::{RUNNING_STEP, check_not_nested};
use super::step_journal::Begun;
use crate::context::TaskContext;
use crate::database::{AsyncClosure, DatabaseError, Transaction};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::limits::MAX_STEP_ERROR;
use crate::jobs::step_name::StepName;
use crate::jobs::step_record::StepKind;
use crate::jobs::store::{self, StepRow, StoredStep};
use crate::jobs::stored_text::storable;
use crate::text::cut;

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
    /// Stores that a step failed, for those who look at the job. The error itself goes its own way.
    async fn put_failure(&self, row: StepRow, error: &(impl Display + ?Sized)) {
        let mut message = storable(&error.to_string());
        cut(&mut message, MAX_STEP_ERROR);
        let error = Some(message);
        if let Err(error) = self.step_store.put(StepRow { error, ..row }).await {
            tracing::debug!(job_id = %self.key.job, %error, "the error of a step is not stored");
        }
    }
}

fn encode(job: JobId, step: &str, value: &impl Serialize) -> Result<String, JobError> {
    serde_json::to_string(value).map_err(|source| JobError::UnserializableStepResult {
        id: job,
        step: step.to_owned(),
        source,
    })
}

/// Durable steps. What a step came to is stored before the next one begins, and a later attempt of the job, after a failure or a crash, returns it without
/// running the code again. Outside of a job nothing is stored, and the code runs.
impl TaskContext {
    /// Runs code whose result is stored: a later attempt of the job returns that result, and does not run the code.
    ///
    /// The step is known by its name, so each step of a task has another one, and steps in a loop have a key: `step(("shard", i), …)`. A name that comes twice
    /// gets a number in the order of its use. Steps may run side by side, with `tokio::join!`.
    ///
    /// The code runs at least once: a process that dies between the code and the storing of its result does it again. Give services outside
    /// the [`idempotency_key`](Self::idempotency_key), which inside of a step is that of the step. What
    /// [`step_in`](Self::step_in) writes into the database of the jobs is kept exactly once.
    ///
    /// Code between the steps runs in every attempt. What it depends on (the time, a random number, the answer of a service) belongs into a step.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// # async fn charge_card(key: &str, cents: i64) -> anyhow::Result<String> { Ok(format!("{key}: {cents}")) }
    /// # async fn send_mail(text: &str) -> anyhow::Result<()> { Ok(()) }
    /// #[task(register = false)]
    /// async fn order(context: TaskContext, cents: i64) -> anyhow::Result<String> {
    ///     let charge: String = context
    ///         .step("charge", async || charge_card(&context.idempotency_key(), cents).await)
    ///         .await?;
    ///     // If this fails, the next attempt does not charge the card again.
    ///     context.step("mail", async || send_mail(&charge).await).await?;
    ///     Ok(charge)
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// What the code returns; its message is stored, and the next attempt runs the code again. And a [`JobError`]:
    /// [`InvalidStepName`](JobError::InvalidStepName), [`NestedStep`](JobError::NestedStep) inside of another step, [`UnserializableStepResult`](JobError::UnserializableStepResult) when the result is no JSON,
    /// [`StepResultTooLarge`](JobError::StepResultTooLarge) when it is longer than [`MAX_STEP_RESULT`](crate::jobs::MAX_STEP_RESULT),
    /// [`UnexpectedStepResult`](JobError::UnexpectedStepResult) when what is stored is not of this type (any more), [`TooManySteps`](JobError::TooManySteps),
    /// and [`Superseded`](JobError::Superseded) when the attempt does not count any more.
    pub async fn step<T, E, F, R>(&self, name: impl Into<StepName>, code: F) -> Result<T, E>
    where
        F: FnOnce() -> R,
        R: Future<Output = Result<T, E>>,
        T: Serialize + DeserializeOwned,
        E: From<JobError> + Display,
    {
        let name = name.into();
        check_not_nested(&name)?;
        let Some(attempt) = self.job_attempt() else {
            return RUNNING_STEP.scope(name.to_string(), code()).await;
        };
        let (steps, job) = (&attempt.step_store, attempt.key.job);
        let name = match attempt.steps().begin(steps, attempt.key, name).await? {
            Begun::Done(done) => return Ok(done.value(job)?),
            Begun::Open(name, _) => name,
        };
        let mut row = steps.row(attempt.key, &name, StepKind::Step);
        let _active = attempt.steps().activate();
        let result = RUNNING_STEP.scope(name.clone(), code()).await;
        row.finished_at = Some(steps.clock.now());
        match &result {
            Ok(value) => {
                let json = encode(job, &name, value)?;
                attempt.steps().count_bytes(json.len());
                row.result = Some(json);
                if let Some(stored) = steps.put(row).await? {
                    return Ok(stored.value(job)?);
                }
            }
            Err(error) => attempt.put_failure(row, error).await,
        }
        result
    }

    /// [`step`](Self::step), for sync code: it blocks the thread.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// fn report(context: &TaskContext, year: u32) -> anyhow::Result<String> {
    ///     let rows = context.step_blocking("rows", || anyhow::Ok(vec![year, year + 1]))?;
    ///     Ok(format!("{rows:?}"))
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`step`](Self::step).
    ///
    /// # Panics
    ///
    /// In async code of a job, whose thread must not be blocked.
    pub fn step_blocking<T, E>(
        &self,
        name: impl Into<StepName>,
        code: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<JobError> + Display,
    {
        let name = name.into();
        check_not_nested(&name)?;
        let Some(attempt) = self.job_attempt() else {
            return RUNNING_STEP.sync_scope(name.to_string(), code);
        };
        let (steps, job) = (&attempt.step_store, attempt.key.job);
        let database = steps.session.database();
        let begun = database.block_on(attempt.steps().begin(steps, attempt.key, name))?;
        let name = match begun {
            Begun::Done(done) => return Ok(done.value(job)?),
            Begun::Open(name, _) => name,
        };
        let mut row = steps.row(attempt.key, &name, StepKind::Step);
        let _active = attempt.steps().activate();
        let result = RUNNING_STEP.sync_scope(name.clone(), code);
        row.finished_at = Some(steps.clock.now());
        match &result {
            Ok(value) => {
                let json = encode(job, &name, value)?;
                attempt.steps().count_bytes(json.len());
                row.result = Some(json);
                if let Some(stored) = database.block_on(steps.put(row))? {
                    return Ok(stored.value(job)?);
                }
            }
            Err(error) => database.block_on(attempt.put_failure(row, error)),
        }
        result
    }

    /// Runs code in a transaction of the jobs' database that stores its result as well: what the code writes and the step are kept together, exactly once,
    /// whatever happens to the process. Otherwise it is a [`step`](Self::step).
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn ship(context: TaskContext, order: i64) -> anyhow::Result<i64> {
    ///     context
    ///         .step_in("ship", async |tx| {
    ///             // … the rows of the shipment, with `tx` …
    ///             anyhow::Ok(order)
    ///         })
    ///         .await
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// What the code returns, and the errors of [`step`](Self::step): then nothing is kept. [`JobError::NotAJob`] outside of a job, and a
    /// [`DatabaseError`] when the transaction fails.
    pub async fn step_in<T, E, F>(&self, name: impl Into<StepName>, code: F) -> Result<T, E>
    where
        for<'c> F: AsyncFnOnce(&'c mut Transaction) -> Result<T, E>
            + AsyncClosure<&'c mut Transaction, Result<T, E>, Running: Send>
            + Send,
        T: Serialize + DeserializeOwned + Send + Sync,
        E: From<DatabaseError> + From<JobError> + Display + Send,
    {
        let name = name.into();
        check_not_nested(&name)?;
        let attempt = self.job_attempt().ok_or(JobError::NotAJob)?;
        let (steps, job) = (&attempt.step_store, attempt.key.job);
        let name = match attempt.steps().begin(steps, attempt.key, name).await? {
            Begun::Done(done) => return Ok(done.value(job)?),
            Begun::Open(name, _) => name,
        };
        let row = steps.row(attempt.key, &name, StepKind::Step);
        let _active = attempt.steps().activate();
        let written = row.clone();
        let found = AtomicBool::new(false);
        let result: Result<T, E> = steps
            .session
            .transaction(async |tx| {
                let value = RUNNING_STEP.scope(name.clone(), code(&mut *tx)).await?;
                let row = StepRow {
                    finished_at: Some(steps.clock.now()),
                    result: Some(encode(job, &name, &value)?),
                    ..written
                };
                row.check_size()?;
                // What this attempt did is undone if another has done it.
                match store::put_steps(tx, std::slice::from_ref(&row))
                    .await?
                    .as_slice()
                {
                    [true] => Ok(value),
                    _ => {
                        found.store(true, Ordering::Relaxed);
                        Err(JobError::Superseded(job).into())
                    }
                }
            })
            .await;
        if found.load(Ordering::Relaxed) {
            // An earlier attempt of the job has done it, and was late.
            let stored = steps.stored_before(attempt.key, &name).await?;
            return Ok(stored.value(job)?);
        }
        if let Err(error) = &result {
            let finished_at = Some(steps.clock.now());
            attempt
                .put_failure(StepRow { finished_at, ..row }, error)
                .await;
        }
        result
    }
}
