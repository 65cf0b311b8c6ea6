//! Events are sent to jobs.

use serde::Serialize;

use super::Scheduler;
use crate::database::Transaction;
use crate::jobs::error::{JobAction, JobError};
use crate::jobs::id::JobId;
use crate::jobs::limits::{MAX_EVENT_BYTES, MAX_EVENTS};
use crate::jobs::step_name::StepName;
use crate::jobs::step_record::{JobStep, StepStatus};
use crate::jobs::store;
use crate::task::EventType;

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
    /// [`JobError::JobNotFound`]; [`JobError::WrongState`] when the job has ended; [`JobError::Invalid`] when the name cannot be one, the payload is no JSON or longer
    /// than [`MAX_EVENT_BYTES`], or the task says that it waits for other events or another type, in `#[task(events(…))]`; [`JobError::TooManyEvents`] when [`MAX_EVENTS`] wait for the job already; and when the database fails.
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

    /// Sends the event that a step of a job waits for, unless the step waits no more, or such an event is there already: then nothing is sent, and the answer
    /// is false. For answers of persons, which may come twice. `step` is a name as [`steps`](Self::steps) gives it.
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
    /// while scheduler.unanswered_steps(job.id).await?.is_empty() {
    ///     tokio::time::sleep(Duration::from_millis(10)).await;
    /// }
    /// assert!(scheduler.answer(job.id, "approval", &true).await?);
    /// assert!(scheduler.unanswered_steps(job.id).await?.is_empty());
    /// scheduler.wait(job.id, Duration::from_secs(10)).await?;
    /// assert!(!scheduler.answer(job.id, "approval", &true).await?);
    /// scheduler.shutdown().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobError::JobNotFound`]; [`JobError::Invalid`] when the payload is not what the task says that it waits for, or is longer than
    /// [`MAX_EVENT_BYTES`]; and when the database fails.
    pub async fn answer(
        &self,
        id: JobId,
        step: &str,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<bool, JobError> {
        // Of what name it is, is known below.
        let (_, payload) = checked("answer".into(), payload)?;
        self.refresh_clock().await?;
        let sent: Result<bool, JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                let receiver = store::lock_receiver(tx, id).await?;
                let (state, _) = receiver.ok_or(JobError::JobNotFound(id))?;
                if state.status().is_final() {
                    return Ok(false);
                }
                let steps = store::steps(tx, id).await?;
                let waiting = steps
                    .into_iter()
                    .find(|known| known.name == step && known.status == StepStatus::Waiting);
                let Some(event) = waiting.and_then(|step| step.event) else {
                    return Ok(false);
                };
                if store::has_event(tx, id, &event).await? {
                    return Ok(false);
                }
                self.put_event(tx, id, &event, &payload).await?;
                Ok(true)
            })
            .await;
        let sent = sent?;
        if sent {
            self.wake();
            self.shared.changes.notify(id);
        }
        Ok(sent)
    }

    /// The steps of a job that wait for an event which nobody has sent yet, which [`answer`](Self::answer) can do; there is the example. None of a job that is not there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn unanswered_steps(&self, id: JobId) -> Result<Vec<JobStep>, JobError> {
        self.shared
            .session
            .read(async |conn| {
                // Events first: one that is taken meanwhile has ended its step.
                let sent = store::event_names(conn, id).await?;
                let mut steps = store::steps(conn, id).await?;
                steps.retain(|step| {
                    let event = step.event.as_ref();
                    step.status == StepStatus::Waiting
                        && event.is_some_and(|event| !sent.contains(event))
                });
                Ok(steps)
            })
            .await
    }

    async fn put_event(
        &self,
        tx: &mut Transaction,
        id: JobId,
        event: &str,
        payload: &str,
    ) -> Result<(), JobError> {
        let receiver = store::lock_receiver(tx, id).await?;
        let (state, task) = receiver.ok_or(JobError::JobNotFound(id))?;
        let status = state.status();
        if status.is_final() {
            return Err(JobError::WrongState {
                id,
                status,
                action: JobAction::SendEvent,
            });
        }
        if let Some(task) = task
            && let Some(declared) = self.declared_events(&task)
        {
            // What a job of another version waits for is not known here.
            let version = store::version_of_steps(tx, id).await?;
            if version.is_none_or(|version| version.unsigned_abs() == declared.version) {
                declared.check(&task, event, payload)?;
            }
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

/// The events that a task says it waits for, and its version.
struct Declared {
    events: &'static [EventType],
    version: u32,
}

impl Scheduler {
    /// What a task says, if this process has it and it does.
    fn declared_events(&self, task: &str) -> Option<Declared> {
        let executor = self.read(|state| state.executor.clone())?;
        let entry = executor.registry().get(task).ok()?;
        let declared = Declared {
            events: entry.events(),
            version: entry.policy().version,
        };
        (!declared.events.is_empty()).then_some(declared)
    }
}

impl Declared {
    /// Refuses an event that the task does not wait for.
    fn check(&self, task: &str, event: &str, payload: &str) -> Result<(), JobError> {
        let Some(declared) = self.events.iter().find(|one| one.is_named(event)) else {
            let names = self.events.iter().map(|one| format!("`{}`", one.name));
            let names = names.collect::<Vec<String>>().join(", ");
            let reason = format!("task `{task}` waits for no such event; it waits for {names}");
            return Err(JobError::option("/event", reason));
        };
        (declared.check)(payload).map_err(|error| {
            let reason = format!("is not what task `{task}` waits for as `{event}`: {error}");
            JobError::option("", reason)
        })
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
