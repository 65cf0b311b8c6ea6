//! Jobs are submitted.

use crate::jobs::id::JobId;
use serde::Serialize;

use super::Scheduler;
use crate::arguments::{self, Input};
use crate::call::ExecuteError;
use crate::database::{Connection, Transaction};
use crate::execute::{Call, TaskExecutor};
use crate::jobs::checked_call::CheckedCall;
use crate::jobs::error::JobError;
use crate::jobs::flow_control::{self, BurstKind};
use crate::jobs::new_job_row::NewJobRow;
use crate::jobs::options::SubmitOptions;
use crate::jobs::record::JobRecord;
use crate::jobs::schedules::Schedule;
use crate::jobs::store;
use crate::jobs::submit::Submit;
use crate::jobs::table::JobRow;
use crate::jobs::worker::spawned;
use crate::registry::RegisteredTask;
use crate::task::IntoTaskFailure;

/// Submitting.
impl Scheduler {
    /// Submits a task by its function, with the arguments of a [`call!`](crate::call): await what this gives.
    ///
    /// The arguments are checked before anything is stored. What is awaited with `Ok` is on the disk, and will run or be
    /// canceled, whatever happens to the process.
    pub fn submit(&self, call: Call) -> Submit {
        let checked = self.executor().and_then(|executor| {
            let entry = executor.registry().entry_of(call.function, call.path)?;
            let params =
                call.arguments
                    .json()
                    .map_err(|reason| ExecuteError::InvalidArguments {
                        task: entry.name().to_owned(),
                        reason,
                    })?;
            Ok(self.checked(&executor, entry, params)?)
        });
        self.prepared(checked)
    }

    /// Submits a task by name. `params` is anything that serializes to an object of arguments; `()` and `None` mean none.
    pub fn submit_named(&self, name: &str, params: impl Serialize) -> Submit {
        let checked = self.executor().and_then(|executor| {
            let entry = executor.registry().get(name)?;
            let params =
                serde_json::to_string(&params).map_err(|error| ExecuteError::InvalidArguments {
                    task: name.to_owned(),
                    reason: crate::InvalidArguments::malformed(error),
                })?;
            Ok(self.checked(&executor, entry, params)?)
        });
        self.prepared(checked)
    }

    /// Submits a task with a request body, `{"params": {…}}`: the road that a server takes.
    pub fn submit_json(&self, name: &str, body: &[u8]) -> Submit {
        let checked = self.executor().and_then(|executor| {
            let entry = executor.registry().get(name)?;
            executor.check(entry, Input::Body(body))?;
            let text = arguments::echo(Input::Body(body), entry.declared()).text;
            let params = if text.is_empty() { "{}" } else { text };
            Ok(self.prepare(entry, params.to_owned())?)
        });
        self.prepared(checked)
    }

    /// Submits a task by its function when its time comes, again and again: say when on what this gives, and await it.
    ///
    /// The name is that of the schedule. What is scheduled under it again takes its place; a schedule that stays as it is keeps
    /// its next time, so a program may say at each start what it wants.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task]
    /// async fn report(kind: String) -> String {
    ///     format!("the {kind} report")
    /// }
    ///
    /// async fn at_start(scheduler: &Scheduler) -> anyhow::Result<()> {
    ///     scheduler
    ///         .schedule("nightly-report", call!(report, kind = "nightly"))
    ///         .cron("30 2 * * *")
    ///         .timezone("Europe/Berlin")
    ///         .await?;
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    pub fn schedule(&self, name: impl Into<String>, call: Call) -> Schedule {
        let call = self.submit(call).call;
        Schedule::new(self.clone(), name.into(), call)
    }

    /// [`schedule`](Self::schedule), for a task by name.
    pub fn schedule_named(
        &self,
        name: impl Into<String>,
        task: &str,
        params: impl Serialize,
    ) -> Schedule {
        let call = self.submit_named(task, params).call;
        Schedule::new(self.clone(), name.into(), call)
    }

    /// Checks parameters by reading them, as an execution would.
    fn checked(
        &self,
        executor: &TaskExecutor,
        entry: &RegisteredTask,
        params: String,
    ) -> Result<CheckedCall, ExecuteError> {
        executor.check(entry, Input::Params(&params))?;
        let params = if params == "null" {
            "{}".to_owned()
        } else {
            params
        };
        self.prepare(entry, params)
    }

    /// A call that was checked, as it is stored.
    pub(in crate::jobs) fn prepare(
        &self,
        entry: &RegisteredTask,
        params: String,
    ) -> Result<CheckedCall, ExecuteError> {
        let codec = self.params_codec();
        let policy = entry.policy();
        Ok(CheckedCall {
            task: entry.name().to_owned(),
            unique_key: policy.unique.then(|| codec.unique_key(entry, &params)),
            concurrency_key: flow_control::key_of(entry, &params),
            params: codec.stored(entry, params)?,
            policy,
        })
    }

    fn prepared(&self, call: Result<CheckedCall, JobError>) -> Submit {
        Submit {
            scheduler: self.clone(),
            call,
            options: SubmitOptions::default(),
        }
    }

    /// Stores several jobs at once, all of them or none: one visit to the disk.
    ///
    /// # Errors
    ///
    /// The same as submitting each of them.
    pub async fn submit_all(
        &self,
        jobs: impl IntoIterator<Item = Submit>,
    ) -> Result<Vec<JobId>, JobError> {
        self.refresh_clock().await?;
        let rows = jobs
            .into_iter()
            .map(Submit::row)
            .collect::<Result<Vec<_>, _>>()?;
        let ids: Result<Vec<JobId>, JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| self.insert_all(tx, &rows).await)
            .await;
        let ids = ids?;
        self.submitted(&rows, &ids);
        self.wake();
        Ok(ids)
    }

    /// Runs a future of this process in the background: tracked, listed and canceled like any job. It cannot survive its
    /// process: after that it has failed, and says so. For work that must not be lost, submit a task.
    ///
    /// # Errors
    ///
    /// [`JobError::NotRunning`] when this process runs no jobs.
    pub async fn spawn<T, E>(
        &self,
        description: impl Into<String>,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<JobRecord, JobError>
    where
        T: Serialize + Send + 'static,
        E: IntoTaskFailure + Send,
    {
        let worker = self
            .read(|state| state.worker.clone())
            .ok_or(JobError::NotRunning)?;
        let row = spawned::row(&worker.shared, &description.into()).await?;
        let stored: Result<JobRow, JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| {
                spawned::check_worker(tx, &row, self.clock()).await?;
                self.insert_or_find(tx, &row).await
            })
            .await;
        let record = self.record(stored?);
        self.submitted(std::slice::from_ref(&row), &[record.id]);
        spawned::start(&worker.shared, &row, future);
        Ok(record)
    }

    /// Stores a job, or finds the one that exists with its key.
    pub(in crate::jobs) async fn insert(&self, row: NewJobRow) -> Result<JobRecord, JobError> {
        let result: Result<JobRow, JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| self.insert_or_find(tx, &row).await)
            .await;
        let stored = self.record(result?);
        self.submitted(&[row], &[stored.id]);
        self.wake();
        Ok(stored)
    }

    pub(in crate::jobs) async fn insert_within(
        &self,
        transaction: &mut Transaction,
        row: NewJobRow,
    ) -> Result<JobRecord, JobError> {
        let stored = self.record(self.insert_or_find(transaction, &row).await?);
        let (scheduler, id) = (self.clone(), stored.id);
        transaction.on_commit(move || {
            scheduler.submitted(&[row], &[id]);
            scheduler.wake();
        });
        Ok(stored)
    }

    async fn insert_all(
        &self,
        conn: &mut Connection,
        rows: &[NewJobRow],
    ) -> Result<Vec<JobId>, JobError> {
        let is_plain = |row: &NewJobRow| {
            row.other_unique_keys.is_empty() && row.origin.rerun_of.is_none() && row.burst.is_none()
        };
        if rows.iter().all(is_plain) && store::insert(conn, rows.to_vec()).await? == rows.len() {
            store::add_origins(conn, rows).await?;
            return Ok(rows.iter().map(|row| row.id).collect());
        }
        // Some exist: those are what was meant.
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            let stored = match store::find(conn, row.id).await? {
                Some(stored) => {
                    store::add_origins(conn, std::slice::from_ref(row)).await?;
                    stored
                }
                None => self.insert_or_find(conn, row).await?,
            };
            ids.push(JobId::stored(&stored.id));
        }
        Ok(ids)
    }

    /// Stores a job, or finds the one that is run in its place: that of its burst, or that which has its idempotency key or its unique key.
    pub(in crate::jobs) async fn insert_or_find(
        &self,
        conn: &mut Connection,
        row: &NewJobRow,
    ) -> Result<JobRow, JobError> {
        let Some(burst) = &row.burst else {
            return self.insert_or_find_same(conn, row).await;
        };
        let job = store::join_burst(conn, row, burst).await?;
        if job != row.id {
            let is_there = match burst.kind {
                BurstKind::Throttle => true,
                BurstKind::Debounce => store::replace_job(conn, job, row).await?,
            };
            if is_there && let Some(stored) = store::find(conn, job).await? {
                return Ok(stored);
            }
            store::take_burst_over(conn, row, burst).await?;
        }
        self.insert_or_find_same(conn, row).await
    }

    /// Stores a job, or finds the one that has its idempotency key or its unique key.
    async fn insert_or_find_same(
        &self,
        conn: &mut Connection,
        row: &NewJobRow,
    ) -> Result<JobRow, JobError> {
        /// It may end between the two looks.
        const MAX_TRIES: usize = 5;
        let id = row.id;
        check_rerun(conn, row).await?;
        for _ in 0..MAX_TRIES {
            // No index of the table finds those that are unique by another key of encryption.
            if !row.other_unique_keys.is_empty()
                && let Some(existing) = self.find_same(conn, row).await?
            {
                return Ok(existing);
            }
            if store::insert(conn, vec![row.clone()]).await? == 1 {
                store::add_origins(conn, std::slice::from_ref(row)).await?;
                return store::find(conn, id)
                    .await?
                    .ok_or(JobError::JobNotFound(id));
            }
            if let Some(existing) = self.find_same(conn, row).await? {
                return Ok(existing);
            }
        }
        Err(JobError::JobNotFound(id))
    }

    /// The job that is to be given back in place of a new one, if there is one. The one that has the idempotency key goes first: a key that came
    /// before with something else is refused, whatever other job has these parameters.
    async fn find_same(
        &self,
        conn: &mut Connection,
        row: &NewJobRow,
    ) -> Result<Option<JobRow>, JobError> {
        let task = row.task_name.as_deref();
        let mut with_key = None;
        if let Some(key) = &row.idempotency_key
            && let Some(existing) = store::find_by_key(conn, task, key).await?
        {
            self.check_key(key, row, &existing)?;
            let id = JobId::stored(&existing.id);
            if let Some(earlier) = row.origin.rerun_of
                && store::rerun_of(conn, id).await? != Some(earlier)
            {
                let (key, other) = (key.to_owned(), "rerun_of");
                return Err(JobError::KeyReused { key, id, other });
            }
            if !row.again {
                return Ok(Some(existing));
            }
            with_key = Some(existing);
        }
        let mut existing = store::find_unique(conn, task, &row.other_unique_keys).await?;
        if existing.is_none()
            && let Some(key) = &row.unique_key
        {
            existing = store::find_by_unique_key(conn, task, key).await?;
        }
        // A key is given up only for a job that is stored with it.
        if existing.is_none()
            && let Some(failed) = with_key
            && !store::give_up_key(conn, &failed.id).await?
        {
            existing = Some(failed);
        }
        existing.map(JobRow::unless_stopping).transpose()
    }

    /// Refuses an idempotency key that came before with something else.
    fn check_key(&self, key: &str, row: &NewJobRow, existing: &JobRow) -> Result<(), JobError> {
        let other = if row.submitted_by != existing.submitted_by {
            Some("caller")
        } else if !self.have_same_params(row, existing)? {
            Some("parameters")
        } else {
            row.differs_from(existing)
        };
        match other {
            None => Ok(()),
            Some(other) => Err(JobError::KeyReused {
                key: key.to_owned(),
                id: JobId::stored(&existing.id),
                other,
            }),
        }
    }

    fn have_same_params(&self, row: &NewJobRow, existing: &JobRow) -> Result<bool, JobError> {
        let executor = self.executor().ok();
        let entry = executor.as_ref().and_then(|executor| {
            let name = row.task_name.as_deref()?;
            executor.registry().get(name).ok()
        });
        let codec = self.params_codec();
        codec
            .are_same(entry, &row.params, &existing.params)
            .map_err(|error| JobError::Undecryptable(error.to_string()))
    }

    /// Counts submissions, which were answered with these jobs.
    pub(in crate::jobs) fn submitted(&self, rows: &[NewJobRow], stored: &[JobId]) {
        self.count_submitted(rows, stored);
        #[cfg(feature = "metrics")]
        self.read(|state| {
            if let Some(metrics) = &state.metrics {
                rows.iter()
                    .for_each(|row| metrics.submitted(row.task_name.as_deref()));
            }
        });
    }
}

/// Refuses to run a job again that is not there, or is one of another task.
async fn check_rerun(conn: &mut Connection, row: &NewJobRow) -> Result<(), JobError> {
    let Some(earlier) = row.origin.rerun_of else {
        return Ok(());
    };
    let task = row.task_name.as_deref();
    // What was submitted before is given back, whatever has become of the job that it runs again.
    if let Some(key) = &row.idempotency_key
        && store::find_by_key(conn, task, key).await?.is_some()
    {
        return Ok(());
    }
    let found = store::find(conn, earlier).await?;
    if found.is_some_and(|found| found.task_name == row.task_name) {
        return Ok(());
    }
    Err(JobError::JobNotFound(earlier))
}
