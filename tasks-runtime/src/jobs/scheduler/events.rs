//! Events are sent to jobs.

use serde::Serialize;

use super::Scheduler;
use crate::database::Transaction;
use crate::jobs::error::{JobAction, JobError};
use crate::jobs::id::JobId;
use crate::jobs::limits::{MAX_EVENT_BYTES, MAX_EVENTS};
use crate::jobs::step_name::StepName;
use crate::jobs::store;

/// Events.
impl Scheduler {
    /// Sends an event to a job that [waits for it](crate::TaskContext::wait_for), or will. It is kept until the job takes it or is deleted.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_runtime::jobs::{Jobs, Scheduler};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn publish(context: TaskContext) -> anyhow::Result<bool> {
    ///     Ok(context.wait_for("approval", Duration::from_secs(86_400)).await?)
    /// }
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let database = Database::sqlite_in_memory().connect().await?;
    /// let scheduler = Scheduler::new(&database, Jobs::new());
    /// let executor = tasks_runtime::testing::executor([task(publish)]).provide(scheduler.clone()).build()?;
    /// scheduler.start(&executor)?;
    ///
    /// let job = scheduler.submit(call!(publish)).await?;
    /// scheduler.send(job.id, "approval", &true).await?;
    /// scheduler.wait(job.id, Duration::from_secs(10)).await?;
    /// assert!(scheduler.result::<bool>(job.id).await?);
    /// scheduler.shutdown().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobError::JobNotFound`]; [`JobError::WrongState`] when the job has ended; [`JobError::Invalid`] when the name cannot be one, or the payload is no JSON or longer
    /// than [`MAX_EVENT_BYTES`]; [`JobError::TooManyEvents`] when [`MAX_EVENTS`] wait for the job already; and when the database fails.
    pub async fn send(
        &self,
        id: JobId,
        event: impl Into<StepName>,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<(), JobError> {
        let (event, payload) = checked(event.into(), payload)?;
        self.refresh_clock().await?;
        let sent: Result<(), JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| self.put_event(tx, id, &event, &payload).await)
            .await;
        sent?;
        self.wake();
        self.shared.changes.notify(id);
        Ok(())
    }

    /// [`send`](Self::send) as a part of a transaction: the event is sent when that is kept. Workers see it within a second.
    ///
    /// # Errors
    ///
    /// The same as [`send`](Self::send).
    pub async fn send_within(
        &self,
        transaction: &mut Transaction,
        id: JobId,
        event: impl Into<StepName>,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<(), JobError> {
        let (event, payload) = checked(event.into(), payload)?;
        self.clock().refresh(transaction).await?;
        self.put_event(transaction, id, &event, &payload).await?;
        let scheduler = self.clone();
        transaction.on_commit(move || {
            scheduler.wake();
            scheduler.shared.changes.notify(id);
        });
        Ok(())
    }

    async fn put_event(
        &self,
        tx: &mut Transaction,
        id: JobId,
        event: &str,
        payload: &str,
    ) -> Result<(), JobError> {
        let state = store::lock_receiver(tx, id).await?;
        let status = state.ok_or(JobError::JobNotFound(id))?.status();
        if status.is_final() {
            return Err(JobError::WrongState {
                id,
                status,
                action: JobAction::SendEvent,
            });
        }
        if store::event_count(tx, id).await? >= MAX_EVENTS {
            return Err(JobError::TooManyEvents(id));
        }
        let now = self.shared.clock.now();
        store::add_event(tx, id, event, payload, now).await?;
        store::wake_by_event(tx, id, event, now).await?;
        store::notify(tx).await
    }
}

fn checked(
    event: StepName,
    payload: &(impl Serialize + ?Sized),
) -> Result<(String, String), JobError> {
    let event = event.checked().map_err(|error| match error {
        JobError::InvalidStepName { reason, .. } => JobError::option("/event", reason),
        other => other,
    })?;
    let json = serde_json::to_string(payload)
        .map_err(|error| JobError::option("", format!("cannot be written as JSON: {error}")))?;
    if json.len() > MAX_EVENT_BYTES {
        let bytes = json.len();
        let reason = format!("has {bytes} bytes of JSON, and {MAX_EVENT_BYTES} are allowed");
        return Err(JobError::option("", reason));
    }
    Ok((event, json))
}
