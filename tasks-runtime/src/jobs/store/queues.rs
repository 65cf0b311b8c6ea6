//! Queues are counted.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Connection, statement};
use crate::jobs::distinct_values::distinct_values;
use crate::jobs::error::JobError;
use crate::jobs::state::sql;
use crate::jobs::table::{tasks_jobs, tasks_workers};
use crate::with_conn;

/// How many pending jobs are counted of each kind.
const MAX_COUNTED: i64 = 10_000;

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
    for which in sql::READY_LINES {
        // One entry of an index for each queue, and then those of the queue.
        let queues = distinct_values("queue", which, "");
        let sql = format!(
            "{queues} SELECT name, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM tasks_jobs WHERE {which} AND queue = found.name \
             LIMIT {MAX_COUNTED}) AS counted) AS count FROM found WHERE name IS NOT NULL"
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
