//! Reads what a worker has to know of one job.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use crate::database::Connection;
use crate::jobs::attempt_key::{AttemptKey, Fence};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::JobState;
use crate::jobs::table::tasks_jobs;
use crate::with_conn;

/// How long the parameters of a job are, in bytes, if the attempt counts.
pub(in crate::jobs) async fn params_size(
    conn: &mut Connection,
    key: AttemptKey,
) -> Result<Option<i64>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(key.job)
            .filter(tasks_jobs::fence.eq(key.fence))
            .filter(tasks_jobs::state.eq(JobState::Running))
            .select(sql::<BigInt>("CAST(octet_length(params) AS BIGINT)"))
            .first(conn)
            .await
            .optional()
    })?)
}

/// The parameters of a job, if the attempt counts.
pub(in crate::jobs) async fn params(
    conn: &mut Connection,
    key: AttemptKey,
) -> Result<Option<String>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(key.job)
            .filter(tasks_jobs::fence.eq(key.fence))
            .filter(tasks_jobs::state.eq(JobState::Running))
            .select(tasks_jobs::params)
            .first(conn)
            .await
            .optional()
    })?)
}

/// A job that somebody asks for.
#[derive(Queryable)]
pub(in crate::jobs) struct RequestedJob {
    pub(in crate::jobs) state: JobState,
    pub(in crate::jobs) queue: String,
    pub(in crate::jobs) task_name: Option<String>,
    pub(in crate::jobs) crashes: i32,
}

pub(in crate::jobs) async fn requested_job(
    conn: &mut Connection,
    job: JobId,
) -> Result<Option<RequestedJob>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(job)
            .select((
                tasks_jobs::state,
                tasks_jobs::queue,
                tasks_jobs::task_name,
                tasks_jobs::crashes,
            ))
            .first(conn)
            .await
            .optional()
    })?)
}

/// The state of a job, and its fence.
pub(in crate::jobs) async fn state_and_fence(
    conn: &mut Connection,
    id: JobId,
) -> Result<Option<(JobState, Fence)>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(id)
            .select((tasks_jobs::state, tasks_jobs::fence))
            .first(conn)
            .await
            .optional()
    })?)
}
