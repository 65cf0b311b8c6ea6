//! Takes a worker for dead: its jobs are ready again, and a crash of each is counted.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::attempt_end::LOST;
use super::crash_limits::CrashLimits;
use super::membership::{DEAD, Member};
use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::state::number::{CANCELED, FAILED, READY};
use crate::jobs::state::{JobState, sql};
use crate::jobs::store::MAX_LOG_LINES;
use crate::jobs::table::tasks_jobs;
use crate::task::FrameworkCode;
use crate::with_conn;

/// What became of a worker that was to be reaped.
#[derive(Debug)]
pub(in crate::jobs) enum Reaped {
    /// Nothing: it has shown a sign of life, or another worker was first.
    Not,
    /// Nothing yet: another transaction has locked its row.
    WorkerLocked,
    /// Its jobs were taken from it, but for those whose rows other transactions have locked. While there are any, its row is kept.
    Yes {
        /// Those that were taken from it.
        jobs: Vec<TakenJob>,
        /// The first of those that were not, by id.
        locked: Vec<String>,
    },
}

/// A job that was taken from a worker.
#[derive(Debug, QueryableByName)]
pub(in crate::jobs) struct TakenJob {
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::jobs) task_name: Option<String>,
    #[diesel(sql_type = Text)]
    pub(in crate::jobs) queue: String,
    /// Its state since then.
    #[diesel(sql_type = Integer)]
    pub(in crate::jobs) state: JobState,
}

/// How many jobs whose rows are locked are named.
const MAX_NAMED: i64 = 10;

/// Takes a worker for dead, unless it has shown a sign of life since it was seen. Its jobs are ready again; one that too many
/// processes died of has failed. `reason` is a line in the log of each of its jobs.
///
/// Waits for no lock. A job whose row is locked stays as it is, and the row of the worker with it, so that the next look tries again; the
/// worker can do nothing more either way.
pub(in crate::jobs) async fn reap(
    conn: &mut Connection,
    dead: &Member,
    reason: &str,
    limits: &CrashLimits,
    now: i64,
) -> Result<Reaped, JobError> {
    let row = "SELECT id FROM tasks_workers WHERE id = $1 AND heartbeat = $2";
    let skip_locked = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    // A worker that was paused inside of a transaction holds its row.
    if !is_there(conn, &format!("{row}{skip_locked}"), dead).await? {
        return Ok(if is_there(conn, row, dead).await? {
            Reaped::WorkerLocked
        } else {
            Reaped::Not
        });
    }
    let jobs = take_jobs(conn, dead, reason, limits, now).await?;
    let locked = left(conn, &dead.id).await?;
    let sql = if locked.is_empty() {
        "DELETE FROM tasks_workers WHERE id = $1".to_owned()
    } else {
        // It serves no tasks and no queues.
        format!(
            "UPDATE tasks_workers SET heartbeat = {DEAD}, tasks = '[]', queues = '[]' WHERE id = $1"
        )
    };
    with_conn!(conn, |conn| {
        statement(sql).bind::<Text, _>(&dead.id).execute(conn).await
    })?;
    Ok(Reaped::Yes { jobs, locked })
}

/// Whether a query for the row of a worker finds it as it was seen.
async fn is_there(conn: &mut Connection, sql: &str, member: &Member) -> Result<bool, JobError> {
    let rows: Vec<Id> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(&member.id)
            .bind::<BigInt, _>(member.heartbeat)
            .load(conn)
            .await
    })?;
    Ok(rows.iter().any(|row| row.id == member.id))
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}

/// The first of the jobs that a worker still has, by id.
async fn left(conn: &mut Connection, worker: &str) -> Result<Vec<String>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::worker.eq(worker))
            .filter(sql::<Bool>(sql::RUNNING))
            .order(tasks_jobs::id)
            .limit(MAX_NAMED)
            .select(tasks_jobs::id)
            .load(conn)
            .await
    })?)
}

/// Takes its jobs from a worker that is dead, and counts a crash for each; but for those that are locked. Gives these.
async fn take_jobs(
    conn: &mut Connection,
    dead: &Member,
    reason: &str,
    limits: &CrashLimits,
    now: i64,
) -> Result<Vec<TakenJob>, JobError> {
    // Locked once: what somebody unlocks after this is left to the next look, with its line and its crash.
    let (lock, these) = match conn.backend() {
        Backend::Sqlite => ("", "id IN (SELECT value FROM json_each($3))"),
        Backend::Postgres => (
            " FOR NO KEY UPDATE SKIP LOCKED",
            "id IN (SELECT jsonb_array_elements_text(CAST($3 AS JSONB)))",
        ),
    };
    let running = sql::RUNNING;
    let select = format!("SELECT id FROM tasks_jobs WHERE {running} AND worker = $1{lock}");
    let rows: Vec<Id> = with_conn!(conn, |conn| {
        statement(select).bind::<Text, _>(&dead.id).load(conn).await
    })?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = rows.into_iter().map(|row| row.id).collect();
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    let line = format!(
        "INSERT INTO tasks_job_logs (job_id, number, at, message) \
         SELECT id, lines.number + 1, $1, $2 FROM (\
             SELECT id, (SELECT COALESCE(MAX(number), 0) FROM tasks_job_logs WHERE job_id = tasks_jobs.id) AS number \
             FROM tasks_jobs WHERE {these}) AS lines \
         WHERE lines.number < {MAX_LOG_LINES}"
    );
    with_conn!(conn, |conn| {
        statement(line)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(reason)
            .bind::<Text, _>(&ids)
            .execute(conn)
            .await
    })?;
    let crash = FrameworkCode::Crash.as_str();
    let attempt = format!(
        "INSERT INTO tasks_job_attempts (job_id, fence, number, host, process, started_at, finished_at, error_type, error_code, error) \
         SELECT tasks_jobs.id, fence, attempt, $1, $2, started_at, $3, '{crash}', '{crash}', $4 FROM tasks_jobs WHERE {} ON CONFLICT DO NOTHING",
        // Numbers in the order of the text, as SQLite counts them.
        these.replace("$3", "$5")
    );
    let host = crate::database::computer_of(&dead.host);
    with_conn!(conn, |conn| {
        statement(attempt)
            .bind::<Text, _>(host)
            .bind::<BigInt, _>(dead.process)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(reason)
            .bind::<Text, _>(&ids)
            .execute(conn)
            .await
    })?;
    // The number of an attempt is that of those that ended by themselves, so this one is taken off again.
    let over = format!("crashes + 1 >= {}", limits.sql());
    let (lost, crash) = (FrameworkCode::Lost.as_str(), FrameworkCode::Crash.as_str());
    let sql = format!(
        "UPDATE tasks_jobs SET worker = NULL, fence = fence + 1, crashes = crashes + 1, progress = NULL, \
         attempt = CASE WHEN task_name IS NULL OR {over} THEN attempt ELSE attempt - 1 END, \
         state = CASE WHEN cancel_requested_at IS NOT NULL THEN {CANCELED} \
                      WHEN task_name IS NULL OR {over} THEN {FAILED} ELSE {READY} END, \
         finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR task_name IS NULL OR {over} THEN $1 ELSE NULL END, \
         error_type = CASE WHEN task_name IS NULL THEN '{lost}' WHEN {over} THEN '{crash}' ELSE error_type END, \
         error_code = CASE WHEN task_name IS NULL THEN '{lost}' WHEN {over} THEN '{crash}' ELSE error_code END, \
         error_details = CASE WHEN {over} THEN NULL ELSE error_details END, \
         error_traceback = CASE WHEN {over} THEN NULL ELSE error_traceback END, \
         error = CASE WHEN task_name IS NULL THEN $2 \
                      WHEN {over} THEN 'the process that ran it died ' || \
                           CASE WHEN crashes = 0 THEN 'once' ELSE CAST(crashes + 1 AS TEXT) || ' times' END ELSE error END \
         WHERE {these} RETURNING task_name, queue, state"
    );
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(LOST)
            .bind::<Text, _>(ids)
            .load(conn)
            .await
    })?)
}
