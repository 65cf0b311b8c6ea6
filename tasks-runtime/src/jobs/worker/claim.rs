//! Gives ready jobs to a worker.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use ulid::Ulid;

use crate::database::{Backend, Connection, statement};
use crate::jobs::engine::Due;
use crate::jobs::error::JobError;
use crate::jobs::table::{Claimed, tasks_jobs};
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::with_conn;

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Kind {
    /// Jobs that one process died of at most, of tasks of which any number runs at once.
    Sound,
    /// Jobs that one process died of at most, of one task that says how many run at once.
    Limited(String),
    /// Jobs that ran when their processes died, more than once. They run one at a time in each process, so that the one that kills it is found
    /// and the others are not blamed. Not of these tasks, which have no place left.
    Suspect(Vec<String>),
}

const RETURNING: &str = "RETURNING tasks_jobs.id, tasks_jobs.task_name, tasks_jobs.queue, tasks_jobs.attempt, \
     tasks_jobs.max_attempts, tasks_jobs.crashes, tasks_jobs.fence, tasks_jobs.timeout_ms, tasks_jobs.run_at, \
     tasks_jobs.params";
const SET: &str = "SET state = 2, attempt = attempt + 1, fence = fence + 1, worker = $1, started_at = $2, \
     scheduled_at = CASE WHEN attempt = 0 THEN scheduled_at ELSE NULL END, progress = NULL";

/// Takes up to `limit` jobs of a queue, by priority and then by age.
pub(in crate::jobs) async fn claim(
    conn: &mut Connection,
    worker: &str,
    queue: &str,
    kind: &Kind,
    limit: usize,
    now: i64,
) -> Result<Vec<Claimed>, JobError> {
    // The names go as JSON: one text of the statement, however many there are.
    let (which, names) = match (kind, conn.backend()) {
        (Kind::Sound, _) => ("crashes < 2 AND limited = 0 AND $5 = ''", String::new()),
        (Kind::Limited(task), _) => (
            "crashes < 2 AND limited = 1 AND task_name = $5",
            task.clone(),
        ),
        (Kind::Suspect(full), backend) => (
            match backend {
                Backend::Sqlite => {
                    "crashes > 1 AND task_name NOT IN (SELECT value FROM json_each($5))"
                }
                Backend::Postgres => "crashes > 1 AND NOT CAST($5 AS JSONB) ? task_name",
            },
            serde_json::to_string(full).unwrap_or_default(),
        ),
    };
    let picked = format!(
        "SELECT id FROM tasks_jobs WHERE state = 1 AND {which} AND queue = $3 \
         ORDER BY priority DESC, run_at, id LIMIT $4"
    );
    let sql = match conn.backend() {
        Backend::Sqlite => {
            format!("UPDATE tasks_jobs {SET} WHERE id IN ({picked}) {RETURNING}")
        }
        // Materialized, so that it is looked for once; what another process has just taken is skipped.
        Backend::Postgres => format!(
            "WITH picked AS MATERIALIZED ({picked} FOR UPDATE SKIP LOCKED) \
             UPDATE tasks_jobs {SET} FROM picked WHERE tasks_jobs.id = picked.id {RETURNING}"
        ),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut claimed: Vec<Claimed> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(worker)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(queue)
            .bind::<BigInt, _>(limit)
            .bind::<Text, _>(names)
            .load(conn)
            .await
    })?;
    claimed.sort_by(|a, b| (a.run_at, &a.id).cmp(&(b.run_at, &b.id)));
    Ok(claimed)
}

/// Takes one job, if it is ready.
pub(in crate::jobs) async fn claim_one(
    conn: &mut Connection,
    worker: &str,
    id: &str,
    now: i64,
) -> Result<Option<Claimed>, JobError> {
    let sql = format!("UPDATE tasks_jobs {SET} WHERE id = $3 AND state = 1 {RETURNING}");
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(worker)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(id)
            .get_result(conn)
            .await
            .optional()
    })?)
}

/// A job that somebody asks for.
#[derive(Queryable)]
pub(in crate::jobs) struct AskedFor {
    pub(in crate::jobs) state: i32,
    pub(in crate::jobs) queue: String,
    pub(in crate::jobs) task_name: Option<String>,
    pub(in crate::jobs) crashes: i32,
}

pub(in crate::jobs) async fn asked_for(
    conn: &mut Connection,
    id: &str,
) -> Result<Option<AskedFor>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(id)
            .select((
                tasks_jobs::state,
                tasks_jobs::queue,
                tasks_jobs::task_name,
                tasks_jobs::crashes,
            ))
            .first(conn)
            .await
            .optional()
    })?)
}

/// The state of a job, and its fence.
pub(in crate::jobs) async fn standing(
    conn: &mut Connection,
    id: Ulid,
) -> Result<Option<(i32, i64)>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(id.to_string())
            .select((tasks_jobs::state, tasks_jobs::fence))
            .first(conn)
            .await
            .optional()
    })?)
}

/// Jobs of a queue that are ready, by priority and then by age. Suspects are few: all queues have them at once.
pub(in crate::jobs) async fn due(
    conn: &mut Connection,
    queue: &str,
    most: i64,
) -> Result<Vec<Due>, JobError> {
    let mut rows: Vec<(String, i64)> = Vec::new();
    // Each has an index.
    for which in [
        "state = 1 AND crashes < 2 AND limited = 0",
        "state = 1 AND crashes < 2 AND limited = 1",
        "state = 1 AND crashes > 1",
    ] {
        let found: Vec<(String, i64)> = with_conn!(conn, |conn| {
            tasks_jobs::table
                .filter(sql::<Bool>(which))
                .filter(tasks_jobs::queue.eq(queue))
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
    let due = |(id, fence): (String, i64)| {
        let job = Ulid::from_string(&id).ok()?;
        Some(Due {
            job,
            number: fence.unsigned_abs(),
        })
    };
    Ok(rows.into_iter().filter_map(due).collect())
}

/// Says of jobs that wait whether only so many of their tasks run at once: a new version of the program may see that differently.
pub(in crate::jobs) async fn relabel(
    conn: &mut Connection,
    registry: &TaskRegistry,
) -> Result<(), JobError> {
    // As it is, the name would lead to the index of all jobs of a task.
    const NAME: &str = "COALESCE(task_name, '')";
    for limited in [true, false] {
        let names: Vec<&str> = registry
            .iter()
            .filter(|task| task.policy().max_concurrency.is_some() == limited)
            .map(RegisteredTask::name)
            .collect();
        for state in [
            "state = 0",
            "state = 1 AND crashes < 2",
            "state = 1 AND crashes > 1",
        ] {
            for names in names.chunks(1000) {
                let was = format!("{state} AND limited = {}", i32::from(!limited));
                with_conn!(conn, |conn| {
                    diesel::update(
                        tasks_jobs::table
                            .filter(sql::<Bool>(&was))
                            .filter(sql::<Text>(NAME).eq_any(names)),
                    )
                    .set(tasks_jobs::limited.eq(i32::from(limited)))
                    .execute(conn)
                    .await
                })?;
            }
        }
    }
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// Whether there is a job to be taken.
pub(in crate::jobs) async fn is_any(conn: &mut Connection, now: i64) -> Result<bool, JobError> {
    let sql = "SELECT CASE WHEN EXISTS (SELECT 1 FROM tasks_jobs WHERE state = 1 AND crashes < 2 AND limited = 0) \
         OR EXISTS (SELECT 1 FROM tasks_jobs WHERE state = 1 AND crashes < 2 AND limited = 1) \
         OR EXISTS (SELECT 1 FROM tasks_jobs WHERE state = 1 AND crashes > 1) \
         OR EXISTS (SELECT 1 FROM tasks_jobs WHERE state = 0 AND run_at <= $1) \
         OR EXISTS (SELECT 1 FROM tasks_schedules WHERE paused = 0 AND next_run_at <= $1) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS found";
    let found: Found = with_conn!(conn, |conn| {
        statement(sql).bind::<BigInt, _>(now).get_result(conn).await
    })?;
    Ok(found.found > 0)
}

#[derive(diesel::QueryableByName)]
struct Next {
    #[diesel(sql_type = Nullable<BigInt>)]
    at: Option<i64>,
}

/// Makes jobs ready whose time has come. Gives the time of the next one.
pub(in crate::jobs) async fn promote(
    conn: &mut Connection,
    now: i64,
) -> Result<Option<i64>, JobError> {
    let due: Next = with_conn!(conn, |conn| {
        statement("SELECT MIN(run_at) AS at FROM tasks_jobs WHERE state = 0")
            .get_result(conn)
            .await
    })?;
    match due.at {
        Some(at) if at <= now => {}
        later => return Ok(later),
    }
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!(
        "UPDATE tasks_jobs SET state = 1 WHERE id IN \
         (SELECT id FROM tasks_jobs WHERE state = 0 AND run_at <= $1 ORDER BY run_at LIMIT 1000{lock})"
    );
    with_conn!(conn, |conn| {
        statement(sql).bind::<BigInt, _>(now).execute(conn).await
    })?;
    let due: Next = with_conn!(conn, |conn| {
        statement("SELECT MIN(run_at) AS at FROM tasks_jobs WHERE state = 0")
            .get_result(conn)
            .await
    })?;
    Ok(due.at)
}
