//! Jobs are canceled, queued again, and say how far they are.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use super::insert::notify;
use super::steps::forget_missed_events;
use crate::artifacts::ArtifactId;
use crate::database::{Backend, Connection, statement};
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::number::{CANCELED, READY, RUNNING};
use crate::jobs::state::{JobState, sql};
use crate::jobs::table::tasks_jobs;
use crate::with_conn;

/// Cancels a job that waits, and asks one that runs to stop. The others stay as they are.
pub(in crate::jobs) async fn cancel(
    conn: &mut Connection,
    id: JobId,
    now: i64,
) -> Result<(), JobError> {
    let sql = format!(
        "UPDATE tasks_jobs SET cancel_requested_at = COALESCE(cancel_requested_at, $1), \
         finished_at = CASE WHEN state < {RUNNING} THEN $1 ELSE finished_at END, \
         state = CASE WHEN state < {RUNNING} THEN {CANCELED} ELSE state END WHERE id = $2 AND {open}",
        open = sql::OPEN
    );
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(id.to_string())
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// The same for these jobs. Gives how many had not ended.
pub(in crate::jobs) async fn cancel_all(
    conn: &mut Connection,
    ids: &[String],
    now: i64,
) -> Result<i64, JobError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let these = match conn.backend() {
        Backend::Sqlite => "(SELECT value FROM json_each($2))",
        Backend::Postgres => "(SELECT jsonb_array_elements_text(CAST($2 AS JSONB)))",
    };
    let sql = format!(
        "UPDATE tasks_jobs SET cancel_requested_at = COALESCE(cancel_requested_at, $1), \
         finished_at = CASE WHEN state < {RUNNING} THEN $1 ELSE finished_at END, \
         state = CASE WHEN state < {RUNNING} THEN {CANCELED} ELSE state END WHERE id IN {these} AND {open}",
        open = sql::OPEN
    );
    let ids = serde_json::to_string(ids).unwrap_or_default();
    let canceled = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(ids)
            .execute(conn)
            .await
    })?;
    Ok(i64::try_from(canceled).unwrap_or(i64::MAX))
}

/// Cancels those of these jobs that wait, and leaves those alone that run.
pub(in crate::jobs) async fn cancel_waiting(
    conn: &mut Connection,
    ids: &[JobId],
    now: i64,
) -> Result<(), JobError> {
    if ids.is_empty() {
        return Ok(());
    }
    let these = match conn.backend() {
        Backend::Sqlite => "(SELECT value FROM json_each($2))",
        Backend::Postgres => "(SELECT jsonb_array_elements_text(CAST($2 AS JSONB)))",
    };
    let sql = format!(
        "UPDATE tasks_jobs SET cancel_requested_at = COALESCE(cancel_requested_at, $1), finished_at = $1, state = {CANCELED} \
         WHERE id IN {these} AND state < {RUNNING}"
    );
    let ids = serde_json::to_string(ids).unwrap_or_default();
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(ids)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Queues a job again that failed or was canceled, with all its attempts. `false` when it is not one of those.
pub(in crate::jobs) async fn retry(
    conn: &mut Connection,
    id: JobId,
    now: i64,
) -> Result<bool, JobError> {
    let sql = format!(
        "UPDATE tasks_jobs SET state = {READY}, run_at = $1, scheduled_at = NULL, finished_at = NULL, \
         cancel_requested_at = NULL, attempt = 0, crashes = 0, artifact_id = NULL, error_type = NULL, error = NULL, \
         error_traceback = NULL, error_code = NULL, error_details = NULL, progress = NULL \
         WHERE id = $2 AND {unsuccessful} AND task_name IS NOT NULL",
        unsuccessful = sql::UNSUCCESSFUL
    );
    let updated = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(id.to_string())
            .execute(conn)
            .await
    })?;
    if updated == 1 {
        forget_missed_events(conn, id).await?;
    }
    notify(conn).await?;
    Ok(updated == 1)
}

/// How far a running job says it is, if this attempt still counts.
pub(in crate::jobs) async fn progress(
    conn: &mut Connection,
    attempt: AttemptKey,
    json: Option<&str>,
    artifact: Option<ArtifactId>,
) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::update(
            tasks_jobs::table
                .filter(tasks_jobs::id.eq(attempt.job))
                .filter(tasks_jobs::fence.eq(attempt.fence))
                .filter(tasks_jobs::state.eq(JobState::Running)),
        )
        .set((
            tasks_jobs::progress.eq(json),
            tasks_jobs::artifact_id.eq(artifact),
        ))
        .execute(conn)
        .await
    })?;
    Ok(())
}
