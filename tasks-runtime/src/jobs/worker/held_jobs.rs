//! The jobs that a worker has, as the database knows them.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use crate::database::Connection;
use crate::jobs::attempt_key::{AttemptKey, readable};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::sql;
use crate::jobs::table::tasks_jobs;
use crate::with_conn;

/// The attempts of tasks that a worker has.
pub(in crate::jobs) async fn running_attempts(
    conn: &mut Connection,
    id: &str,
) -> Result<Vec<AttemptKey>, JobError> {
    let rows = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::worker.eq(id))
            .filter(sql::<Bool>(sql::RUNNING))
            .filter(tasks_jobs::task_name.is_not_null())
            .select((tasks_jobs::id, tasks_jobs::fence))
            .load(conn)
            .await
    })?;
    Ok(AttemptKey::read(rows))
}

/// The jobs of a worker that somebody asked to stop.
pub(in crate::jobs) async fn cancel_requested(
    conn: &mut Connection,
    id: &str,
) -> Result<Vec<JobId>, JobError> {
    let ids: Vec<String> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::worker.eq(id))
            .filter(sql::<Bool>(sql::RUNNING))
            .filter(tasks_jobs::cancel_requested_at.is_not_null())
            .select(tasks_jobs::id)
            .load(conn)
            .await
    })?;
    Ok(ids.iter().filter_map(|id| readable(id)).collect())
}
