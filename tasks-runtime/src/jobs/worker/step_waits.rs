//! Waits that outlive the attempt: it ends, gives its place to another job, and the job goes on when the wait is over.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::attempt::Attempt;
use super::running_step::check_not_nested;
use super::step_journal::Begun;
use super::step_writer::{PAUSE, is_unavailable};
use crate::context::TaskContext;
use crate::jobs::error::JobError;
use crate::jobs::limits::{MAX_DELAY, MAX_STEP_ERROR};
use crate::jobs::step_name::StepName;
use crate::jobs::step_record::StepKind;
use crate::jobs::store::{self, StepRow, StoredStep};
use crate::jobs::stored_text::storable;
use crate::text::cut;

/// What is stored of a wait whose event did not come.
const MISSED: &str = "the event did not come in time";

/// Waits that survive restarts. A job that waits is pending, and takes no place of a worker; its `pending_reason` says what it waits for. When the wait is over, the task begins
/// from its start, and its steps return what they came to before.
impl TaskContext {
    /// Pauses the job, at most for 10 years. Until then it is pending, and takes no place of a worker. Other steps that run beside it are finished first; other code
    /// that waits for something is dropped.
    ///
    /// Outside of a job the task waits where it is.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn remind(context: TaskContext, name: String) -> anyhow::Result<()> {
    ///     context.step("welcome", async || anyhow::Ok(format!("Hello, {name}!"))).await?;
    ///     context.sleep("a week", Duration::from_secs(7 * 24 * 3600)).await?;
    ///     context.step("reminder", async || anyhow::Ok(format!("Still there, {name}?"))).await?;
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobError::InvalidStepName`], [`JobError::NestedStep`] inside of a step, [`JobError::TooManySteps`], and when the database fails.
    pub async fn sleep(
        &self,
        name: impl Into<StepName>,
        duration: Duration,
    ) -> Result<(), JobError> {
        let name = name.into();
        check_not_nested(&name)?;
        let Some(attempt) = self.job_attempt() else {
            tokio::time::sleep(duration).await;
            return Ok(());
        };
        let until = attempt.step_store().clock.after(duration.min(MAX_DELAY));
        attempt.sleep_until(self, name, until).await
    }

    /// [`sleep`](Self::sleep) until a time.
    ///
    /// # Errors
    ///
    /// The same as [`sleep`](Self::sleep).
    pub async fn sleep_until(
        &self,
        name: impl Into<StepName>,
        time: DateTime<Utc>,
    ) -> Result<(), JobError> {
        let name = name.into();
        check_not_nested(&name)?;
        let Some(attempt) = self.job_attempt() else {
            let duration = (time - Utc::now()).to_std().unwrap_or_default();
            tokio::time::sleep(duration).await;
            return Ok(());
        };
        let latest = attempt.step_store().clock.after(MAX_DELAY);
        let until = time.timestamp_micros().min(latest);
        attempt.sleep_until(self, name, until).await
    }

    /// Waits for an event that somebody sends to the job, with [`Scheduler::send`](crate::jobs::Scheduler::send) or
    /// `POST /api/v1/jobs/{id}/$event/{name}`, at most for this long. Until then the job is pending, and takes no place of a worker.
    ///
    /// The name is that of the event and of the step. An event that was sent before is there at once. Events of one name are taken in the order in which they were sent, each by
    /// one wait: the second `wait_for("approval", …)` of a task gets the second one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn publish(context: TaskContext, draft: String) -> anyhow::Result<String> {
    ///     let approved: bool = context.wait_for("approval", Duration::from_secs(86_400)).await?;
    ///     Ok(if approved { draft } else { String::new() })
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobError::EventMissed`] when it did not come in time: a later attempt gets the same, unless the job is retried by hand, which
    /// waits again. [`JobError::UnexpectedEvent`] when what was sent is not of this type, with the same for later attempts. [`JobError::UndeclaredEvent`] when the task says which events it waits for, and not this one. [`JobError::NotAJob`] outside of a
    /// job; and those of [`sleep`](Self::sleep).
    pub async fn wait_for<T: DeserializeOwned>(
        &self,
        event: impl Into<StepName>,
        timeout: Duration,
    ) -> Result<T, JobError> {
        let name = event.into();
        check_not_nested(&name)?;
        let attempt = self.job_attempt().ok_or(JobError::NotAJob)?;
        let (events, event) = (self.events(), name.to_string());
        if !events.is_empty() && !events.iter().any(|declared| declared.is_named(&event)) {
            // Nobody could send it.
            let task = self.task_name().to_owned();
            return Err(JobError::UndeclaredEvent { task, event });
        }
        attempt.wait_for(self, name, timeout).await
    }
}

impl Attempt {
    async fn sleep_until(
        self: Arc<Self>,
        context: &TaskContext,
        name: StepName,
        until: i64,
    ) -> Result<(), JobError> {
        let (steps, journal) = (self.step_store(), self.steps());
        let (name, began) = match self.begin(context, name).await? {
            Begun::Done(_) => return Ok(()),
            Begun::Open(name, began) => (name, began),
        };
        let begun_until = began.and_then(|step| step.waits_until());
        let until = begun_until.unwrap_or(until);
        let row = StepRow {
            waits_until: Some(until),
            ..self.step_row(&name, StepKind::Sleep)
        };
        if until <= steps.clock.now() {
            steps.put(over(row, "null", None)).await?;
            return Ok(());
        }
        if begun_until.is_none() {
            let active = journal.activate();
            steps.put(row).await?;
            drop(active);
        }
        Err(self.suspend(context, until, None).await)
    }

    async fn wait_for<T: DeserializeOwned>(
        self: Arc<Self>,
        context: &TaskContext,
        name: StepName,
        timeout: Duration,
    ) -> Result<T, JobError> {
        let (steps, journal, job) = (self.step_store(), self.steps(), self.key.job);
        let event = name.to_string();
        let (name, began) = match self.begin(context, name).await? {
            Begun::Done(done) => return self.received(&done, &event),
            Begun::Open(name, began) => (name, began),
        };
        let begun_until = began.and_then(|step| step.waits_until());
        let until = begun_until.unwrap_or_else(|| steps.clock.after(timeout.min(MAX_DELAY)));
        let row = StepRow {
            waits_until: Some(until),
            event: Some(event.clone()),
            ..self.step_row(&name, StepKind::Event)
        };
        let active = journal.activate();
        let taken = loop {
            let taken: Result<Option<StepRow>, JobError> = steps
                .session
                .transaction_with_retries(async |tx| {
                    let row = match store::take_event(tx, job, &event).await? {
                        Some(payload) => received_row::<T>(row.clone(), &payload),
                        None if until <= steps.clock.now() => {
                            over(row.clone(), "null", Some(MISSED))
                        }
                        None => row.clone(),
                    };
                    // Otherwise the event stays for the attempt that counts.
                    match store::put_steps(tx, std::slice::from_ref(&row))
                        .await?
                        .as_slice()
                    {
                        [true] => Ok(row.result.is_some().then_some(row)),
                        _ => Err(JobError::Superseded(job)),
                    }
                })
                .await;
            match taken {
                // No attempt is spent for that.
                Err(error) if is_unavailable(&error) => tokio::time::sleep(PAUSE).await,
                Err(JobError::Superseded(_)) => {
                    // An earlier attempt of the job has got it, and was late.
                    let stored = steps.stored_before(self.key, &name).await?;
                    return self.received(&stored, &event);
                }
                taken => break taken?,
            }
        };
        drop(active);
        if let Some(row) = taken {
            journal.count_bytes(row.result_bytes());
            steps.changes.notify(job);
            let stored = StoredStep {
                name,
                started_at: row.started_at,
                finished_at: row.finished_at,
                waits_until: row.waits_until,
                child: None,
                result: row.result,
                error: row.error,
                task_version: row.task_version,
            };
            return self.received(&stored, &event);
        }
        Err(self.suspend(context, until, Some(event)).await)
    }

    /// Has the attempt be put off. What waits is dropped then; only code that was spawned, or runs on a thread of its own, learns that the attempt is over.
    pub(super) async fn suspend(
        &self,
        context: &TaskContext,
        until: i64,
        event: Option<String>,
    ) -> JobError {
        let _wait = self.steps().wait(until, event);
        context.cancellation().cancelled().await;
        JobError::Superseded(self.key.job)
    }

    fn received<T: DeserializeOwned>(&self, step: &StoredStep, event: &str) -> Result<T, JobError> {
        let (id, event) = (self.key.job, event.to_owned());
        match &step.error {
            None => step.value(id),
            Some(error) if error == MISSED => Err(JobError::EventMissed { id, event }),
            Some(reason) => Err(JobError::UnexpectedEvent {
                id,
                event,
                reason: reason.clone(),
            }),
        }
    }
}

/// A wait whose event came. One that is of another type fails, so that a retry by hand waits for another one.
fn received_row<T: DeserializeOwned>(row: StepRow, payload: &str) -> StepRow {
    match serde_json::from_str::<T>(payload) {
        Ok(_) => over(row, payload, None),
        Err(error) => {
            let mut reason = storable(&error.to_string());
            cut(&mut reason, MAX_STEP_ERROR);
            over(row, "null", Some(&reason))
        }
    }
}

/// A wait that is over.
fn over(row: StepRow, result: &str, error: Option<&str>) -> StepRow {
    StepRow {
        finished_at: Some(row.started_at),
        result: Some(result.to_owned()),
        error: error.map(str::to_owned),
        ..row
    }
}
