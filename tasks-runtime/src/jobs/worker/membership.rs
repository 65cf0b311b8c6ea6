//! Processes that run jobs: which of them are alive, and what becomes of the jobs of those that are not.
//!
//! A worker increments its heartbeat. Another worker that sees the same heartbeat for a whole lease, by its own monotonic clock, reaps it:
//! no clock of a wall is compared with another, so none that is set forward or back matters.

use std::fmt::Write as _;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::RunQueryDsl;

use super::attempt_end::LOST;
use crate::database::{Backend, Connection, ConnectionKind, statement};
use crate::jobs::attempt_key::{AttemptKey, readable};
use crate::jobs::clock::Clock;
#[cfg(feature = "postgres")]
use crate::jobs::clock::POSTGRES_NOW;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::number::{CANCELED, FAILED, READY};
use crate::jobs::state::sql;
use crate::jobs::store::MAX_LOG_LINES;
use crate::jobs::table::{tasks_jobs, tasks_workers};
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::task::FrameworkCode;
use crate::with_conn;

/// A worker as the others see it.
#[derive(Clone, Debug, Queryable)]
pub(in crate::jobs) struct Member {
    pub(in crate::jobs) id: String,
    pub(in crate::jobs) heartbeat: i64,
    pub(in crate::jobs) host: String,
    pub(in crate::jobs) process: i64,
    /// What time it was for it when it last wrote; 0 where the database has a clock of its own.
    pub(in crate::jobs) time: i64,
}

impl Member {
    /// Whether it was taken for dead, and its row is kept for those of its jobs that could not be taken from it yet.
    pub(in crate::jobs) fn is_dead(&self) -> bool {
        self.heartbeat < 0
    }
}

/// The heartbeat of a worker that was taken for dead while rows of its jobs were locked. It is never incremented.
const DEAD: &str = "-1";

/// What became of a worker that was to be reaped.
#[derive(Debug)]
pub(in crate::jobs) enum Reaped {
    /// Nothing: it has shown a sign of life, or another worker was first.
    Not,
    /// Nothing yet: another transaction has locked its row.
    WorkerLocked,
    /// Its jobs were taken from it, but for those whose rows other transactions have locked. While there are any, its row is kept.
    Yes {
        /// How many were taken from it.
        jobs: usize,
        /// The first of those that were not, by id.
        locked: Vec<String>,
    },
}

/// How many jobs whose rows are locked are named.
const MAX_NAMED: i64 = 10;

/// Adds the row of a worker. Its tasks and its queues are arrays of JSON.
pub(in crate::jobs) async fn register(
    conn: &mut Connection,
    id: &str,
    host: &str,
    process: i64,
    (tasks, queues): (&str, &str),
    now: i64,
) -> Result<(), JobError> {
    let row = (
        tasks_workers::id.eq(id),
        tasks_workers::heartbeat.eq(0_i64),
        tasks_workers::host.eq(host),
        tasks_workers::process.eq(process),
        tasks_workers::started_at.eq(now),
        tasks_workers::tasks.eq(tasks),
        tasks_workers::queues.eq(queues),
    );
    with_conn!(conn, |conn| {
        diesel::insert_into(tasks_workers::table)
            .values(row)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// How long a statement of a round waits for a row that another transaction has locked.
pub(in crate::jobs) const MAX_LOCK_WAIT: Duration = Duration::from_secs(1);

/// What a heartbeat found.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Heartbeat {
    /// The time of the database, if it has a clock of its own.
    pub(in crate::jobs) time: Option<i64>,
}

/// Increments the heartbeat of a worker. `None` when the worker was reaped: its jobs belong to others now.
///
/// Where the database has no clock, it also says what time it is for that worker. In the same transaction as a claim, it keeps other workers from
/// reaping this one meanwhile. From then on, each statement of the transaction waits up to [`MAX_LOCK_WAIT`] for a row that is locked.
pub(in crate::jobs) async fn heartbeat(
    conn: &mut Connection,
    id: &str,
    clock: &Clock,
) -> Result<Option<Heartbeat>, JobError> {
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            let updated = diesel::update(tasks_workers::table.find(id))
                .set((
                    tasks_workers::heartbeat.eq(tasks_workers::heartbeat + 1_i64),
                    tasks_workers::time.eq(clock.now()),
                ))
                .execute(conn)
                .await?;
            Ok((updated == 1).then_some(Heartbeat { time: None }))
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            // It has one of its own.
            let _ = clock;
            #[derive(QueryableByName)]
            struct Time {
                #[diesel(sql_type = BigInt)]
                time: i64,
            }
            // Until the end of the transaction, and without a statement of its own.
            let sql = format!(
                "UPDATE tasks_workers SET heartbeat = heartbeat + 1 WHERE id = $1 AND heartbeat > {DEAD} \
                 RETURNING {POSTGRES_NOW} AS time, set_config('lock_timeout', '{}ms', true)",
                MAX_LOCK_WAIT.as_millis()
            );
            let found: Option<Time> = statement(sql)
                .bind::<Text, _>(id)
                .get_result(conn)
                .await
                .optional()?;
            Ok(found.map(|found| Heartbeat {
                time: Some(found.time),
            }))
        }
    }
}

pub(in crate::jobs) async fn all_workers(conn: &mut Connection) -> Result<Vec<Member>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_workers::table
            .select((
                tasks_workers::id,
                tasks_workers::heartbeat,
                tasks_workers::host,
                tasks_workers::process,
                tasks_workers::time,
            ))
            .load(conn)
            .await
    })?)
}

/// How many processes may die of one job.
#[derive(Debug)]
pub(in crate::jobs) struct CrashLimits {
    pub(in crate::jobs) general: u32,
    /// Limits of tasks that set their own.
    pub(in crate::jobs) tasks: Vec<(String, u32)>,
}

impl CrashLimits {
    pub(in crate::jobs) fn new(general: u32, registry: &TaskRegistry) -> Self {
        let own =
            |task: &RegisteredTask| Some((task.name().to_owned(), task.policy().crash_limit?));
        Self {
            general,
            tasks: registry.iter().filter_map(own).collect(),
        }
    }

    /// An expression of SQL. Names of tasks are letters, digits, `_` and `-`: nothing to escape.
    fn sql(&self) -> String {
        if self.tasks.is_empty() {
            return self.general.to_string();
        }
        let mut sql = "CASE task_name".to_owned();
        for (task, limit) in &self.tasks {
            let _ = write!(sql, " WHEN '{task}' THEN {limit}");
        }
        let _ = write!(sql, " ELSE {} END", self.general);
        sql
    }
}

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
    let jobs = take_jobs(conn, &dead.id, reason, limits, now).await?;
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

/// Takes its jobs from a worker that is dead, and counts a crash for each; but for those that are locked. Gives how many there were.
async fn take_jobs(
    conn: &mut Connection,
    worker: &str,
    reason: &str,
    limits: &CrashLimits,
    now: i64,
) -> Result<usize, JobError> {
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
        statement(select).bind::<Text, _>(worker).load(conn).await
    })?;
    if rows.is_empty() {
        return Ok(0);
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
         WHERE {these}"
    );
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(LOST)
            .bind::<Text, _>(ids)
            .execute(conn)
            .await
    })?)
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
