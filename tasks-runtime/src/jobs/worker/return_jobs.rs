//! Returns running jobs to their queues: those of a worker that ends, and those whose worker has no row.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use super::attempt_end::LOST;
use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::state::number::{CANCELED, FAILED, READY};
use crate::jobs::state::sql;
use crate::jobs::table::tasks_workers;
use crate::task::FrameworkCode;
use crate::with_conn;

/// A condition for those of the running jobs that no other transaction has locked, and which are locked from now on: nobody waits for a row.
fn running_unlocked(backend: Backend, which: &str) -> String {
    let running = sql::RUNNING;
    match backend {
        Backend::Sqlite => format!("{running} AND {which}"),
        Backend::Postgres => format!(
            "id IN (SELECT id FROM tasks_jobs WHERE {running} AND {which} FOR NO KEY UPDATE SKIP LOCKED)"
        ),
    }
}

/// Running jobs are ready again, but for those that somebody asked to stop, and closures. Those that are locked are left as they are.
fn return_running(backend: Backend, which: &str) -> String {
    format!(
        "UPDATE tasks_jobs SET worker = NULL, fence = fence + 1, progress = NULL, run_at = $1, \
         started_at = CASE WHEN task_name IS NOT NULL AND attempt = 1 THEN NULL ELSE started_at END, \
         attempt = CASE WHEN task_name IS NULL THEN attempt ELSE attempt - 1 END, \
         state = CASE WHEN cancel_requested_at IS NOT NULL THEN {CANCELED} WHEN task_name IS NULL THEN {FAILED} ELSE {READY} END, \
         finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR task_name IS NULL THEN $1 ELSE NULL END, \
         error_type = CASE WHEN task_name IS NULL THEN '{lost}' ELSE error_type END, \
         error_code = CASE WHEN task_name IS NULL THEN '{lost}' ELSE error_code END, \
         error = CASE WHEN task_name IS NULL THEN $2 ELSE error END \
         WHERE {which}",
        lost = FrameworkCode::Lost.as_str(),
        which = running_unlocked(backend, which)
    )
}

/// A worker that ends by itself. What it still has goes back, with no attempt spent; what is locked is an orphan for others.
pub(in crate::jobs) async fn unregister(
    conn: &mut Connection,
    id: &str,
    now: i64,
) -> Result<(), JobError> {
    let sql = return_running(conn.backend(), "worker = $3");
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(LOST)
            .bind::<Text, _>(id)
            .execute(conn)
            .await?;
        diesel::delete(tasks_workers::table.find(id))
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Requeues jobs whose worker has no row, which no one would reap, but for those that are locked. Returns how many there were.
pub(in crate::jobs) async fn return_orphans(
    conn: &mut Connection,
    now: i64,
) -> Result<usize, JobError> {
    let orphan = "NOT EXISTS (SELECT 1 FROM tasks_workers w WHERE w.id = tasks_jobs.worker)";
    let sql = return_running(conn.backend(), orphan);
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(LOST)
            .execute(conn)
            .await
    })?)
}
