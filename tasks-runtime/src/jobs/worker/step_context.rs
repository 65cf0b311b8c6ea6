//! Durable steps, as the code of a task sees them.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::open_step::BeginStep;
use super::running_step::{RUNNING_STEP, check_not_nested};
use crate::context::TaskContext;
use crate::database::{AsyncClosure, DatabaseError, Transaction};
use crate::jobs::error::JobError;
use crate::jobs::step_name::StepName;
use crate::jobs::step_retries::StepRetries;
use crate::jobs::store;

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
        match attempt.begin_step(self, name).await? {
            BeginStep::Done(value) => Ok(value),
            BeginStep::Run(step) => {
                let result = step.run(code()).await;
                step.finish(result).await
            }
        }
    }

    /// [`step`](Self::step), whose code runs again in the same attempt when it fails, up to so many times. The job keeps its place of a worker meanwhile, so no wait is longer than a minute: leave what
    /// takes longer to the retries of the task. Every failure is stored and logged.
    ///
    /// An error that is [`Permanent`](crate::Permanent), or whose [code](crate::FailureCodes) says so, ends the step at once; one that says `retry_after` sets the delay, or ends the step if that
    /// is more than a minute. That is seen in an `anyhow::Error`, a [`TaskError`](crate::TaskError), a `Box<dyn Error + Send + Sync>` and in types with [`FailureCodes`](crate::FailureCodes); errors of other types are tried again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_runtime::jobs::{Backoff, StepRetries};
    /// use tasks_runtime::prelude::*;
    ///
    /// # async fn charge_card(key: String, cents: i64) -> anyhow::Result<String> { Ok(format!("{key}: {cents}")) }
    /// #[task(register = false)]
    /// async fn order(context: TaskContext, cents: i64) -> anyhow::Result<String> {
    ///     let retries = StepRetries::new(3).backoff(Backoff::exponential(Duration::from_millis(200)));
    ///     context
    ///         .step_with_retries("charge", retries, async || {
    ///             charge_card(context.idempotency_key(), cents).await
    ///         })
    ///         .await
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// The last that the code returned, and the errors of [`step`](Self::step).
    pub async fn step_with_retries<T, E, F, R>(
        &self,
        name: impl Into<StepName>,
        retries: StepRetries,
        mut code: F,
    ) -> Result<T, E>
    where
        F: FnMut() -> R,
        R: Future<Output = Result<T, E>>,
        T: Serialize + DeserializeOwned,
        E: From<JobError> + Display + 'static,
    {
        let name = name.into();
        check_not_nested(&name)?;
        let outside = name.to_string();
        let attempt = self.job_attempt();
        let step = match &attempt {
            None => None,
            Some(attempt) => match attempt.begin_step(self, name).await? {
                BeginStep::Done(value) => return Ok(value),
                BeginStep::Run(step) => Some(step),
            },
        };
        let mut failures = 0;
        let result = loop {
            let result = match &step {
                Some(step) => step.run(code()).await,
                None => RUNNING_STEP.scope(outside.clone(), code()).await,
            };
            let Err(error) = &result else { break result };
            failures += 1;
            let Some(delay) = retries.delay(failures, error) else {
                break result;
            };
            let message = error.to_string();
            drop(result);
            if let Some(step) = &step {
                step.retried(&message, failures, delay).await;
            }
            let over = self.cancellation();
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                // Spawned code is not dropped with its attempt.
                () = over.cancelled() => {
                    let ended = self.job_id().map_or(JobError::NotAJob, JobError::Superseded);
                    return Err(ended.into());
                }
            }
        };
        match step {
            Some(step) => step.finish(result).await,
            None => result,
        }
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
        let database = attempt.step_store().session.database();
        match database.block_on(attempt.begin_step(self, name))? {
            BeginStep::Done(value) => Ok(value),
            BeginStep::Run(step) => {
                let result = step.run_blocking(code);
                database.block_on(step.finish(result))
            }
        }
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
        let step = match attempt.begin_step(self, name).await? {
            BeginStep::Done(value) => return Ok(value),
            BeginStep::Run(step) => step,
        };
        let (steps, job) = (attempt.step_store(), attempt.key.job);
        let bytes = AtomicUsize::new(0);
        let found = AtomicBool::new(false);
        let result: Result<T, E> = steps
            .session
            .transaction(async |tx| {
                let value = step.run(code(&mut *tx)).await?;
                let row = step.row_with(&value)?;
                row.check_size()?;
                bytes.store(row.result_bytes(), Ordering::Relaxed);
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
            let stored = steps.stored_before(attempt.key, &step.row.name).await?;
            return Ok(stored.value(job)?);
        }
        match &result {
            Ok(_) => {
                step.completed(bytes.into_inner());
                steps.changes.notify(job);
            }
            Err(error) => {
                let message = error.to_string();
                step.failed(&message).await;
            }
        }
        result
    }
}
