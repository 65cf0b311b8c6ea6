//! A job that was given to a worker.

use diesel::QueryableByName;

use crate::jobs::attempt_key::{AttemptKey, Fence, readable};
use crate::jobs::table::tasks_jobs;

/// A job that was given to this worker, for one attempt.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct ClaimedJob {
    pub(in crate::jobs) key: AttemptKey,
    pub(in crate::jobs) task_name: String,
    pub(in crate::jobs) queue: String,
    /// The number of the attempt, from 1.
    pub(in crate::jobs) attempt: u32,
    pub(in crate::jobs) max_attempts: u32,
    pub(in crate::jobs) crashes: i32,
    pub(in crate::jobs) timeout_ms: Option<i64>,
    /// When it was due, in microseconds since 1970.
    pub(in crate::jobs) run_at: i64,
    /// `None` when they are too long to be read with the claim.
    pub(in crate::jobs) params: Option<String>,
    pub(in crate::jobs) submitted_by: Option<String>,
}

/// A row that a claim returns: its columns by name.
#[derive(QueryableByName)]
#[diesel(table_name = tasks_jobs)]
pub(super) struct ClaimedRow {
    id: String,
    task_name: Option<String>,
    queue: String,
    attempt: i32,
    max_attempts: i32,
    crashes: i32,
    fence: Fence,
    timeout_ms: Option<i64>,
    run_at: i64,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>, column_name = params)]
    params: Option<String>,
    submitted_by: Option<String>,
}

impl ClaimedRow {
    /// The columns, for `RETURNING`. The sixth value of the statement is how long the parameters may be, in bytes.
    pub(super) const COLUMNS: &str = "tasks_jobs.id, tasks_jobs.task_name, tasks_jobs.queue, tasks_jobs.attempt, \
         tasks_jobs.max_attempts, tasks_jobs.crashes, tasks_jobs.fence, tasks_jobs.timeout_ms, tasks_jobs.run_at, \
         CASE WHEN octet_length(tasks_jobs.params) <= $6 THEN tasks_jobs.params END AS params, tasks_jobs.submitted_by";

    /// The job, if its id can be read.
    pub(super) fn read(self) -> Option<ClaimedJob> {
        Some(ClaimedJob {
            key: AttemptKey {
                job: readable(&self.id)?,
                fence: self.fence,
            },
            // Closures are never ready, so they are not claimed.
            task_name: self.task_name.unwrap_or_default(),
            queue: self.queue,
            attempt: self.attempt.unsigned_abs(),
            max_attempts: self.max_attempts.unsigned_abs(),
            crashes: self.crashes,
            timeout_ms: self.timeout_ms,
            run_at: self.run_at,
            params: self.params,
            submitted_by: self.submitted_by,
        })
    }
}
