//! Processes that run jobs: which of them are alive, and what becomes of the jobs of those that are not.
//!
//! A worker increments its heartbeat. Another worker that sees the same heartbeat for a whole lease, by its own monotonic clock, reaps it:
//! no clock of a wall is compared with another, so none that is set forward or back matters.

use std::fmt::Write as _;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::RunQueryDsl;

use super::attempt_end::LOST;
#[cfg(feature = "postgres")]
use crate::database::Backend;
use crate::database::{Connection, ConnectionKind, statement};
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

/// What a heartbeat found.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Heartbeat {
    /// The time of the database, if it has a clock of its own.
    pub(in crate::jobs) time: Option<i64>,
}

/// Increments the heartbeat of a worker. `None` when the worker was reaped: its jobs belong to others now.
///
/// Where the database has no clock, it also says what time it is for that worker. In the same transaction as a claim, it keeps other workers from reaping this one meanwhile.
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
            let sql = format!(
                "UPDATE tasks_workers SET heartbeat = heartbeat + 1 WHERE id = $1 RETURNING {POSTGRES_NOW} AS time"
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

/// Running jobs are ready again, but for those that somebody asked to stop, and closures.
fn return_running(which: &str) -> String {
    format!(
        "UPDATE tasks_jobs SET worker = NULL, fence = fence + 1, progress = NULL, run_at = $1, \
         started_at = CASE WHEN task_name IS NOT NULL AND attempt = 1 THEN NULL ELSE started_at END, \
         attempt = CASE WHEN task_name IS NULL THEN attempt ELSE attempt - 1 END, \
         state = CASE WHEN cancel_requested_at IS NOT NULL THEN {CANCELED} WHEN task_name IS NULL THEN {FAILED} ELSE {READY} END, \
         finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR task_name IS NULL THEN $1 ELSE NULL END, \
         error_type = CASE WHEN task_name IS NULL THEN 'lost' ELSE error_type END, \
         error = CASE WHEN task_name IS NULL THEN $2 ELSE error END \
         WHERE {running} AND {which}",
        running = sql::RUNNING
    )
}

/// Takes a worker for dead, unless it has shown a sign of life since it was seen. Its jobs are ready again; one that too many
/// processes died of has failed. Gives how many jobs it had; nothing when it lives. `reason` is a line in the log of each of its jobs.
pub(in crate::jobs) async fn reap(
    conn: &mut Connection,
    dead: &Member,
    reason: &str,
    limits: &CrashLimits,
    now: i64,
) -> Result<Option<usize>, JobError> {
    // A worker that was paused inside of a transaction holds its row: it is reaped once that is over, without waiting.
    #[cfg(feature = "postgres")]
    if conn.backend() == Backend::Postgres {
        let free = with_conn!(conn, |conn| {
            statement("SELECT id FROM tasks_workers WHERE id = $1 FOR UPDATE SKIP LOCKED")
                .bind::<Text, _>(&dead.id)
                .execute(conn)
                .await
        })?;
        if free == 0 {
            return Ok(None);
        }
    }
    let gone = with_conn!(conn, |conn| {
        diesel::delete(
            tasks_workers::table
                .filter(tasks_workers::id.eq(&dead.id))
                .filter(tasks_workers::heartbeat.eq(dead.heartbeat)),
        )
        .execute(conn)
        .await
    })?;
    if gone == 0 {
        return Ok(None);
    }
    let line = format!(
        "INSERT INTO tasks_job_logs (job_id, number, at, message) \
         SELECT id, lines.number + 1, $1, $2 FROM (\
             SELECT id, (SELECT COALESCE(MAX(number), 0) FROM tasks_job_logs WHERE job_id = tasks_jobs.id) AS number \
             FROM tasks_jobs WHERE {running} AND worker = $3) AS lines \
         WHERE lines.number < {MAX_LOG_LINES}",
        running = sql::RUNNING
    );
    with_conn!(conn, |conn| {
        statement(line)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(reason)
            .bind::<Text, _>(&dead.id)
            .execute(conn)
            .await
    })?;
    // The number of an attempt is that of those that ended by themselves, so this one is taken off again.
    let over = format!("crashes + 1 >= {}", limits.sql());
    let sql = format!(
        "UPDATE tasks_jobs SET worker = NULL, fence = fence + 1, crashes = crashes + 1, progress = NULL, \
         attempt = CASE WHEN task_name IS NULL OR {over} THEN attempt ELSE attempt - 1 END, \
         state = CASE WHEN cancel_requested_at IS NOT NULL THEN {CANCELED} \
                      WHEN task_name IS NULL OR {over} THEN {FAILED} ELSE {READY} END, \
         finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR task_name IS NULL OR {over} THEN $1 ELSE NULL END, \
         error_type = CASE WHEN task_name IS NULL THEN 'lost' WHEN {over} THEN 'crash' ELSE error_type END, \
         error = CASE WHEN task_name IS NULL THEN $2 \
                      WHEN {over} THEN 'the process that ran it died ' || \
                           CASE WHEN crashes = 0 THEN 'once' ELSE CAST(crashes + 1 AS TEXT) || ' times' END ELSE error END \
         WHERE {running} AND worker = $3",
        running = sql::RUNNING
    );
    let jobs = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(LOST)
            .bind::<Text, _>(&dead.id)
            .execute(conn)
            .await
    })?;
    Ok(Some(jobs))
}

/// A worker that ends by itself. What it still has goes back, with no attempt spent.
pub(in crate::jobs) async fn unregister(
    conn: &mut Connection,
    id: &str,
    now: i64,
) -> Result<(), JobError> {
    let sql = return_running("worker = $3");
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

/// Requeues jobs whose worker has no row, which no one would reap. Returns how many there were.
pub(in crate::jobs) async fn return_orphans(
    conn: &mut Connection,
    now: i64,
) -> Result<usize, JobError> {
    let sql =
        return_running("NOT EXISTS (SELECT 1 FROM tasks_workers w WHERE w.id = tasks_jobs.worker)");
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
