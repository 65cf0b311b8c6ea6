//! Jobs are forgotten, with their logs. Their attempts go with the rows.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::{JobState, sql};
use crate::jobs::table::{tasks_job_logs, tasks_jobs};
use crate::with_conn;

/// Forgets a job that does not run, and marks one that does, to be forgotten at its end. `false` when it is not there or runs.
pub(in crate::jobs) async fn delete(conn: &mut Connection, id: JobId) -> Result<bool, JobError> {
    let id = id.to_string();
    let deleted = with_conn!(conn, |conn| {
        diesel::delete(
            tasks_jobs::table
                .filter(tasks_jobs::id.eq(&id))
                .filter(tasks_jobs::state.ne(JobState::Running)),
        )
        .execute(conn)
        .await
    })?;
    if deleted == 0 {
        with_conn!(conn, |conn| {
            diesel::update(tasks_jobs::table.find(&id))
                // Its key is free at once: nobody finds a job by it that is not found by its id.
                .set((
                    tasks_jobs::deleted.eq(1),
                    tasks_jobs::idempotency_key.eq(None::<String>),
                ))
                .execute(conn)
                .await
        })?;
    } else {
        with_conn!(conn, |conn| {
            diesel::delete(tasks_job_logs::table.filter(tasks_job_logs::job_id.eq(&id)))
                .execute(conn)
                .await
        })?;
    }
    Ok(deleted == 1)
}

/// Forgets jobs that somebody deleted while they ran. Gives how many.
pub(in crate::jobs) async fn delete_marked(conn: &mut Connection) -> Result<usize, JobError> {
    let gone: Vec<String> = with_conn!(conn, |conn| {
        diesel::delete(tasks_jobs::table.filter(sql::<Bool>(sql::DELETED_AND_ENDED)))
            .returning(tasks_jobs::id)
            .get_results(conn)
            .await
    })?;
    with_conn!(conn, |conn| {
        diesel::delete(tasks_job_logs::table.filter(tasks_job_logs::job_id.eq_any(&gone)))
            .execute(conn)
            .await
    })?;
    Ok(gone.len())
}

/// Whether there are any of those.
pub(in crate::jobs) async fn any_marked(conn: &mut Connection) -> Result<bool, JobError> {
    let any: Option<String> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>(sql::DELETED_AND_ENDED))
            .select(tasks_jobs::id)
            .first(conn)
            .await
            .optional()
    })?;
    Ok(any.is_some())
}

/// Forgets those of these jobs that have ended and that no graph has any more.
pub(in crate::jobs) async fn delete_ended(
    conn: &mut Connection,
    ids: &[JobId],
) -> Result<(), JobError> {
    /// How many at once.
    const BATCH_SIZE: usize = 500;
    for ids in ids.chunks(BATCH_SIZE) {
        let deleted: Vec<String> = with_conn!(conn, |conn| {
            diesel::delete(
                tasks_jobs::table
                    .filter(tasks_jobs::id.eq_any(ids))
                    .filter(sql::<Bool>(sql::ENDED))
                    .filter(sql::<Bool>(OF_NO_GRAPH)),
            )
            .returning(tasks_jobs::id)
            .get_results(conn)
            .await
        })?;
        with_conn!(conn, |conn| {
            diesel::delete(tasks_job_logs::table.filter(tasks_job_logs::job_id.eq_any(&deleted)))
                .execute(conn)
                .await
        })?;
    }
    Ok(())
}

/// Jobs of no graph: those of one are forgotten with it.
const OF_NO_GRAPH: &str = "NOT EXISTS (SELECT 1 FROM tasks_job_graph_nodes AS node WHERE node.job_id = tasks_jobs.id) \
     AND NOT EXISTS (SELECT 1 FROM tasks_job_graph_items AS item WHERE item.job_id = tasks_jobs.id)";

/// Jobs whose result no parent waits for: one that takes it later finds it.
const OF_NO_PARENT: &str = "NOT EXISTS (SELECT 1 FROM tasks_job_steps AS step WHERE step.child_id = tasks_jobs.id AND step.result IS NULL)";

/// Forgets jobs that ended before a time, oldest first. Gives how many were found.
pub(in crate::jobs) async fn prune(
    conn: &mut Connection,
    before: i64,
    limit: i64,
) -> Result<usize, JobError> {
    let ids: Vec<String> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>(sql::ENDED))
            .filter(tasks_jobs::finished_at.lt(before))
            .filter(sql::<Bool>(OF_NO_GRAPH))
            .filter(sql::<Bool>(OF_NO_PARENT))
            .order(tasks_jobs::finished_at)
            .limit(limit)
            .select(tasks_jobs::id)
            .load(conn)
            .await
    })?;
    if ids.is_empty() {
        return Ok(0);
    }
    // The jobs first, as a deletion does it: one that is queued again in the meantime stays, with its log.
    let deleted: Vec<String> = with_conn!(conn, |conn| {
        diesel::delete(
            tasks_jobs::table
                .filter(tasks_jobs::id.eq_any(&ids))
                .filter(sql::<Bool>(sql::ENDED)),
        )
        .returning(tasks_jobs::id)
        .get_results(conn)
        .await
    })?;
    with_conn!(conn, |conn| {
        diesel::delete(tasks_job_logs::table.filter(tasks_job_logs::job_id.eq_any(&deleted)))
            .execute(conn)
            .await
    })?;
    // Those that were skipped are asked for again: what counts is whether there are more.
    Ok(ids.len())
}
