//! Who runs jobs.

use std::collections::HashMap;

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use crate::database::{Connection, computer_of};
use crate::jobs::error::JobError;
use crate::jobs::record::WorkerRecord;
use crate::jobs::state::sql;
use crate::jobs::table::{tasks_jobs, tasks_workers};
use crate::with_conn;

/// The workers that are not taken for dead, oldest first.
pub(in crate::jobs) async fn workers(conn: &mut Connection) -> Result<Vec<WorkerRecord>, JobError> {
    type Row = (String, String, i64, i64, String, String, Option<String>);
    let rows: Vec<Row> = with_conn!(conn, |conn| {
        tasks_workers::table
            .filter(tasks_workers::heartbeat.ge(0_i64))
            .order((tasks_workers::started_at, tasks_workers::id))
            .select((
                tasks_workers::id,
                tasks_workers::host,
                tasks_workers::process,
                tasks_workers::started_at,
                tasks_workers::tasks,
                tasks_workers::queues,
                tasks_workers::version,
            ))
            .load(conn)
            .await
    })?;
    let running: Vec<(Option<String>, i64)> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>(sql::RUNNING))
            .group_by(tasks_jobs::worker)
            .select((tasks_jobs::worker, count_star()))
            .load(conn)
            .await
    })?;
    let running: HashMap<Option<String>, i64> = running.into_iter().collect();
    // What a later version writes is not read, and hides no worker.
    let names = |json: &str| serde_json::from_str(json).unwrap_or_default();
    let worker = |(id, host, process, started_at, tasks, queues, version): Row| WorkerRecord {
        host: computer_of(&host).to_owned(),
        process: process.unsigned_abs(),
        version,
        started_at: chrono::DateTime::from_timestamp_micros(started_at).unwrap_or_default(),
        queues: names(&queues),
        tasks: names(&tasks),
        running: running
            .get(&Some(id.clone()))
            .map_or(0, |count| count.unsigned_abs()),
        id,
    };
    Ok(rows.into_iter().map(worker).collect())
}
