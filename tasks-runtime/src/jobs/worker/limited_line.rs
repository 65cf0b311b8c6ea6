//! Jobs get into the line of tasks with limits over all processes, and out of it, where programs of different versions share a database.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::due::NAME;
use crate::database::{Backend, Connection, ConnectionKind, statement};
use crate::jobs::error::JobError;
use crate::jobs::flow_control;
use crate::jobs::id::JobId;
use crate::jobs::state::{ClaimLine, sql};
use crate::jobs::table::{tasks_new_jobs, tasks_workers};
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::with_conn;

/// How many jobs are moved at once.
const BATCH_SIZE: i64 = 1000;
/// Longer parameters are read by themselves, in bytes.
const MAX_PARAMS: i64 = 16 * 1024;

#[derive(QueryableByName)]
struct MovedRow {
    #[diesel(sql_type = Text)]
    id: JobId,
    /// `None` when they are too long.
    #[diesel(sql_type = Nullable<Text>)]
    params: Option<String>,
}

/// Moves ready jobs that are claimed by the name of their task, or some of them. Gives how many.
pub(in crate::jobs) async fn move_ready(
    conn: &mut Connection,
    task: &RegisteredTask,
    queue: &str,
) -> Result<usize, JobError> {
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!(
        "SELECT id, CASE WHEN octet_length(params) <= {MAX_PARAMS} THEN params END AS params FROM tasks_jobs \
         WHERE {by_name} AND queue = $1 AND task_name = $2 ORDER BY priority DESC, run_at, id LIMIT {BATCH_SIZE}{lock}",
        by_name = sql::READY_BY_NAME
    );
    let rows: Vec<MovedRow> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(queue)
            .bind::<Text, _>(task.name())
            .load(conn)
            .await
    })?;
    move_rows(conn, task, rows).await
}

/// Has jobs that run count for the limits of their tasks. Those that begin later in a process that does not know the limits do not count.
pub(in crate::jobs) async fn move_running(
    conn: &mut Connection,
    registry: &TaskRegistry,
) -> Result<(), JobError> {
    let limited = registry
        .iter()
        .filter(|task| flow_control::TaskLimits::of(&task.policy()).is_some());
    for task in limited {
        let sql = format!(
            "SELECT id, CASE WHEN octet_length(params) <= {MAX_PARAMS} THEN params END AS params FROM tasks_jobs \
             WHERE {running} AND by_name <> {limited} AND {NAME} = $1 LIMIT {BATCH_SIZE}",
            running = sql::RUNNING,
            limited = ClaimLine::Limited.number()
        );
        let rows: Vec<MovedRow> = with_conn!(conn, |conn| {
            statement(sql).bind::<Text, _>(task.name()).load(conn).await
        })?;
        move_rows(conn, task, rows).await?;
    }
    Ok(())
}

/// Moves these jobs: all whose parameters are at hand, and one of those whose are not.
async fn move_rows(
    conn: &mut Connection,
    task: &RegisteredTask,
    rows: Vec<MovedRow>,
) -> Result<usize, JobError> {
    let (small, large): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.params.is_some());
    let key_of = |params: &str| flow_control::key_of(task, params).unwrap_or_default();
    let mut moved: Vec<(JobId, String)> = small
        .into_iter()
        .map(|row| (row.id, key_of(row.params.as_deref().unwrap_or_default())))
        .collect();
    if let Some(row) = large.into_iter().next() {
        let query = tasks_new_jobs::table
            .find(row.id)
            .select(tasks_new_jobs::params);
        let params: Option<String> = with_conn!(conn, |conn| query.first(conn).await.optional())?;
        moved.extend(params.map(|params| (row.id, key_of(&params))));
    }
    set_keys(conn, &moved).await?;
    Ok(moved.len())
}

/// Has jobs be in this line, with these keys.
async fn set_keys(conn: &mut Connection, jobs: &[(JobId, String)]) -> Result<(), JobError> {
    let limited = ClaimLine::Limited.number();
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            let sql = format!(
                "UPDATE tasks_jobs SET by_name = {limited}, concurrency_key = $2 WHERE id = $1"
            );
            let jobs = jobs.to_vec();
            conn.spawn_blocking(move |conn| {
                for (job, key) in &jobs {
                    let query = statement(&sql).bind::<Text, _>(job).bind::<Text, _>(key);
                    diesel::RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(())
            })
            .await?;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            use diesel::sql_types::Array;

            let sql = format!(
                "UPDATE tasks_jobs SET by_name = {limited}, concurrency_key = moved.key \
                 FROM unnest($1::text[], $2::text[]) AS moved (id, key) WHERE tasks_jobs.id = moved.id"
            );
            let ids: Vec<JobId> = jobs.iter().map(|(job, _)| *job).collect();
            let keys: Vec<&str> = jobs.iter().map(|(_, key)| key.as_str()).collect();
            statement(sql)
                .bind::<Array<Text>, _>(ids)
                .bind::<Array<Text>, _>(keys)
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

/// The key of a job, which is in this line from now on, if it was not.
pub(in crate::jobs) async fn key(
    conn: &mut Connection,
    task: &RegisteredTask,
    job: JobId,
) -> Result<String, JobError> {
    let query = tasks_new_jobs::table
        .find(job)
        .select((tasks_new_jobs::by_name, tasks_new_jobs::concurrency_key));
    let found: Option<(i32, Option<String>)> =
        with_conn!(conn, |conn| query.first(conn).await.optional())?;
    if let Some((line, Some(key))) = found
        && line == ClaimLine::Limited.number()
    {
        return Ok(key);
    }
    let query = tasks_new_jobs::table
        .find(job)
        .select(tasks_new_jobs::params);
    let params: Option<String> = with_conn!(conn, |conn| query.first(conn).await.optional())?;
    let key = flow_control::key_of(task, params.as_deref().unwrap_or_default()).unwrap_or_default();
    set_keys(conn, &[(job, key.clone())]).await?;
    Ok(key)
}

/// Has ready jobs of a task without limits be claimed in another line, unless some worker limits it: then they are left to that one.
pub(in crate::jobs) async fn move_out(
    conn: &mut Connection,
    (queue, task): (&str, &str),
    line: ClaimLine,
) -> Result<usize, JobError> {
    let limits: Vec<String> = with_conn!(conn, |conn| {
        tasks_workers::table
            .filter(tasks_workers::heartbeat.ge(0_i64))
            .select(tasks_workers::limited_tasks)
            .load(conn)
            .await
    })?;
    let is_of = |names: &String| {
        let names: Vec<String> = serde_json::from_str(names).unwrap_or_default();
        names.iter().any(|name| name == task)
    };
    if limits.iter().any(is_of) {
        return Ok(0);
    }
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let mut moved = 0;
    for which in [sql::READY_LIMITED, sql::QUARANTINED_LIMITED] {
        let sql = format!(
            "UPDATE tasks_jobs SET by_name = {line}, concurrency_key = NULL WHERE id IN \
             (SELECT id FROM tasks_jobs WHERE {which} AND queue = $1 AND task_name = $2 LIMIT $3{lock})",
            line = line.number()
        );
        moved += with_conn!(conn, |conn| {
            statement(sql)
                .bind::<Text, _>(queue)
                .bind::<Text, _>(task)
                .bind::<BigInt, _>(5 * BATCH_SIZE)
                .execute(conn)
                .await
        })?;
    }
    Ok(moved)
}
