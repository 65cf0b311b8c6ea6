//! What pending jobs wait for.

use std::collections::{BTreeMap, HashMap};

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::RunQueryDsl;

use super::steps::waits;
use crate::database::{Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::pending_reason::{Line, LineKind, LiveWorker, PendingJob, RunningJobs};
use crate::jobs::state::{ClaimLine, JobState, sql};
use crate::jobs::table::{tasks_jobs, tasks_new_jobs, tasks_workers};
use crate::with_conn;

/// How many kinds of running jobs are looked at.
const MAX_RUNNING: i64 = 10_000;

/// Those of these jobs that are pending and run a task, by id.
pub(in crate::jobs) async fn pending_jobs(
    conn: &mut Connection,
    ids: &[String],
) -> Result<HashMap<String, PendingJob>, JobError> {
    type Row = (
        String,
        Option<String>,
        String,
        JobState,
        i64,
        i32,
        i32,
        i32,
        Option<String>,
    );
    let rows: Vec<Row> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::id.eq_any(ids))
            .select((
                tasks_jobs::id,
                tasks_jobs::task_name,
                tasks_jobs::queue,
                tasks_jobs::state,
                tasks_jobs::run_at,
                tasks_jobs::attempt,
                tasks_jobs::crashes,
                tasks_jobs::by_name,
                tasks_jobs::error_type,
            ))
            .load(conn)
            .await
    })?;
    let is_put_off = |row: &&Row| row.3 == JobState::Scheduled && row.8.is_none();
    let put_off: Vec<String> = rows
        .iter()
        .filter(is_put_off)
        .map(|row| row.0.clone())
        .collect();
    let pending = |(id, task, queue, state, run_at, attempt, crashes, by_name, _): Row| {
        let is_ready = match state {
            JobState::Scheduled => false,
            JobState::Ready => true,
            _ => return None,
        };
        let job = PendingJob {
            task: task?,
            queue,
            is_ready,
            run_at,
            attempt,
            crashes,
            by_name: by_name == ClaimLine::ByName.number(),
            concurrency_key: (by_name == ClaimLine::Limited.number()).then(String::new),
            wait: None,
        };
        Some((id, job))
    };
    let mut jobs: HashMap<String, PendingJob> = rows.into_iter().filter_map(pending).collect();
    concurrency_keys(conn, &mut jobs).await?;
    if put_off.is_empty() {
        return Ok(jobs);
    }
    for (id, wait) in waits(conn, &put_off).await? {
        if let Some(job) = jobs.get_mut(&id) {
            job.wait = Some(wait);
        }
    }
    Ok(jobs)
}

/// Reads the keys of jobs of tasks with limits over all processes.
async fn concurrency_keys(
    conn: &mut Connection,
    jobs: &mut HashMap<String, PendingJob>,
) -> Result<(), JobError> {
    let limited = jobs.iter().filter(|(_, job)| job.concurrency_key.is_some());
    let ids: Vec<String> = limited.map(|(id, _)| id.clone()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let query = tasks_new_jobs::table
        .filter(tasks_new_jobs::id.eq_any(ids))
        .select((tasks_new_jobs::id, tasks_new_jobs::concurrency_key));
    let rows: Vec<(String, Option<String>)> = with_conn!(conn, |conn| query.load(conn).await)?;
    for (id, key) in rows {
        if let (Some(job), Some(key)) = (jobs.get_mut(&id), key) {
            job.concurrency_key = Some(key);
        }
    }
    Ok(())
}

/// The workers that live, and what they run.
pub(in crate::jobs) async fn live_workers(
    conn: &mut Connection,
) -> Result<Vec<LiveWorker>, JobError> {
    type Row = (Option<String>, Option<String>, String, i32, i64);
    let rows: Vec<(String, String, String)> = with_conn!(conn, |conn| {
        tasks_workers::table
            .filter(tasks_workers::heartbeat.ge(0_i64))
            .select((
                tasks_workers::id,
                tasks_workers::tasks,
                tasks_workers::queues,
            ))
            .load(conn)
            .await
    })?;
    let names = |list: &str| serde_json::from_str(list).unwrap_or_default();
    let mut workers: BTreeMap<String, LiveWorker> = rows
        .iter()
        .map(|(id, tasks, queues)| {
            let worker = LiveWorker {
                tasks: names(tasks),
                queues: names(queues),
                running: Vec::new(),
            };
            (id.clone(), worker)
        })
        .collect();
    if workers.is_empty() {
        return Ok(Vec::new());
    }
    let running: Vec<Row> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>(sql::RUNNING))
            .group_by((
                tasks_jobs::worker,
                tasks_jobs::task_name,
                tasks_jobs::queue,
                tasks_jobs::crashes,
            ))
            .select((
                tasks_jobs::worker,
                tasks_jobs::task_name,
                tasks_jobs::queue,
                tasks_jobs::crashes,
                count_star(),
            ))
            .limit(MAX_RUNNING)
            .load(conn)
            .await
    })?;
    for (worker, task, queue, crashes, count) in running {
        if let Some(worker) = worker.and_then(|id| workers.get_mut(&id)) {
            worker.running.push(RunningJobs {
                task,
                queue,
                crashes,
                count: usize::try_from(count).unwrap_or(usize::MAX),
            });
        }
    }
    Ok(workers.into_values().collect())
}

#[derive(diesel::QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: String,
}

/// The ids of the jobs that are claimed first, in their order: that many entries of an index are read.
pub(in crate::jobs) async fn front(
    conn: &mut Connection,
    line: &Line,
    most: i64,
) -> Result<Vec<String>, JobError> {
    let (which, task, key) = match &line.kind {
        LineKind::Shared => (
            format!("{} AND $2 = '' AND $4 = ''", sql::READY_SHARED),
            "",
            "",
        ),
        LineKind::OfTask(task) => (
            format!("{} AND task_name = $2 AND $4 = ''", sql::READY_BY_NAME),
            task.as_str(),
            "",
        ),
        LineKind::OfKey { task, key } => (
            format!(
                "{} AND task_name = $2 AND concurrency_key = $4",
                sql::READY_LIMITED
            ),
            task.as_str(),
            key.as_str(),
        ),
        LineKind::Quarantined => (
            format!("{} AND $2 = '' AND $4 = ''", sql::READY_QUARANTINED),
            "",
            "",
        ),
    };
    let sql = format!(
        "SELECT id FROM tasks_jobs WHERE queue = $1 AND {which} ORDER BY priority DESC, run_at, id LIMIT $3"
    );
    let rows: Vec<IdRow> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(&line.queue)
            .bind::<Text, _>(task)
            .bind::<BigInt, _>(most)
            .bind::<Text, _>(key)
            .load(conn)
            .await
    })?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
