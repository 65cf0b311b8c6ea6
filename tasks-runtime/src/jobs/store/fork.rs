//! Jobs that are run again from one of their steps.

use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::new_job_row::FixedColumns;
use crate::jobs::table::tasks_job_steps;
use crate::with_conn;

/// Whether a job has a step of this name that is done, has failed or waits.
pub(in crate::jobs) async fn has_step(
    conn: &mut Connection,
    job: JobId,
    name: &str,
) -> Result<bool, JobError> {
    let query = tasks_job_steps::table
        .find((job, name))
        .select(tasks_job_steps::kind);
    let kind: Option<i32> = with_conn!(conn, |conn| query.first(conn).await.optional())?;
    Ok(kind.is_some())
}

/// What a job that does the same work takes over and its row does not have.
pub(in crate::jobs) async fn fixed_columns(
    conn: &mut Connection,
    job: JobId,
) -> Result<FixedColumns, JobError> {
    use crate::jobs::table::tasks_new_jobs::dsl;
    let query =
        dsl::tasks_new_jobs
            .find(job)
            .select((dsl::unique_key, dsl::by_name, dsl::concurrency_key));
    Ok(with_conn!(conn, |conn| query.first(conn).await)?)
}

/// Gives a job the steps of another one that are over and that began before one of them. They are of no attempt of that job, so their number is 0, and of
/// this version of the task, if it is known.
pub(in crate::jobs) async fn copy_steps(
    conn: &mut Connection,
    (from, until): (JobId, &str),
    (to, task_version): (JobId, Option<i32>),
) -> Result<(), JobError> {
    const COLUMNS: &str =
        "name, kind, started_at, finished_at, waits_until, event, child_id, result, error";
    let sql = format!(
        "INSERT INTO tasks_job_steps (job_id, attempt, task_version, {COLUMNS}) \
         SELECT $1, 0, COALESCE($4, task_version), {COLUMNS} FROM tasks_job_steps WHERE job_id = $2 AND name <> $3 AND result IS NOT NULL \
         AND started_at <= (SELECT started_at FROM tasks_job_steps step WHERE step.job_id = $2 AND step.name = $3)"
    );
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(to)
            .bind::<Text, _>(from)
            .bind::<Text, _>(until)
            .bind::<Nullable<Integer>, _>(task_version)
            .execute(conn)
            .await
    })?;
    Ok(())
}
