//! Queues are paused, resumed and counted.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::queue_record::QueuePause;
use crate::jobs::state::sql;
use crate::jobs::table::{tasks_jobs, tasks_paused_queues, tasks_workers};
use crate::with_conn;

/// How many pending jobs are counted of each kind.
const MAX_COUNTED: i64 = 10_000;

/// Pauses a queue. One that is paused stays so since the same time, with the new name and the new reason.
pub(in crate::jobs) async fn pause_queue(
    conn: &mut Connection,
    queue: &str,
    (by, reason): (Option<&str>, Option<&str>),
    now: i64,
) -> Result<(), JobError> {
    let sql = "INSERT INTO tasks_paused_queues (queue, paused_at, paused_by, reason) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (queue) DO UPDATE SET paused_by = excluded.paused_by, reason = excluded.reason";
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(queue)
            .bind::<BigInt, _>(now)
            .bind::<Nullable<Text>, _>(by)
            .bind::<Nullable<Text>, _>(reason)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Resumes a queue. `false` when it was not paused.
pub(in crate::jobs) async fn resume_queue(
    conn: &mut Connection,
    queue: &str,
) -> Result<bool, JobError> {
    let resumed = with_conn!(conn, |conn| {
        diesel::delete(tasks_paused_queues::table.find(queue))
            .execute(conn)
            .await
    })?;
    Ok(resumed > 0)
}

/// The names of the queues that are paused.
pub(in crate::jobs) async fn paused_queue_names(
    conn: &mut Connection,
) -> Result<BTreeSet<String>, JobError> {
    let names: Vec<String> = with_conn!(conn, |conn| {
        tasks_paused_queues::table
            .select(tasks_paused_queues::queue)
            .load(conn)
            .await
    })?;
    Ok(names.into_iter().collect())
}

/// Whether a queue is paused.
pub(in crate::jobs) async fn is_queue_paused(
    conn: &mut Connection,
    queue: &str,
) -> Result<bool, JobError> {
    let found: Option<String> = with_conn!(conn, |conn| {
        tasks_paused_queues::table
            .find(queue)
            .select(tasks_paused_queues::queue)
            .first(conn)
            .await
            .optional()
    })?;
    Ok(found.is_some())
}

/// The queues that are paused, since when, by whom and why.
pub(in crate::jobs) async fn queue_pauses(
    conn: &mut Connection,
) -> Result<BTreeMap<String, QueuePause>, JobError> {
    type Row = (String, i64, Option<String>, Option<String>);
    let rows: Vec<Row> = with_conn!(conn, |conn| { tasks_paused_queues::table.load(conn).await })?;
    let pause = |(queue, at, by, reason): Row| {
        let at = chrono::DateTime::from_timestamp_micros(at).unwrap_or_default();
        (queue, QueuePause { at, by, reason })
    };
    Ok(rows.into_iter().map(pause).collect())
}

/// What is counted of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::jobs) struct QueueCounts {
    pub(in crate::jobs) pending: i64,
    /// Whether there may be more.
    pub(in crate::jobs) more_pending: bool,
    pub(in crate::jobs) running: i64,
    pub(in crate::jobs) workers: u64,
}

#[derive(diesel::QueryableByName)]
struct CountRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Counts the jobs of each queue that has a worker or a job that has not ended. However many jobs there are, a bounded number is looked at.
pub(in crate::jobs) async fn queue_counts(
    conn: &mut Connection,
) -> Result<BTreeMap<String, QueueCounts>, JobError> {
    let mut counts: BTreeMap<String, QueueCounts> = BTreeMap::new();
    for which in [
        sql::READY_SHARED,
        sql::READY_BY_NAME,
        sql::READY_QUARANTINED,
    ] {
        // One entry of an index for each queue, and then those of the queue.
        let ready = format!("FROM tasks_jobs WHERE {which}");
        let sql = format!(
            "WITH RECURSIVE queues(name) AS (SELECT MIN(queue) {ready} UNION ALL \
             SELECT (SELECT MIN(queue) {ready} AND queue > queues.name) FROM queues WHERE name IS NOT NULL) \
             SELECT name, (SELECT COUNT(*) FROM (SELECT 1 AS one {ready} AND queue = queues.name LIMIT {MAX_COUNTED}) AS counted) AS count \
             FROM queues WHERE name IS NOT NULL"
        );
        let rows: Vec<CountRow> = with_conn!(conn, |conn| { statement(sql).load(conn).await })?;
        for row in rows {
            let queue = counts.entry(row.name).or_default();
            queue.pending += row.count;
            queue.more_pending |= row.count == MAX_COUNTED;
        }
    }
    let query = format!(
        "SELECT queue AS name, COUNT(*) AS count FROM (SELECT queue FROM tasks_jobs WHERE {waiting} ORDER BY run_at LIMIT {MAX_COUNTED}) AS counted \
         GROUP BY queue",
        waiting = sql::SCHEDULED
    );
    let rows: Vec<CountRow> = with_conn!(conn, |conn| { statement(query).load(conn).await })?;
    let all: i64 = rows.iter().map(|row| row.count).sum();
    for row in rows {
        let queue = counts.entry(row.name).or_default();
        queue.pending += row.count;
    }
    let is_cut = all == MAX_COUNTED;
    let running: Vec<(String, i64)> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>(sql::RUNNING))
            .group_by(tasks_jobs::queue)
            .select((tasks_jobs::queue, count_star()))
            .load(conn)
            .await
    })?;
    for (name, running) in running {
        counts.entry(name).or_default().running = running;
    }
    let served: Vec<String> = with_conn!(conn, |conn| {
        tasks_workers::table
            .filter(tasks_workers::heartbeat.ge(0_i64))
            .select(tasks_workers::queues)
            .load(conn)
            .await
    })?;
    for queues in served {
        // What a later version writes is not read.
        let queues: BTreeSet<String> = serde_json::from_str(&queues).unwrap_or_default();
        for name in queues {
            counts.entry(name).or_default().workers += 1;
        }
    }
    // Of which queues those are that were not looked at is not known.
    for queue in counts.values_mut() {
        queue.more_pending |= is_cut;
    }
    Ok(counts)
}
