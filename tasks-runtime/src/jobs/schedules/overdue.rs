//! Schedules whose times pass, because no worker has their tasks.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use super::row::tasks_schedules;
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::table::tasks_workers;
use crate::with_conn;

/// How long after its time a schedule without a run is overdue, in microseconds: a worker takes a second at most.
pub(super) const OVERDUE_AFTER: i64 = 5_000_000;
/// How many schedules are looked at.
const LOOKED_AT: i64 = 1000;

/// Schedules that submit nothing because no worker has their tasks: by task, their names.
pub(in crate::jobs) type OverdueSchedules = BTreeMap<String, BTreeSet<String>>;

/// Returns schedules whose time has come, and whose task no worker has.
pub(in crate::jobs) async fn overdue(
    conn: &mut Connection,
    now: i64,
) -> Result<OverdueSchedules, JobError> {
    let due: Vec<(String, String)> = with_conn!(conn, |conn| {
        tasks_schedules::table
            .filter(diesel::dsl::sql::<Bool>("paused = 0"))
            .filter(tasks_schedules::next_run_at.lt(now.saturating_sub(OVERDUE_AFTER)))
            .order(tasks_schedules::next_run_at)
            .limit(LOOKED_AT)
            .select((tasks_schedules::task_name, tasks_schedules::name))
            .load(conn)
            .await
    })?;
    let mut overdue = OverdueSchedules::new();
    for (task, name) in due {
        overdue.entry(task).or_default().insert(name);
    }
    if overdue.is_empty() {
        return Ok(overdue);
    }
    let workers: Vec<String> = with_conn!(conn, |conn| {
        tasks_workers::table
            .select(tasks_workers::tasks)
            .load(conn)
            .await
    })?;
    for tasks in workers {
        let tasks: Vec<String> = serde_json::from_str(&tasks).unwrap_or_default();
        for task in tasks {
            overdue.remove(&task);
        }
    }
    Ok(overdue)
}
