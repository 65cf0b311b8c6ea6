//! What became of jobs.

use std::borrow::Cow;
use std::time::Duration;

use crate::jobs::id::JobId;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Scheduler;
use super::pending::{BEFORE_EACH, BEFORE_ONE};
use crate::artifacts::JsonText;
use crate::database::{SEARCH_LENGTH, Session, search};
use crate::jobs::attempts;
use crate::jobs::error::{JobAction, JobError};
use crate::jobs::graphs::nodes_of_job;
use crate::jobs::lineage::JobLineage;
use crate::jobs::list::{JobFilter, JobPage};
use crate::jobs::notifier::JobChanges;
use crate::jobs::record::{JobAttempt, JobLog, JobRecord, JobStats, JobStatus, WorkerRecord};
use crate::jobs::store;
use crate::jobs::stored_text::storable;
use crate::jobs::table::JobRow;
use crate::jobs::worker;
use crate::task::TaskFailure;

/// How many jobs fit a filter, and some of them.
async fn page_of(
    session: &Session,
    filter: &JobFilter,
    offset: i64,
    size: i64,
) -> Result<(u64, Vec<JobRow>), JobError> {
    session
        .read(async |conn| {
            let total = store::count(conn, filter).await?;
            let rows = store::list(conn, filter, None, offset, size).await?;
            Ok::<_, JobError>((total, rows))
        })
        .await
}

/// How long to wait before looking again whether a job has ended that another process runs.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Finding jobs, and how they ended.
impl Scheduler {
    /// A job; `None` when it is not there, or not any more.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn get(&self, id: JobId) -> Result<Option<JobRecord>, JobError> {
        let record = self.find(id).await?;
        let records = record.into_iter().collect();
        Ok(self.with_reasons(records, BEFORE_ONE).await?.pop())
    }

    /// A job, without the reason why it does not run.
    async fn find(&self, id: JobId) -> Result<Option<JobRecord>, JobError> {
        let row = self
            .shared
            .session
            .read(async |conn| store::find(conn, id).await)
            .await?;
        Ok(row.map(|row| self.record(row)))
    }

    /// A filter with all that a search needs.
    fn prepared_filter<'f>(&self, filter: &'f JobFilter) -> Result<Cow<'f, JobFilter>, JobError> {
        let Some(text) = &filter.search else {
            return Ok(Cow::Borrowed(filter));
        };
        if !SEARCH_LENGTH.contains(&text.chars().count()) {
            let (least, most) = SEARCH_LENGTH.into_inner();
            let reason = format!("expected a text of {least} to {most} characters");
            return Err(JobError::option("/search", reason));
        }
        let mut filter = filter.clone();
        filter.search = Some(storable(text));
        filter.searched_tasks = self.task_names(|task| !task.has_secrets());
        Ok(Cow::Owned(filter))
    }

    /// Up to `limit` jobs, newest first: the first ones, or those before another in the list.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn list(
        &self,
        filter: &JobFilter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<JobRecord>, JobError> {
        let filter = self.prepared_filter(filter)?;
        let session = self.shared.session.clone();
        let rows = match filter {
            Cow::Borrowed(filter) => {
                session
                    .read(async |conn| store::list(conn, filter, before, 0, i64::from(limit)).await)
                    .await?
            }
            Cow::Owned(filter) => {
                search::bounded(async move {
                    session
                        .read(async |conn| {
                            store::list(conn, &filter, before, 0, i64::from(limit)).await
                        })
                        .await
                })
                .await?
            }
        };
        let jobs = rows.into_iter().map(|row| self.list_item(row)).collect();
        self.with_reasons(jobs, BEFORE_EACH).await
    }

    /// A page of the list, which begin at 1, of `size` jobs, newest first.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn page(
        &self,
        filter: &JobFilter,
        page: u64,
        size: u64,
    ) -> Result<JobPage, JobError> {
        let filter = self.prepared_filter(filter)?;
        let (page, size) = (page.max(1), size.max(1));
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let offset = signed((page - 1).saturating_mul(size));
        let session = self.shared.session.clone();
        let (total, rows) = match filter {
            Cow::Borrowed(filter) => page_of(&session, filter, offset, signed(size)).await?,
            Cow::Owned(filter) => {
                let size = signed(size);
                search::bounded(async move { page_of(&session, &filter, offset, size).await })
                    .await?
            }
        };
        let items = rows.into_iter().map(|row| self.list_item(row)).collect();
        Ok(JobPage {
            items: self.with_reasons(items, BEFORE_EACH).await?,
            total,
            page,
            size,
            pages: total.div_ceil(size),
        })
    }

    /// How many jobs there are of each kind.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn stats(&self) -> Result<JobStats, JobError> {
        self.shared
            .session
            .read(async |conn| store::stats(conn).await)
            .await
    }

    /// The workers that run jobs of this database, in this process and in others, oldest first. One that ended without a word is among them
    /// until its lease is over.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn workers(&self) -> Result<Vec<WorkerRecord>, JobError> {
        self.shared
            .session
            .read(async |conn| store::workers(conn).await)
            .await
    }

    /// Takes a worker for dead at once, as if it had not answered for its lease: its jobs are ready again, which counts as a crash of each. If it lives, it
    /// stops them as soon as it sees that, with its next heartbeat, and goes on as a new worker. For a machine that is gone, or a process that hangs, when a long lease is
    /// not to be waited for. Jobs are taken by the next worker that looks, within seconds.
    ///
    /// # Errors
    ///
    /// [`JobError::WorkerNotFound`], and when the database fails.
    pub async fn expire_worker(&self, id: &str) -> Result<(), JobError> {
        let expired: Result<bool, JobError> = self
            .shared
            .session
            .transaction_with_retries(async |tx| worker::expire(tx, id).await)
            .await;
        if expired? {
            Ok(())
        } else {
            let shown = id.escape_debug().take(100).collect();
            Err(JobError::WorkerNotFound(shown))
        }
    }

    /// Waits until a job has ended.
    ///
    /// A job that waits for another one keeps its place meanwhile: when all places of a process are taken by jobs that wait, none of those
    /// that they wait for begins. That is warned of in the log.
    ///
    /// # Errors
    ///
    /// [`JobError::Timeout`], [`JobError::JobNotFound`], and when the database fails.
    pub async fn wait(&self, id: JobId, timeout: Duration) -> Result<JobRecord, JobError> {
        /// How long a job may find no place before that is warned of.
        const IN_VAIN: Duration = Duration::from_secs(5);
        let began = Instant::now();
        let deadline = began + timeout;
        let mut changes = self.changes(id);
        loop {
            let job = self.find(id).await?.ok_or(JobError::JobNotFound(id))?;
            if job.status.is_final() {
                return Ok(job);
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(JobError::Timeout { id, after: timeout });
            }
            if job.status == JobStatus::Pending
                && job.next_attempt_at.is_none()
                && now - began > IN_VAIN
            {
                self.with_worker(|worker| worker.warn_of_deadlock(id));
            }
            tokio::select! {
                () = changes.changed() => {}
                () = tokio::time::sleep_until((now + POLL_INTERVAL).min(deadline)) => {}
            }
        }
    }

    /// Hears of changes of a job that are made in this process.
    #[must_use]
    pub fn changes(&self, id: JobId) -> JobChanges {
        self.shared.changes.of(id)
    }

    /// Hears of changes of all jobs that are made in this process.
    #[must_use]
    pub fn all_changes(&self) -> JobChanges {
        self.shared.changes.of_all()
    }

    /// The result of a job that is completed.
    ///
    /// # Errors
    ///
    /// [`JobError::WrongState`] while it is not done, [`JobError::Unsuccessful`] when it failed or was canceled,
    /// [`JobError::UnexpectedResult`] when the result is of another type.
    pub async fn result<T: DeserializeOwned>(&self, id: JobId) -> Result<T, JobError> {
        let (job, outcome) = self.outcome(id).await?;
        match outcome {
            Ok(json) => serde_json::from_str(json.as_str())
                .map_err(|source| JobError::UnexpectedResult { id, source }),
            Err(failure) => Err(JobError::Unsuccessful {
                id,
                status: job.status,
                code: failure.code,
                message: failure.message,
            }),
        }
    }

    /// How a job ended that is completed or failed: its result as JSON, or its failure.
    ///
    /// # Errors
    ///
    /// [`JobError::WrongState`] when it is neither; [`JobError::JobNotFound`].
    pub async fn outcome(
        &self,
        id: JobId,
    ) -> Result<(JobRecord, Result<JsonText, TaskFailure>), JobError> {
        let found: Option<(JobRow, Option<String>)> = self
            .shared
            .session
            .read(async |conn| store::find_result(conn, id).await)
            .await?;
        let (row, result) = found.ok_or(JobError::JobNotFound(id))?;
        let r#type = row.error_type.clone().unwrap_or_default();
        let job = self.record(row);
        match job.status {
            JobStatus::Completed => {
                let json = JsonText::stored(result.unwrap_or_else(|| "null".to_owned()));
                let outcome = json.ok_or_else(|| {
                    TaskFailure::damaged(
                        "the result that is stored is not JSON: the record is damaged",
                    )
                });
                Ok((job, outcome))
            }
            JobStatus::Failed => {
                let details = job.error_details.as_ref();
                let failure = TaskFailure::stored(
                    r#type,
                    (
                        job.error_code.clone(),
                        job.error.clone().unwrap_or_default(),
                    ),
                    details.and_then(|details| serde_json::from_str(details.as_str()).ok()),
                    job.error_traceback.clone(),
                );
                Ok((job, Err(failure)))
            }
            status => Err(JobError::WrongState {
                id,
                status,
                action: JobAction::ReadResult,
            }),
        }
    }

    /// Attempts of a job, oldest first: the latest 100 that failed or whose process died, and what the job came to since.
    ///
    /// # Errors
    ///
    /// [`JobError::JobNotFound`], and when the database fails.
    pub async fn attempts(&self, id: JobId) -> Result<Vec<JobAttempt>, JobError> {
        let (row, stored) = self
            .shared
            .session
            .read(async |conn| {
                let row = store::find_latest_attempt(conn, id).await?;
                let row = row.ok_or(JobError::JobNotFound(id))?;
                Ok::<_, JobError>((row, store::attempts(conn, id).await?))
            })
            .await?;
        Ok(attempts::of(row, stored))
    }

    /// Which jobs a job comes from, and which come from it: those that its code submitted, and those that [run it again](crate::jobs::Submit::rerun_of).
    ///
    /// # Errors
    ///
    /// [`JobError::JobNotFound`], and when the database fails.
    pub async fn lineage(&self, id: JobId) -> Result<JobLineage, JobError> {
        self.lineage_of(id, None).await
    }

    /// [`lineage`](Self::lineage), of which only the jobs of some tasks are wanted, and only those that are still there.
    ///
    /// # Errors
    ///
    /// The same as `lineage`.
    pub async fn lineage_among(&self, id: JobId, tasks: &[String]) -> Result<JobLineage, JobError> {
        self.lineage_of(id, Some(tasks)).await
    }

    async fn lineage_of(
        &self,
        id: JobId,
        tasks: Option<&[String]>,
    ) -> Result<JobLineage, JobError> {
        self.shared
            .session
            .read(async |conn| {
                if store::find(conn, id).await?.is_none() {
                    return Err(JobError::JobNotFound(id));
                }
                let mut lineage = store::lineage(conn, id, tasks).await?;
                lineage.graphs = nodes_of_job(conn, id, tasks).await?;
                Ok(lineage)
            })
            .await
    }

    /// Lines of the log of a job, oldest first: up to `limit` of those after a number.
    ///
    /// # Errors
    ///
    /// [`JobError::JobNotFound`], and when the database fails.
    pub async fn logs(&self, id: JobId, after: u32, limit: u32) -> Result<Vec<JobLog>, JobError> {
        self.shared
            .session
            .read(async |conn| {
                if store::find(conn, id).await?.is_none() {
                    return Err(JobError::JobNotFound(id));
                }
                store::logs(conn, id, after, i64::from(limit)).await
            })
            .await
    }
}
