//! Gives ready jobs to a worker.

use std::collections::BTreeSet;

use crate::jobs::id::JobId;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::claimed::{ClaimedJob, ClaimedRow};
use crate::database::{Backend, Connection, statement};
use crate::jobs::attempt_key::{AttemptKey, Fence};
use crate::jobs::engine::DueAttempt;
use crate::jobs::error::JobError;
use crate::jobs::state::number::{self, RUNNING};
use crate::jobs::state::{JobState, sql};
use crate::jobs::table::tasks_jobs;
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::with_conn;

/// The name of a task in a health: as it is, it would lead to the index of all jobs of the task.
const NAME: &str = "COALESCE(task_name, '')";

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum ClaimKind {
    /// Jobs that one process died of at most, of tasks of which any number runs at once.
    Normal,
    /// Jobs that one process died of at most, of one task: one that limits how many run at once, or that some worker does not have.
    ByName(String),
    /// Jobs that ran when their processes died, more than once. They run one at a time in each process, so that the one that kills it is found
    /// and the others are not blamed. Not of these tasks, which have no place left.
    Quarantined(Vec<String>),
}

/// Conditions of jobs that may be claimed. Each has an index.
const READY: [&str; 3] = [
    sql::READY_SHARED,
    sql::READY_BY_NAME,
    sql::READY_QUARANTINED,
];

/// No job begins before it was submitted: the reading of the clock that said so may have been a little ahead.
fn set(backend: Backend) -> String {
    let later = match backend {
        Backend::Sqlite => "MAX",
        Backend::Postgres => "GREATEST",
    };
    format!(
        "SET state = {RUNNING}, attempt = attempt + 1, fence = fence + 1, worker = $1, \
         started_at = {later}($2, submitted_at), progress = NULL"
    )
}

/// Takes up to `limit` jobs of a queue, by priority and then by age; only of one priority, if that is said. Parameters of more bytes than
/// `inline_params` are left to be read later, and the jobs `without` are left out.
pub(in crate::jobs) async fn claim(
    conn: &mut Connection,
    worker: &str,
    (queue, kind, priority): (&str, &ClaimKind, Option<i32>),
    (limit, inline_params): (usize, usize),
    (without, now): (&[JobId], i64),
) -> Result<Vec<ClaimedJob>, JobError> {
    // The names go as JSON: one text of the statement, however many there are.
    let (which, names) = match (kind, conn.backend()) {
        (ClaimKind::Normal, _) => (format!("{} AND $5 = ''", sql::READY_SHARED), String::new()),
        (ClaimKind::ByName(task), _) => (
            format!("{} AND task_name = $5", sql::READY_BY_NAME),
            task.clone(),
        ),
        (ClaimKind::Quarantined(full), backend) => {
            let not_full = match backend {
                Backend::Sqlite => "task_name NOT IN (SELECT value FROM json_each($5))",
                Backend::Postgres => "NOT CAST($5 AS JSONB) ? task_name",
            };
            (
                format!("{} AND {not_full}", sql::READY_QUARANTINED),
                serde_json::to_string(full).unwrap_or_default(),
            )
        }
    };
    let of_priority = priority.map_or("", |_| "AND priority = $7 ");
    let left_out = match (without, conn.backend()) {
        ([], _) => "",
        (_, Backend::Sqlite) => "AND $7 = $7 AND id NOT IN (SELECT value FROM json_each($8)) ",
        (_, Backend::Postgres) => {
            "AND $7 = $7 AND id <> ALL (ARRAY(SELECT jsonb_array_elements_text(CAST($8 AS JSONB)))) "
        }
    };
    let picked = format!(
        "SELECT id FROM tasks_jobs WHERE {which} AND queue = $3 {of_priority}{left_out}\
         ORDER BY priority DESC, run_at, id LIMIT $4"
    );
    let (set, columns) = (set(conn.backend()), ClaimedRow::COLUMNS);
    let sql = match conn.backend() {
        Backend::Sqlite => {
            format!("UPDATE tasks_jobs {set} WHERE id IN ({picked}) RETURNING {columns}")
        }
        // Materialized, so that it is looked for once; what another process has just taken is skipped.
        Backend::Postgres => format!(
            "WITH picked AS MATERIALIZED ({picked} FOR UPDATE SKIP LOCKED) \
             UPDATE tasks_jobs {set} FROM picked WHERE tasks_jobs.id = picked.id RETURNING {columns}"
        ),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let inline_params = i64::try_from(inline_params).unwrap_or(i64::MAX);
    let rows: Vec<ClaimedRow> = with_conn!(conn, |conn| {
        let statement = statement(sql)
            .bind::<Text, _>(worker)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(queue)
            .bind::<BigInt, _>(limit)
            .bind::<Text, _>(names)
            .bind::<BigInt, _>(inline_params);
        match (priority, without) {
            (None, []) => statement.load(conn).await,
            (Some(priority), []) => statement.bind::<Integer, _>(priority).load(conn).await,
            (priority, without) => {
                statement
                    .bind::<Integer, _>(priority.unwrap_or_default())
                    .bind::<Text, _>(serde_json::to_string(without).unwrap_or_default())
                    .load(conn)
                    .await
            }
        }
    })?;
    let mut claimed: Vec<ClaimedJob> = rows.into_iter().filter_map(ClaimedRow::read).collect();
    claimed.sort_by_key(|job| (job.run_at, job.key.job));
    Ok(claimed)
}

/// Takes one job, if it is ready. Parameters of more bytes than that are left to be read later.
pub(in crate::jobs) async fn claim_one(
    conn: &mut Connection,
    worker: &str,
    job: JobId,
    (inline_params, now): (usize, i64),
) -> Result<Option<ClaimedJob>, JobError> {
    let (set, columns) = (set(conn.backend()), ClaimedRow::COLUMNS);
    let ready = sql::READY;
    // The same columns as of a claim, with the same numbers of values.
    let sql = format!(
        "UPDATE tasks_jobs {set} WHERE id = $3 AND {ready} AND $4 = $5 RETURNING {columns}"
    );
    let inline_params = i64::try_from(inline_params).unwrap_or(i64::MAX);
    let row: Option<ClaimedRow> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(worker)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(job)
            .bind::<BigInt, _>(0)
            .bind::<BigInt, _>(0)
            .bind::<BigInt, _>(inline_params)
            .get_result(conn)
            .await
            .optional()
    })?;
    Ok(row.and_then(ClaimedRow::read))
}

/// How long the parameters of a job are, in bytes, if the attempt counts.
pub(in crate::jobs) async fn params_size(
    conn: &mut Connection,
    key: AttemptKey,
) -> Result<Option<i64>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(key.job)
            .filter(tasks_jobs::fence.eq(key.fence))
            .filter(tasks_jobs::state.eq(JobState::Running))
            .select(sql::<BigInt>("CAST(octet_length(params) AS BIGINT)"))
            .first(conn)
            .await
            .optional()
    })?)
}

/// The parameters of a job, if the attempt counts.
pub(in crate::jobs) async fn params(
    conn: &mut Connection,
    key: AttemptKey,
) -> Result<Option<String>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(key.job)
            .filter(tasks_jobs::fence.eq(key.fence))
            .filter(tasks_jobs::state.eq(JobState::Running))
            .select(tasks_jobs::params)
            .first(conn)
            .await
            .optional()
    })?)
}

/// A job that somebody asks for.
#[derive(Queryable)]
pub(in crate::jobs) struct RequestedJob {
    pub(in crate::jobs) state: JobState,
    pub(in crate::jobs) queue: String,
    pub(in crate::jobs) task_name: Option<String>,
    pub(in crate::jobs) crashes: i32,
}

pub(in crate::jobs) async fn requested_job(
    conn: &mut Connection,
    job: JobId,
) -> Result<Option<RequestedJob>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(job)
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
pub(in crate::jobs) async fn state_and_fence(
    conn: &mut Connection,
    id: JobId,
) -> Result<Option<(JobState, Fence)>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(id)
            .select((tasks_jobs::state, tasks_jobs::fence))
            .first(conn)
            .await
            .optional()
    })?)
}

/// Jobs of a queue that are ready, by priority and then by age. Suspects are few: all queues have them at once.
pub(in crate::jobs) async fn due_attempts(
    conn: &mut Connection,
    queue: &str,
    known: &[&str],
    most: i64,
) -> Result<Vec<DueAttempt>, JobError> {
    let mut rows: Vec<(String, Fence)> = Vec::new();
    for which in READY {
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

/// Marks pending jobs as claimed by the name of their task, or not, as the tasks of this process have it: a new version of the program may
/// limit other tasks.
pub(in crate::jobs) async fn mark_by_name(
    conn: &mut Connection,
    registry: &TaskRegistry,
) -> Result<(), JobError> {
    for by_name in [true, false] {
        let names: Vec<&str> = registry
            .iter()
            .filter(|task| task.policy().max_concurrency.is_some() == by_name)
            .map(RegisteredTask::name)
            .collect();
        for state in [
            sql::SCHEDULED,
            sql::READY_NOT_QUARANTINED,
            sql::READY_QUARANTINED,
        ] {
            for names in names.chunks(1000) {
                let was = format!("{state} AND by_name = {}", i32::from(!by_name));
                with_conn!(conn, |conn| {
                    diesel::update(
                        tasks_jobs::table
                            .filter(sql::<Bool>(&was))
                            .filter(sql::<Text>(NAME).eq_any(names)),
                    )
                    .set(tasks_jobs::by_name.eq(i32::from(by_name)))
                    .execute(conn)
                    .await
                })?;
            }
        }
    }
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// Whether there is a job to be taken.
pub(in crate::jobs) async fn any_claimable(
    conn: &mut Connection,
    now: i64,
) -> Result<bool, JobError> {
    let any_ready: String = READY
        .iter()
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
}

async fn waiting(conn: &mut Connection) -> Result<NextDue, JobError> {
    let sql = format!(
        "SELECT (SELECT MIN(run_at) FROM tasks_jobs WHERE {waiting}) AS at, \
         CASE WHEN EXISTS (SELECT 1 FROM tasks_jobs WHERE {by_name}) \
         THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS by_name",
        waiting = sql::SCHEDULED,
        by_name = sql::READY_BY_NAME
    );
    Ok(with_conn!(conn, |conn| {
        statement(sql).get_result(conn).await
    })?)
}

/// Makes jobs ready whose time has come, and says what waits then.
pub(in crate::jobs) async fn promote(conn: &mut Connection, now: i64) -> Result<NextDue, JobError> {
    let due = waiting(conn).await?;
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
    waiting(conn).await
}

/// Gives jobs back that were claimed in this transaction, of tasks that this process does not have: nobody sees that they were.
/// They are claimed by name from then on.
pub(in crate::jobs) async fn return_unknown(
    conn: &mut Connection,
    worker: &str,
    jobs: &[ClaimedJob],
) -> Result<(), JobError> {
    let ids: Vec<JobId> = jobs.iter().map(|job| job.key.job).collect();
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    let these = match conn.backend() {
        Backend::Sqlite => "id IN (SELECT value FROM json_each($1))",
        Backend::Postgres => "id IN (SELECT jsonb_array_elements_text(CAST($1 AS JSONB)))",
    };
    let sql = format!(
        "UPDATE tasks_jobs SET state = {ready}, attempt = attempt - 1, worker = NULL, by_name = 1, \
         started_at = CASE WHEN attempt = 1 THEN NULL ELSE started_at END WHERE {these} AND worker = $2",
        ready = number::READY
    );
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(ids)
            .bind::<Text, _>(worker)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Has ready jobs of tasks that this process does not have be claimed by name, so that nobody else has to step over them.
pub(in crate::jobs) async fn claim_by_name(
    conn: &mut Connection,
    queue: &str,
    tasks: &BTreeSet<String>,
) -> Result<(), JobError> {
    let names = serde_json::to_string(tasks).unwrap_or_default();
    let (these, lock) = match conn.backend() {
        Backend::Sqlite => ("(SELECT value FROM json_each($2))", ""),
        Backend::Postgres => (
            "(SELECT jsonb_array_elements_text(CAST($2 AS JSONB)))",
            " FOR UPDATE SKIP LOCKED",
        ),
    };
    let sql = format!(
        "UPDATE tasks_jobs SET by_name = 1 WHERE id IN (SELECT id FROM tasks_jobs \
         WHERE {normal} AND queue = $1 AND {NAME} IN {these} LIMIT 5000{lock})",
        normal = sql::READY_SHARED
    );
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(queue)
            .bind::<Text, _>(names)
            .execute(conn)
            .await
    })?;
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The tasks of the jobs of a queue that would begin next, but for those that are claimed by name.
pub(in crate::jobs) async fn next_task_names(
    conn: &mut Connection,
    queue: &str,
) -> Result<Vec<String>, JobError> {
    let mut names = Vec::new();
    for which in [
        sql::READY_SHARED.to_owned(),
        format!("{} AND by_name = 0", sql::READY_QUARANTINED),
    ] {
        let sql = format!(
            "SELECT DISTINCT task_name AS name FROM (SELECT task_name FROM tasks_jobs WHERE {which} AND queue = $1 \
             ORDER BY priority DESC, run_at, id LIMIT 1000) AS front WHERE task_name IS NOT NULL"
        );
        let found: Vec<Name> = with_conn!(conn, |conn| {
            statement(sql).bind::<Text, _>(queue).load(conn).await
        })?;
        names.extend(found.into_iter().map(|name| name.name));
    }
    Ok(names)
}

/// The queues of jobs that are ready. Reads one entry of an index for each, of each kind of job.
pub(in crate::jobs) async fn ready_queues(
    conn: &mut Connection,
) -> Result<BTreeSet<String>, JobError> {
    let mut queues = BTreeSet::new();
    for which in READY {
        let ready = format!("FROM tasks_jobs WHERE {which}");
        let sql = format!(
            "WITH RECURSIVE queues(name) AS (SELECT MIN(queue) {ready} UNION ALL \
             SELECT (SELECT MIN(queue) {ready} AND queue > queues.name) FROM queues WHERE name IS NOT NULL) \
             SELECT name FROM queues WHERE name IS NOT NULL"
        );
        let found: Vec<Name> = with_conn!(conn, |conn| { statement(sql).load(conn).await })?;
        queues.extend(found.into_iter().map(|queue| queue.name));
    }
    Ok(queues)
}

/// The tasks of a queue of which there are ready jobs that are claimed by name. Reads one entry of an index for each.
pub(in crate::jobs) async fn by_name_tasks(
    conn: &mut Connection,
    queue: &str,
) -> Result<Vec<String>, JobError> {
    let of_queue = format!(
        "FROM tasks_jobs WHERE {} AND queue = $1",
        sql::READY_BY_NAME
    );
    let sql = format!(
        "WITH RECURSIVE names(name) AS (SELECT MIN(task_name) {of_queue} UNION ALL \
         SELECT (SELECT MIN(task_name) {of_queue} AND task_name > names.name) FROM names WHERE name IS NOT NULL) \
         SELECT name FROM names WHERE name IS NOT NULL"
    );
    let names: Vec<Name> = with_conn!(conn, |conn| {
        statement(sql).bind::<Text, _>(queue).load(conn).await
    })?;
    Ok(names.into_iter().map(|name| name.name).collect())
}
