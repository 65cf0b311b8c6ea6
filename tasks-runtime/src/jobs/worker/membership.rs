//! Processes that run jobs: which of them are alive, and what becomes of the jobs of those that are not.
//!
//! A worker counts up its beat. Another that sees the same beat for long enough, by its own steady clock, takes it for dead:
//! no clock of a wall is compared with another, so none that is set forward or back matters.

use std::fmt::Write as _;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::table::tasks_workers;
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::with_conn;

/// A worker as the others see it.
#[derive(Clone, Debug, Queryable)]
pub(in crate::jobs) struct Member {
    pub(in crate::jobs) id: String,
    pub(in crate::jobs) beat: i64,
    pub(in crate::jobs) host: String,
    pub(in crate::jobs) process: i64,
}

pub(in crate::jobs) async fn register(
    conn: &mut Connection,
    id: &str,
    host: &str,
    process: i64,
    now: i64,
) -> Result<(), JobError> {
    let row = (
        tasks_workers::id.eq(id),
        tasks_workers::beat.eq(0_i64),
        tasks_workers::host.eq(host),
        tasks_workers::process.eq(process),
        tasks_workers::started_at.eq(now),
    );
    with_conn!(conn, |conn| {
        diesel::insert_into(tasks_workers::table)
            .values(row)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Says that it lives. `false` when it was taken for dead: its jobs are somebody else's now.
///
/// In the same transaction as a claim, it keeps others from burying the worker meanwhile.
pub(in crate::jobs) async fn beat(conn: &mut Connection, id: &str) -> Result<bool, JobError> {
    let updated = with_conn!(conn, |conn| {
        diesel::update(tasks_workers::table.find(id))
            .set(tasks_workers::beat.eq(tasks_workers::beat + 1_i64))
            .execute(conn)
            .await
    })?;
    Ok(updated == 1)
}

pub(in crate::jobs) async fn all(conn: &mut Connection) -> Result<Vec<Member>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_workers::table
            .select((
                tasks_workers::id,
                tasks_workers::beat,
                tasks_workers::host,
                tasks_workers::process,
            ))
            .load(conn)
            .await
    })?)
}

/// How many processes may die of one job.
#[derive(Debug)]
pub(in crate::jobs) struct CrashLimits {
    pub(in crate::jobs) general: u32,
    /// Those of tasks that say so themselves.
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

/// Takes a worker for dead, unless it has shown a sign of life since it was seen. Its jobs are ready again; one that too many
/// processes died of has failed. Gives how many jobs it had.
pub(in crate::jobs) async fn bury(
    conn: &mut Connection,
    dead: &Member,
    limits: &CrashLimits,
    now: i64,
) -> Result<usize, JobError> {
    let gone = with_conn!(conn, |conn| {
        diesel::delete(
            tasks_workers::table
                .filter(tasks_workers::id.eq(&dead.id))
                .filter(tasks_workers::beat.eq(dead.beat)),
        )
        .execute(conn)
        .await
    })?;
    if gone == 0 {
        return Ok(0);
    }
    // The number of an attempt is that of those that ended by themselves, so this one is taken off again.
    let over = format!("crashes + 1 >= {}", limits.sql());
    let sql = format!(
        "UPDATE tasks_jobs SET worker = NULL, fence = fence + 1, crashes = crashes + 1, progress = NULL, \
         attempt = CASE WHEN task_name IS NULL OR {over} THEN attempt ELSE attempt - 1 END, \
         state = CASE WHEN cancel_requested_at IS NOT NULL THEN 5 \
                      WHEN task_name IS NULL OR {over} THEN 4 ELSE 1 END, \
         finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR task_name IS NULL OR {over} THEN $1 ELSE NULL END, \
         error_type = CASE WHEN task_name IS NULL THEN 'lost' WHEN {over} THEN 'crash' ELSE error_type END, \
         error = CASE WHEN task_name IS NULL THEN $2 \
                      WHEN {over} THEN 'the process that ran it died ' || \
                           CASE WHEN crashes = 0 THEN 'once' ELSE CAST(crashes + 1 AS TEXT) || ' times' END ELSE error END \
         WHERE worker = $3 AND state = 2"
    );
    let lost = "the process that ran it ended, and a closure cannot survive its process";
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(lost)
            .bind::<Text, _>(&dead.id)
            .execute(conn)
            .await
    })?)
}

/// A worker that ends by itself, and has returned its jobs.
pub(in crate::jobs) async fn leave(conn: &mut Connection, id: &str) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::delete(tasks_workers::table.find(id))
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// The jobs of tasks that a worker has, with their fences.
pub(in crate::jobs) async fn held(
    conn: &mut Connection,
    id: &str,
) -> Result<Vec<(String, i64)>, JobError> {
    use crate::jobs::table::{state, tasks_jobs};
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::worker.eq(id))
            .filter(tasks_jobs::state.eq(state::RUNNING))
            .filter(tasks_jobs::task_name.is_not_null())
            .select((tasks_jobs::id, tasks_jobs::fence))
            .load(conn)
            .await
    })?)
}

/// The jobs of a worker that somebody asked to stop.
pub(in crate::jobs) async fn asked_to_stop(
    conn: &mut Connection,
    id: &str,
) -> Result<Vec<String>, JobError> {
    use crate::jobs::table::{state, tasks_jobs};
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::worker.eq(id))
            .filter(tasks_jobs::state.eq(state::RUNNING))
            .filter(tasks_jobs::cancel_requested_at.is_not_null())
            .select(tasks_jobs::id)
            .load(conn)
            .await
    })?)
}
