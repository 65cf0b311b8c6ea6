//! Which jobs are ready or due, and in which queues.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Backend, Connection, statement};
use crate::jobs::attempt_key::{AttemptKey, Fence};
use crate::jobs::distinct_values::distinct_values;
use crate::jobs::engine::DueAttempt;
use crate::jobs::error::JobError;
use crate::jobs::state::{ClaimLine, number, sql};
use crate::jobs::store::IS_ANY_PAUSED;
use crate::jobs::table::tasks_jobs;
use crate::with_conn;

/// The name of a task, written so that it leads to no index: as it is, it would lead to the index of all jobs of the task.
pub(super) const NAME: &str = "COALESCE(task_name, '')";

/// Jobs of a queue that are ready, by priority and then by age. Quarantined ones are few: all queues have them at once.
pub(in crate::jobs) async fn due_attempts(
    conn: &mut Connection,
    queue: &str,
    known: &[&str],
    most: i64,
) -> Result<Vec<DueAttempt>, JobError> {
    let mut rows: Vec<(String, Fence)> = Vec::new();
    for which in sql::READY_LINES {
        let found: Vec<(String, Fence)> = with_conn!(conn, |conn| {
            tasks_jobs::table
                .filter(sql::<Bool>(which))
                .filter(tasks_jobs::queue.eq(queue))
                // Written so that it does not lead to the index of all jobs of a task.
                .filter(sql::<Text>(NAME).eq_any(known))
                .order((
                    tasks_jobs::priority.desc(),
                    tasks_jobs::run_at,
                    tasks_jobs::id,
                ))
                .limit(most)
                .select((tasks_jobs::id, tasks_jobs::fence))
                .load(conn)
                .await
        })?;
        rows.extend(found);
    }
    let due = |attempt: AttemptKey| DueAttempt {
        job: attempt.job,
        fence: attempt.fence.number(),
    };
    Ok(AttemptKey::read(rows).into_iter().map(due).collect())
}

#[derive(diesel::QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// Whether there is a job to be taken, by a process that limits tasks over all processes or not.
pub(in crate::jobs) async fn any_claimable(
    conn: &mut Connection,
    has_limits: bool,
    now: i64,
) -> Result<bool, JobError> {
    let lines = sql::READY_LINES.into_iter();
    let any_ready: String = lines
        .filter(|line| has_limits || *line != sql::READY_LIMITED)
        .map(|ready| format!("EXISTS (SELECT 1 FROM tasks_jobs WHERE {ready}) OR "))
        .collect();
    let sql = format!(
        "SELECT CASE WHEN {any_ready}\
         EXISTS (SELECT 1 FROM tasks_jobs WHERE {waiting} AND run_at <= $1) \
         OR EXISTS (SELECT 1 FROM tasks_schedules WHERE paused = 0 AND next_run_at <= $1) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS found",
        waiting = sql::SCHEDULED
    );
    let found: FoundRow = with_conn!(conn, |conn| {
        statement(sql).bind::<BigInt, _>(now).get_result(conn).await
    })?;
    Ok(found.found > 0)
}

/// What waits.
#[derive(Clone, Copy, Debug, diesel::QueryableByName)]
pub(in crate::jobs) struct NextDue {
    /// When the next job is due.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(in crate::jobs) at: Option<i64>,
    /// Not 0 when there are jobs that are ready and are claimed by the name of their task.
    #[diesel(sql_type = BigInt)]
    pub(in crate::jobs) by_name: i64,
    /// Not 0 when there are jobs that are ready and of tasks with limits over all processes.
    #[diesel(sql_type = BigInt)]
    pub(in crate::jobs) limited: i64,
    /// Not 0 when a queue or a task is paused.
    #[diesel(sql_type = BigInt)]
    pub(in crate::jobs) paused: i64,
}

/// The next time that a job is due, whether any is claimed by the name of its task, and whether a queue or a task is paused.
async fn next_due(conn: &mut Connection) -> Result<NextDue, JobError> {
    let sql = format!(
        "SELECT (SELECT MIN(run_at) FROM tasks_jobs WHERE {waiting}) AS at, \
         CASE WHEN EXISTS (SELECT 1 FROM tasks_jobs WHERE {by_name}) \
         THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS by_name, \
         CASE WHEN EXISTS (SELECT 1 FROM tasks_jobs WHERE {limited}) \
         OR EXISTS (SELECT 1 FROM tasks_jobs WHERE {quarantined}) \
         THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS limited, \
         CASE WHEN {IS_ANY_PAUSED} \
         THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS paused",
        waiting = sql::SCHEDULED,
        by_name = sql::READY_BY_NAME,
        limited = sql::READY_LIMITED,
        quarantined = sql::READY_QUARANTINED
    );
    Ok(with_conn!(conn, |conn| {
        statement(sql).get_result(conn).await
    })?)
}

/// Makes jobs ready whose time has come, and says what waits then.
pub(in crate::jobs) async fn promote(conn: &mut Connection, now: i64) -> Result<NextDue, JobError> {
    let due = next_due(conn).await?;
    if due.at.is_none_or(|at| at > now) {
        return Ok(due);
    }
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!(
        "UPDATE tasks_jobs SET state = {ready} WHERE id IN \
         (SELECT id FROM tasks_jobs WHERE {waiting} AND run_at <= $1 ORDER BY run_at LIMIT 1000{lock})",
        ready = number::READY,
        waiting = sql::SCHEDULED
    );
    with_conn!(conn, |conn| {
        statement(sql).bind::<BigInt, _>(now).execute(conn).await
    })?;
    next_due(conn).await
}

#[derive(diesel::QueryableByName)]
pub(super) struct NameRow {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
}

/// The tasks of the jobs of a queue that would begin next, but for those that are not claimed with all others.
pub(in crate::jobs) async fn next_task_names(
    conn: &mut Connection,
    queue: &str,
) -> Result<Vec<String>, JobError> {
    let mut names = Vec::new();
    for which in [
        sql::READY_SHARED.to_owned(),
        format!(
            "{} AND by_name = {}",
            sql::READY_QUARANTINED,
            ClaimLine::Shared.number()
        ),
    ] {
        let sql = format!(
            "SELECT DISTINCT task_name AS name FROM (SELECT task_name FROM tasks_jobs WHERE {which} AND queue = $1 \
             ORDER BY priority DESC, run_at, id LIMIT 1000) AS front WHERE task_name IS NOT NULL"
        );
        let found: Vec<NameRow> = with_conn!(conn, |conn| {
            statement(sql).bind::<Text, _>(queue).load(conn).await
        })?;
        names.extend(found.into_iter().map(|name| name.name));
    }
    Ok(names)
}

/// The tasks of a queue of which there are ready jobs in one line. Reads one entry of an index for each.
pub(in crate::jobs) async fn tasks_in(
    conn: &mut Connection,
    line: &str,
    queue: &str,
) -> Result<Vec<String>, JobError> {
    let names = distinct_values("task_name", &format!("{line} AND queue = $1"), "");
    let sql = format!("{names} SELECT name FROM found WHERE name IS NOT NULL");
    let names: Vec<NameRow> = with_conn!(conn, |conn| {
        statement(sql).bind::<Text, _>(queue).load(conn).await
    })?;
    Ok(names.into_iter().map(|name| name.name).collect())
}

/// The tasks of a queue of which there are ready jobs that are not claimed with all others.
pub(in crate::jobs) async fn tasks_apart(
    conn: &mut Connection,
    queue: &str,
) -> Result<Vec<String>, JobError> {
    let mut tasks = tasks_in(conn, sql::READY_BY_NAME, queue).await?;
    tasks.extend(tasks_in(conn, sql::READY_LIMITED, queue).await?);
    Ok(tasks)
}

/// The queues of jobs that are ready. Reads one entry of an index for each, of each kind of job.
pub(in crate::jobs) async fn ready_queues(
    conn: &mut Connection,
) -> Result<BTreeSet<String>, JobError> {
    let mut queues = BTreeSet::new();
    for which in sql::READY_LINES {
        let names = distinct_values("queue", which, "");
        let sql = format!("{names} SELECT name FROM found WHERE name IS NOT NULL");
        let found: Vec<NameRow> = with_conn!(conn, |conn| { statement(sql).load(conn).await })?;
        queues.extend(found.into_iter().map(|queue| queue.name));
    }
    Ok(queues)
}
