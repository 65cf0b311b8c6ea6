//! Jobs that the code of a job submits and waits for.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _};

use super::attempt::Attempt;
use super::read_job::state_and_fence;
use super::running_step::check_not_nested;
use super::step_journal::Begun;
use super::step_writer::{PAUSE, is_unavailable};
use super::write_limits::extra_time;
use crate::context::TaskContext;
use crate::jobs::error::{JobError, ValidationErrors};
use crate::jobs::flow_control::BurstKind;
use crate::jobs::id::JobId;
use crate::jobs::limits::{MAX_DELAY, MAX_STEP_ERROR, MAX_STEP_RESULT};
use crate::jobs::record::JobStatus;
use crate::jobs::scheduler::Scheduler;
use crate::jobs::state::JobState;
use crate::jobs::step_name::StepName;
use crate::jobs::step_record::StepKind;
use crate::jobs::store::{self, StepRow, StoredStep};
use crate::jobs::stored_text::storable;
use crate::jobs::submit::Submit;
use crate::jobs::table::JobRow;
use crate::registry::RegisteredTask;
use crate::text::cut;

/// A job that the code of another one has submitted, its parent: [`TaskContext::spawn_child`].
pub struct ChildJob<'a> {
    context: &'a TaskContext,
    scheduler: Scheduler,
    attempt: Arc<Attempt>,
    id: JobId,
    step: ChildStep,
}

/// The step that a child is.
enum ChildStep {
    /// An earlier attempt has got the result.
    Done(StoredStep),
    /// As it is stored until there is one.
    Open(StepRow),
}

impl ChildStep {
    fn name(&self) -> &str {
        match self {
            Self::Done(step) => &step.name,
            Self::Open(row) => &row.name,
        }
    }
}

impl fmt::Debug for ChildJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChildJob").field(&self.id).finish()
    }
}

impl TaskContext {
    /// Submits another job, once however often this one is tried: a later attempt finds the same child. [`ChildJob::result`] waits for it, without taking a place of a
    /// worker meanwhile.
    ///
    /// The child is a [step](Self::step) of this name from its submission to its end, and a job of its own: it has retries, limits and a timeout as its task has
    /// them, it is listed, and it goes on when its parent fails or is canceled. Its `$lineage` names its parent.
    ///
    /// Children may run side by side: submit several before the first wait. For hundreds of them let a node of a [graph](crate::jobs::GraphNode::for_each) make them,
    /// which does not begin anew with each that ends.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(retries = 3)]
    /// async fn resize(image: u64, width: u32) -> String {
    ///     format!("{image}-{width}.jpg")
    /// }
    ///
    /// #[task(retries = 3)]
    /// async fn publish(context: TaskContext, scheduler: Scheduler, image: u64) -> anyhow::Result<Vec<String>> {
    ///     let mut children = Vec::new();
    ///     for width in [320, 1280] {
    ///         let resized = scheduler.submit(call!(resize, image = image, width = width));
    ///         children.push(context.spawn_child(("resize", width), resized).await?);
    ///     }
    ///     let mut files = Vec::new();
    ///     for child in children {
    ///         files.push(child.result().await?);
    ///     }
    ///     Ok(files)
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// What the [submission](crate::jobs::Scheduler::submit) comes to; [`JobError::InvalidStepName`], [`JobError::NestedStep`] inside of a step, [`JobError::TooManySteps`],
    /// [`JobError::NotAJob`] outside of a job, [`JobError::OwnChild`] when the submission finds the job itself, whose task is `unique`, [`JobError::Superseded`] when the attempt does not count any more, and when the database fails.
    pub async fn spawn_child(
        &self,
        name: impl Into<StepName>,
        submission: Submit,
    ) -> Result<ChildJob<'_>, JobError> {
        let name = name.into();
        check_not_nested(&name)?;
        let attempt = self.job_attempt().ok_or(JobError::NotAJob)?;
        let scheduler = submission.scheduler.clone();
        let (id, step) = match attempt.begin(self, name).await? {
            Begun::Done(done) => (attempt.child_of(&done)?, ChildStep::Done(done)),
            Begun::Open(name, found) => {
                let row = attempt.step_row(&name, StepKind::Child);
                match found.and_then(|found| found.child) {
                    Some(id) => (id, open(row, id)),
                    // On the heap: a task may have many children.
                    None => Box::pin(attempt.submit_child(row, submission)).await?,
                }
            }
        };
        Ok(ChildJob {
            context: self,
            scheduler,
            attempt,
            id,
            step,
        })
    }
}

fn open(row: StepRow, id: JobId) -> ChildStep {
    ChildStep::Open(StepRow {
        child: Some(id),
        ..row
    })
}

/// Waits a moment after an error that says that the database is away: no attempt is spent for that.
async fn again_later(error: JobError) -> Result<(), JobError> {
    if !is_unavailable(&error) {
        return Err(error);
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

impl Attempt {
    /// The child that a step is which is done.
    fn child_of(&self, done: &StoredStep) -> Result<JobId, JobError> {
        done.child.ok_or_else(|| JobError::UnexpectedStepResult {
            id: self.key.job,
            step: done.name.clone(),
            source: serde_json::Error::custom("the step is no child, but code or a wait"),
        })
    }

    /// Stores the child, and that it is one.
    async fn submit_child(
        &self,
        row: StepRow,
        submission: Submit,
    ) -> Result<(JobId, ChildStep), JobError> {
        let (steps, job) = (self.step_store(), self.key.job);
        let _active = self.steps().activate();
        let scheduler = submission.scheduler.clone();
        while let Err(error) = scheduler.refresh_clock().await {
            again_later(error).await?;
        }
        let mut child = submission.row()?;
        // Also where the code runs outside of the job's own future.
        child.origin.parent = Some(job);
        if (child.burst.as_ref()).is_some_and(|burst| burst.kind == BurstKind::Debounce) {
            let mut wrong = ValidationErrors::default();
            let words = "would let others change what the parent waits for: leave it out";
            wrong.push("/debounce", words);
            return Err(wrong.into_error());
        }
        let stored = loop {
            let stored: Result<(JobId, StepRow), JobError> = steps
                .session
                .transaction_with_retries(async |tx| {
                    // The answer to an earlier commit may have been lost.
                    let id = match store::find(tx, child.id).await? {
                        Some(_) => child.id,
                        None => scheduler.insert_within(tx, child.clone()).await?.id,
                    };
                    if id == job {
                        let step = row.name.clone();
                        return Err(JobError::OwnChild { id, step });
                    }
                    let step = StepRow {
                        child: Some(id),
                        ..row.clone()
                    };
                    match store::put_steps(tx, std::slice::from_ref(&step))
                        .await?
                        .as_slice()
                    {
                        [true] => Ok((id, step)),
                        _ => Err(JobError::Superseded(job)),
                    }
                })
                .await;
            match stored {
                Err(error) if is_unavailable(&error) => again_later(error).await?,
                stored => break stored,
            }
        };
        match stored {
            Ok((id, step)) => {
                steps.changes.notify(job);
                Ok((id, ChildStep::Open(step)))
            }
            // Or an earlier attempt of the job has submitted it, and was late.
            Err(JobError::Superseded(_)) => self.found_child(row).await,
            Err(error) => Err(error),
        }
    }

    /// The child that is stored under the name of a step, for an attempt that counts.
    async fn found_child(&self, row: StepRow) -> Result<(JobId, ChildStep), JobError> {
        let job = self.key.job;
        let session = &self.step_store().session;
        let read = loop {
            let read: Result<_, JobError> = session
                .read(async |conn| {
                    let now = state_and_fence(conn, job).await?;
                    Ok((now, store::stored_step(conn, job, &row.name).await?))
                })
                .await;
            match read {
                Err(error) => again_later(error).await?,
                Ok(read) => break read,
            }
        };
        match read {
            (Some((JobState::Running, fence)), Some(step)) if fence == self.key.fence => {
                let id = self.child_of(&step)?;
                if step.result.is_some() {
                    return Ok((id, ChildStep::Done(step)));
                }
                Ok((id, open(row, id)))
            }
            _ => Err(JobError::Superseded(job)),
        }
    }

    /// What a child is like, with its result if it has completed and that is not too long.
    async fn read_child(
        &self,
        id: JobId,
        step: &str,
    ) -> Result<(JobRow, Option<String>), JobError> {
        let session = &self.step_store().session;
        let time = extra_time(MAX_STEP_RESULT);
        let job = self.key.job;
        loop {
            let read: Result<Option<_>, JobError> = session
                .read_large(time, async |conn| {
                    let bytes = store::result_size(conn, id).await?.unwrap_or_default();
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    if bytes > MAX_STEP_RESULT {
                        return Err(JobError::StepResultTooLarge {
                            id: job,
                            step: step.to_owned(),
                            bytes,
                        });
                    }
                    store::find_result(conn, id).await
                })
                .await;
            match read {
                Err(error) => again_later(error).await?,
                Ok(read) => return read.ok_or(JobError::JobNotFound(id)),
            }
        }
    }
}

impl ChildJob<'_> {
    /// Id of the job.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Waits until the job has completed, and gives its result. Until then the parent is pending and takes no place of a worker; its `pending_code` is `waiting-for-child`. When the
    /// child has ended, which is noticed within about a second, the code of the parent begins from its start, and its steps return what they came to before.
    ///
    /// The result is stored with the parent: it is there when the child is deleted.
    ///
    /// # Errors
    ///
    /// [`JobError::Unsuccessful`] when the child failed or was canceled: the next attempt looks at it again, and waits if it was [retried](crate::jobs::Scheduler::retry) meanwhile.
    /// [`JobError::ChildNotFound`] when it was deleted, [`JobError::NestedStep`] inside of a step, [`JobError::UnexpectedStepResult`] when the result is not of this type,
    /// [`JobError::StepResultTooLarge`] when it is longer than [`MAX_STEP_RESULT`](crate::jobs::MAX_STEP_RESULT); and the errors of [`TaskContext::sleep`].
    pub async fn result<T: DeserializeOwned>(self) -> Result<T, JobError> {
        let (attempt, job) = (&self.attempt, self.attempt.key.job);
        check_not_nested(&StepName::from(self.step.name()))?;
        let row = match self.step {
            ChildStep::Done(done) => return done.value(job),
            ChildStep::Open(row) => row,
        };
        let (steps, journal) = (attempt.step_store(), attempt.steps());
        let active = journal.activate();
        let (error, result) = match attempt.read_child(self.id, &row.name).await {
            Ok((child, result)) => match child.state.status() {
                JobStatus::Completed => (None, Some(result.unwrap_or_else(|| "null".to_owned()))),
                status if status.is_final() => {
                    (Some(unsuccessful(&self.scheduler, self.id, &child)), None)
                }
                _ => (None, None),
            },
            Err(JobError::JobNotFound(id)) => {
                let step = row.name.clone();
                (Some(JobError::ChildNotFound { id, step }), None)
            }
            Err(error @ JobError::StepResultTooLarge { .. }) => (Some(error), None),
            Err(error) => return Err(error),
        };
        let (error, result) = match result {
            Some(result) if !journal.has_room(result.len()) => {
                (Some(JobError::TooManySteps(job)), None)
            }
            result => (error, result),
        };
        let finished_at = Some(steps.clock.now().max(row.started_at));
        if let Some(error) = error {
            let mut message = storable(&error.to_string());
            cut(&mut message, MAX_STEP_ERROR);
            let failed = StepRow {
                finished_at,
                error: Some(message),
                ..row
            };
            steps.put(failed).await?;
            return Err(error);
        }
        if let Some(result) = result {
            let done = StepRow {
                finished_at,
                result: Some(result),
                ..row
            };
            let bytes = done.result_bytes();
            let stored = StoredStep {
                name: done.name.clone(),
                started_at: done.started_at,
                finished_at: done.finished_at,
                waits_until: None,
                child: done.child,
                result: done.result.clone(),
                error: None,
                task_version: done.task_version,
            };
            steps.put(done).await?;
            journal.count_bytes(bytes);
            return stored.value(job);
        }
        let until = steps.clock.after(MAX_DELAY);
        let waits = StepRow {
            waits_until: Some(until),
            ..row
        };
        steps.put(waits).await?;
        // From now on the ends of jobs of this process are heard.
        self.scheduler.look_at_ends();
        drop(active);
        Err(attempt.suspend(self.context, until, None).await)
    }
}

fn unsuccessful(scheduler: &Scheduler, id: JobId, child: &JobRow) -> JobError {
    let task = child.task_name.as_deref().unwrap_or_default();
    // The parent's own log and record do not keep the secrets of others.
    let message = if scheduler.with_task(task, RegisteredTask::has_secrets) {
        "its error is not shown here, since its task has secret parameters".to_owned()
    } else {
        child.error.clone().unwrap_or_default()
    };
    JobError::Unsuccessful {
        id,
        status: child.state.status(),
        code: child.error_code.clone(),
        message,
    }
}
