//! Gives ready jobs to a worker.

use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::table::Claimed;
use crate::with_conn;

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Kind {
    /// Jobs that no process died of.
    Sound,
    /// Jobs that ran when their process died. They run one at a time in each process, so that the one that kills it is found
    /// and the others are not blamed.
    Suspect,
}

/// Takes up to `limit` jobs of a queue, by priority and then by age; `only` is one more condition.
pub(in crate::jobs) async fn claim(
    conn: &mut Connection,
    worker: &str,
    queue: &str,
    kind: Kind,
    only: &str,
    limit: usize,
    now: i64,
) -> Result<Vec<Claimed>, JobError> {
    const RETURNING: &str = "RETURNING tasks_jobs.id, tasks_jobs.task_name, tasks_jobs.queue, tasks_jobs.attempt, \
         tasks_jobs.max_attempts, tasks_jobs.crashes, tasks_jobs.fence, tasks_jobs.timeout_ms, tasks_jobs.run_at, \
         tasks_jobs.params";
    const SET: &str = "SET state = 2, attempt = attempt + 1, fence = fence + 1, worker = $1, started_at = $2, \
         scheduled_at = CASE WHEN attempt = 0 THEN scheduled_at ELSE NULL END, progress = NULL";
    let crashes = match kind {
        Kind::Sound => "= 0",
        Kind::Suspect => "> 0",
    };
    let picked = format!(
        "SELECT id FROM tasks_jobs WHERE state = 1 AND crashes {crashes} AND queue = $3 {only} \
         ORDER BY priority DESC, run_at, id LIMIT $4"
    );
    let sql = match conn.backend() {
        Backend::Sqlite => {
            format!("UPDATE tasks_jobs {SET} WHERE id IN ({picked}) {RETURNING}")
        }
        // Materialized, so that it is looked for once; what another process has just taken is skipped.
        Backend::Postgres => format!(
            "WITH picked AS MATERIALIZED ({picked} FOR UPDATE SKIP LOCKED) \
             UPDATE tasks_jobs {SET} FROM picked WHERE tasks_jobs.id = picked.id {RETURNING}"
        ),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut claimed: Vec<Claimed> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(worker)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(queue)
            .bind::<BigInt, _>(limit)
            .load(conn)
            .await
    })?;
    claimed.sort_by(|a, b| (a.run_at, &a.id).cmp(&(b.run_at, &b.id)));
    Ok(claimed)
}

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// Whether there is a job to be taken.
pub(in crate::jobs) async fn is_any(conn: &mut Connection, now: i64) -> Result<bool, JobError> {
    let sql = "SELECT CASE WHEN EXISTS (SELECT 1 FROM tasks_jobs WHERE state = 1 AND crashes = 0) \
         OR EXISTS (SELECT 1 FROM tasks_jobs WHERE state = 1 AND crashes > 0) \
         OR EXISTS (SELECT 1 FROM tasks_jobs WHERE state = 0 AND run_at <= $1) \
         OR EXISTS (SELECT 1 FROM tasks_schedules WHERE paused = 0 AND next_run_at <= $1) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS found";
    let found: Found = with_conn!(conn, |conn| {
        statement(sql).bind::<BigInt, _>(now).get_result(conn).await
    })?;
    Ok(found.found > 0)
}

#[derive(diesel::QueryableByName)]
struct Due {
    #[diesel(sql_type = Nullable<BigInt>)]
    at: Option<i64>,
}

/// Makes jobs ready whose time has come. Gives the time of the next one.
pub(in crate::jobs) async fn promote(
    conn: &mut Connection,
    now: i64,
) -> Result<Option<i64>, JobError> {
    let due: Due = with_conn!(conn, |conn| {
        statement("SELECT MIN(run_at) AS at FROM tasks_jobs WHERE state = 0")
            .get_result(conn)
            .await
    })?;
    match due.at {
        Some(at) if at <= now => {}
        later => return Ok(later),
    }
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!(
        "UPDATE tasks_jobs SET state = 1 WHERE id IN \
         (SELECT id FROM tasks_jobs WHERE state = 0 AND run_at <= $1 ORDER BY run_at LIMIT 1000{lock})"
    );
    with_conn!(conn, |conn| {
        statement(sql).bind::<BigInt, _>(now).execute(conn).await
    })?;
    let due: Due = with_conn!(conn, |conn| {
        statement("SELECT MIN(run_at) AS at FROM tasks_jobs WHERE state = 0")
            .get_result(conn)
            .await
    })?;
    Ok(due.at)
}
