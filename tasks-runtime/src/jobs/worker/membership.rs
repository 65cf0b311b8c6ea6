//! Processes that run jobs, as rows of a table: each has one, and increments its heartbeat.
//!
//! Another worker that sees the same heartbeat for the whole lease of that worker, by its own monotonic clock, [reaps](super::reap) it: no clock of a wall is
//! compared with another, so none that is set forward or back matters.

use std::time::Duration;

use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

#[cfg(feature = "postgres")]
use crate::database::statement;
use crate::database::{Connection, ConnectionKind};
use crate::jobs::clock::Clock;
#[cfg(feature = "postgres")]
use crate::jobs::clock::POSTGRES_NOW;
use crate::jobs::error::JobError;
use crate::jobs::table::tasks_workers;
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
    /// How long its own process has others wait for a heartbeat, in microseconds.
    pub(in crate::jobs) lease: Option<i64>,
}

impl Member {
    /// How long to wait for its heartbeat: what it has said itself, or as long as this process has others wait.
    pub(in crate::jobs) fn lease(&self, own: Duration) -> Duration {
        let said = self.lease.and_then(|micros| u64::try_from(micros).ok());
        said.map_or(own, Duration::from_micros)
    }

    /// Whether it was taken for dead, and its row is kept for those of its jobs that could not be taken from it yet.
    pub(in crate::jobs) fn is_dead(&self) -> bool {
        self.heartbeat < 0
    }
}

/// The heartbeat of a worker that was taken for dead while rows of its jobs were locked. It is never incremented.
pub(in crate::jobs) const DEAD: i64 = -1;

/// What a worker says of itself. Its tasks, its queues and the tasks that it limits are arrays of JSON.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Serves<'a> {
    pub(in crate::jobs) tasks: &'a str,
    pub(in crate::jobs) queues: &'a str,
    /// The tasks that it limits over all processes.
    pub(in crate::jobs) limited_tasks: &'a str,
    pub(in crate::jobs) version: Option<&'a str>,
    pub(in crate::jobs) lease: Duration,
}

/// Adds the row of a worker.
pub(in crate::jobs) async fn register(
    conn: &mut Connection,
    id: &str,
    host: &str,
    process: i64,
    serves: Serves<'_>,
    now: i64,
) -> Result<(), JobError> {
    let row = (
        tasks_workers::id.eq(id),
        tasks_workers::heartbeat.eq(0_i64),
        tasks_workers::host.eq(host),
        tasks_workers::process.eq(process),
        tasks_workers::started_at.eq(now),
        tasks_workers::tasks.eq(serves.tasks),
        tasks_workers::queues.eq(serves.queues),
        tasks_workers::limited_tasks.eq(serves.limited_tasks),
        tasks_workers::version.eq(serves.version),
        tasks_workers::lease.eq(i64::try_from(serves.lease.as_micros()).unwrap_or(i64::MAX)),
    );
    with_conn!(conn, |conn| {
        diesel::insert_into(tasks_workers::table)
            .values(row)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Has a worker be taken for dead by the next one that looks, as if it had not answered. `false` when there is none of this id.
pub(in crate::jobs) async fn expire(conn: &mut Connection, id: &str) -> Result<bool, JobError> {
    let updated = with_conn!(conn, |conn| {
        diesel::update(
            tasks_workers::table
                .find(id)
                .filter(tasks_workers::heartbeat.ge(0_i64)),
        )
        .set((
            // Far below zero: on SQLite, a worker of an earlier version increments it.
            tasks_workers::heartbeat.eq(i64::MIN),
            tasks_workers::tasks.eq("[]"),
            tasks_workers::queues.eq("[]"),
        ))
        .execute(conn)
        .await
    })?;
    Ok(updated == 1)
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
            let living = tasks_workers::heartbeat.gt(DEAD);
            let updated = diesel::update(tasks_workers::table.find(id).filter(living))
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
                tasks_workers::lease,
            ))
            .load(conn)
            .await
    })?)
}
