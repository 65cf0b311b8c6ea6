//! Steps of jobs are listed, and jobs are run again from one of them.

use super::Scheduler;
use crate::jobs::attempt_key::Fence;
use crate::jobs::error::{JobAction, JobError};
use crate::jobs::id::JobId;
use crate::jobs::new_job_row::NewJobRow;
use crate::jobs::record::JobRecord;
use crate::jobs::step_record::JobStep;
use crate::jobs::store;
use crate::jobs::table::JobRow;

/// Durable steps.
impl Scheduler {
    /// The steps of a job that are done, have failed or wait, in the order in which they began. None of a job that is not there.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn steps(&self, id: JobId) -> Result<Vec<JobStep>, JobError> {
        self.shared
            .session
            .read(async |conn| store::steps(conn, id).await)
            .await
    }

    /// Runs a job that has ended again from one of its steps, as a new job: the results of the steps that began before that one are kept, and their code does not run. The new job has the
    /// parameters, queue, priority, timeout and number of attempts of the first one, which stays as it is, and [`lineage`](Self::lineage) of each has the other. It runs with the version of the task that this process has.
    ///
    /// Events that were taken by those steps count as taken; others have to be sent again. A step that was done again counts from when it last began.
    ///
    /// The steps of the new job have other [idempotency keys](crate::TaskContext::idempotency_key). Where it is not known whether a service outside has done what a step asked for, [`retry`](Self::retry) the job,
    /// which keeps them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_runtime::jobs::{Jobs, Scheduler};
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task(register = false)]
    /// async fn report(context: TaskContext) -> anyhow::Result<String> {
    ///     let rows: Vec<u32> = context.step("query", async || anyhow::Ok(vec![1, 2])).await?;
    ///     context.step("render", async || anyhow::Ok(format!("{rows:?}"))).await
    /// }
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let database = Database::sqlite_in_memory().connect().await?;
    /// let scheduler = Scheduler::new(&database, Jobs::new());
    /// let executor = tasks_runtime::testing::executor([task(report)]).provide(scheduler.clone()).build()?;
    /// scheduler.start(&executor)?;
    ///
    /// let first = scheduler.submit(call!(report)).await?;
    /// scheduler.wait(first.id, Duration::from_secs(10)).await?;
    /// // Only `render` runs again.
    /// let second = scheduler.fork(first.id, "render").await?;
    /// scheduler.wait(second.id, Duration::from_secs(10)).await?;
    /// assert_eq!(scheduler.lineage(second.id).await?.rerun_of, Some(first.id));
    /// scheduler.shutdown().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`JobError::JobNotFound`]; [`JobError::WrongState`] when the job has not ended; [`JobError::StepNotFound`]; [`JobError::Invalid`] when it is a
    /// [spawned](Self::spawn) closure; [`JobError::Duplicate`] when its task runs once at a time with the same parameters and another job has them; and when the database fails.
    pub async fn fork(&self, id: JobId, from_step: &str) -> Result<JobRecord, JobError> {
        self.fork_for(id, from_step, None).await
    }

    /// [`fork`](Self::fork) for a caller, for example of an API key: the new job has the name as [`submitted_by`](JobRecord::submitted_by).
    ///
    /// # Errors
    ///
    /// The same as [`fork`](Self::fork).
    pub async fn fork_for(
        &self,
        id: JobId,
        from_step: &str,
        submitted_by: Option<&str>,
    ) -> Result<JobRecord, JobError> {
        self.refresh_clock().await?;
        let forked: Result<(NewJobRow, JobRow), JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                // Nobody deletes it meanwhile.
                store::lock_receiver(tx, id)
                    .await?
                    .ok_or(JobError::JobNotFound(id))?;
                let job = store::find(tx, id)
                    .await?
                    .ok_or(JobError::JobNotFound(id))?;
                if !job.state.status().is_final() {
                    return Err(JobError::WrongState {
                        id,
                        status: job.state.status(),
                        action: JobAction::Fork,
                    });
                }
                if job.task_name.is_none() {
                    let reason = "the job is a closure of a process, which cannot be run again";
                    return Err(JobError::option("", reason));
                }
                let can_be_one = !from_step.contains('\0');
                if !can_be_one || !store::has_step(tx, id, from_step).await? {
                    let step = from_step.escape_debug().take(100).collect();
                    return Err(JobError::StepNotFound { id, step });
                }
                let other_keys = self.other_unique_keys(&job);
                if let Some(other) = store::find_duplicate(tx, &job, &other_keys).await? {
                    return Err(JobError::Duplicate { id, other });
                }
                let fixed = store::fixed_columns(tx, id).await?;
                let now = self.clock().now();
                let mut row = NewJobRow::again(id, job, fixed, now);
                row.other_unique_keys = other_keys;
                row.submitted_by = submitted_by.map(str::to_owned);
                // Its first attempt looks for steps, as those do that are not the first.
                row.fence = Fence::FIRST;
                let stored = self.insert_or_find(tx, &row).await?;
                if stored.id != row.id.to_string() {
                    let other = JobId::stored(&stored.id);
                    return Err(JobError::Duplicate { id, other });
                }
                let version = row.task_name.as_deref().and_then(|task| self.version(task));
                store::copy_steps(tx, (id, from_step), (row.id, version)).await?;
                Ok((row, stored))
            })
            .await;
        let (row, stored) = forked?;
        let record = self.record(stored);
        self.submitted(&[row], &[record.id]);
        self.wake();
        Ok(record)
    }

    /// The version of a task as this process has it.
    fn version(&self, task: &str) -> Option<i32> {
        let executor = self.executor().ok()?;
        let entry = executor.registry().get(task).ok()?;
        i32::try_from(entry.policy().version).ok()
    }
}
