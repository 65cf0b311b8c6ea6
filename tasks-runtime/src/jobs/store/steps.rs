//! The steps of jobs.

use std::collections::HashMap;
#[cfg(feature = "postgres")]
use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Connection, ConnectionKind, statement};
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::limits::{MAX_STEP_RESULT, MAX_STEPS};
use crate::jobs::pending_reason::StepWait;
use crate::jobs::state::number::RUNNING;
use crate::jobs::step_record::{JobStep, StepKind, StepStatus};
use crate::jobs::table::tasks_job_steps;
use crate::with_conn;

/// What a step came to, or what it waits for, to be stored.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct StepRow {
    pub(in crate::jobs) attempt: AttemptKey,
    /// The version of the task.
    pub(in crate::jobs) task_version: i32,
    pub(in crate::jobs) name: String,
    pub(in crate::jobs) kind: StepKind,
    pub(in crate::jobs) started_at: i64,
    pub(in crate::jobs) finished_at: Option<i64>,
    pub(in crate::jobs) waits_until: Option<i64>,
    pub(in crate::jobs) event: Option<String>,
    /// The job that it has submitted.
    pub(in crate::jobs) child: Option<JobId>,
    pub(in crate::jobs) result: Option<String>,
    pub(in crate::jobs) error: Option<String>,
}

impl StepRow {
    /// How long its result is.
    pub(in crate::jobs) fn result_bytes(&self) -> usize {
        self.result.as_ref().map_or(0, String::len)
    }

    /// Refuses a result that is too long.
    pub(in crate::jobs) fn check_size(&self) -> Result<(), JobError> {
        let bytes = self.result_bytes();
        if bytes <= MAX_STEP_RESULT {
            return Ok(());
        }
        Err(JobError::StepResultTooLarge {
            id: self.attempt.job,
            step: self.name.clone(),
            bytes,
        })
    }
}

/// A step as an attempt finds it.
#[derive(Clone, Debug, Queryable)]
pub(in crate::jobs) struct StoredStep {
    pub(in crate::jobs) name: String,
    pub(in crate::jobs) started_at: i64,
    pub(in crate::jobs) finished_at: Option<i64>,
    pub(in crate::jobs) waits_until: Option<i64>,
    /// The job that it has submitted.
    pub(in crate::jobs) child: Option<JobId>,
    pub(in crate::jobs) result: Option<String>,
    pub(in crate::jobs) error: Option<String>,
    pub(in crate::jobs) task_version: i32,
}

impl StoredStep {
    /// Until when it sleeps, or waits for an event.
    pub(in crate::jobs) fn waits_until(&self) -> Option<i64> {
        self.waits_until.filter(|_| self.child.is_none())
    }
}

fn number(kind: StepKind) -> i32 {
    match kind {
        StepKind::Step => 0,
        StepKind::Sleep => 1,
        StepKind::Event => 2,
        StepKind::Child => 3,
    }
}

fn kind(number: i32) -> StepKind {
    match number {
        1 => StepKind::Sleep,
        2 => StepKind::Event,
        3 => StepKind::Child,
        _ => StepKind::Step,
    }
}

/// What is stored of a step stays once it has a result, and so does its child.
const UNLESS_DONE: &str = "ON CONFLICT (job_id, name) DO UPDATE SET kind = excluded.kind, attempt = excluded.attempt, \
     started_at = CASE WHEN tasks_job_steps.finished_at IS NULL OR tasks_job_steps.child_id IS NOT NULL THEN tasks_job_steps.started_at ELSE excluded.started_at END, \
     finished_at = excluded.finished_at, waits_until = excluded.waits_until, event = excluded.event, result = excluded.result, error = excluded.error, \
     task_version = excluded.task_version, child_id = excluded.child_id \
     WHERE tasks_job_steps.result IS NULL AND (tasks_job_steps.child_id IS NULL OR tasks_job_steps.child_id = excluded.child_id)";

/// Stores steps, those whose attempts count and that have no result yet. Says of each whether it was.
pub(in crate::jobs) async fn put_steps(
    conn: &mut Connection,
    rows: &[StepRow],
) -> Result<Vec<bool>, JobError> {
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            let sql = format!(
                "INSERT INTO tasks_job_steps (job_id, name, kind, attempt, started_at, finished_at, waits_until, event, result, error, task_version, child_id) \
                 SELECT id, $1, $2, attempt, $3, $4, $5, $6, $7, $8, $9, $10 FROM tasks_jobs WHERE id = $11 AND fence = $12 AND state + 0 = {RUNNING} \
                 {UNLESS_DONE}"
            );
            let rows = rows.to_vec();
            // One visit to the thread for all of them.
            let stored = conn.spawn_blocking(move |conn| {
                let put = |row: &StepRow| {
                    let query = statement(sql.as_str())
                        .bind::<Text, _>(&row.name)
                        .bind::<Integer, _>(number(row.kind))
                        .bind::<BigInt, _>(row.started_at)
                        .bind::<Nullable<BigInt>, _>(row.finished_at)
                        .bind::<Nullable<BigInt>, _>(row.waits_until)
                        .bind::<Nullable<Text>, _>(&row.event)
                        .bind::<Nullable<Text>, _>(&row.result)
                        .bind::<Nullable<Text>, _>(&row.error)
                        .bind::<Integer, _>(row.task_version)
                        .bind::<Nullable<Text>, _>(row.child)
                        .bind::<Text, _>(row.attempt.job)
                        .bind::<BigInt, _>(row.attempt.fence);
                    diesel::RunQueryDsl::execute(query, conn).map(|rows| rows > 0)
                };
                rows.iter().map(put).collect::<QueryResult<Vec<bool>>>()
            });
            Ok(stored.await?)
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => put_steps_postgres(conn, rows).await,
    }
}

#[cfg(feature = "postgres")]
async fn put_steps_postgres(
    conn: &mut crate::database::PgConnection,
    rows: &[StepRow],
) -> Result<Vec<bool>, JobError> {
    use diesel::sql_types::Array;

    #[derive(QueryableByName)]
    struct Put {
        #[diesel(sql_type = Text)]
        job_id: JobId,
        #[diesel(sql_type = Text)]
        name: String,
    }

    let sql = format!(
        "INSERT INTO tasks_job_steps (job_id, name, kind, attempt, started_at, finished_at, waits_until, event, result, error, task_version, child_id) \
         SELECT j.id, s.name, s.kind, j.attempt, s.started_at, s.finished_at, s.waits_until, s.event, s.result, s.error, s.task_version, s.child_id \
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::integer[], $12::text[]) \
         AS s (job_id, fence, name, kind, started_at, finished_at, waits_until, event, result, error, task_version, child_id) \
         JOIN tasks_jobs j ON j.id = s.job_id AND j.fence = s.fence AND j.state + 0 = {RUNNING} \
         ORDER BY j.id, s.name {UNLESS_DONE} RETURNING job_id, name"
    );
    macro_rules! column {
        (|$row:ident| $value:expr) => {
            rows.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    let query = statement(sql)
        .bind::<Array<Text>, _>(column!(|row| row.attempt.job))
        .bind::<Array<BigInt>, _>(column!(|row| row.attempt.fence))
        .bind::<Array<Text>, _>(column!(|row| row.name.as_str()))
        .bind::<Array<Integer>, _>(column!(|row| number(row.kind)))
        .bind::<Array<BigInt>, _>(column!(|row| row.started_at))
        .bind::<Array<Nullable<BigInt>>, _>(column!(|row| row.finished_at))
        .bind::<Array<Nullable<BigInt>>, _>(column!(|row| row.waits_until))
        .bind::<Array<Nullable<Text>>, _>(column!(|row| row.event.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(column!(|row| row.result.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(column!(|row| row.error.as_deref()))
        .bind::<Array<Integer>, _>(column!(|row| row.task_version))
        .bind::<Array<Nullable<Text>>, _>(column!(|row| row.child));
    let put: Vec<Put> = query.load(conn).await?;
    let put: HashSet<(JobId, String)> = put.into_iter().map(|put| (put.job_id, put.name)).collect();
    let is_put = |row: &StepRow| put.contains(&(row.attempt.job, row.name.clone()));
    Ok(rows.iter().map(is_put).collect())
}

/// All steps of a job, by name, as an attempt needs them.
pub(in crate::jobs) async fn stored_steps(
    conn: &mut Connection,
    job: JobId,
) -> Result<HashMap<String, StoredStep>, JobError> {
    let rows: Vec<StoredStep> = with_conn!(conn, |conn| {
        tasks_job_steps::table
            .filter(tasks_job_steps::job_id.eq(job))
            .select((
                tasks_job_steps::name,
                tasks_job_steps::started_at,
                tasks_job_steps::finished_at,
                tasks_job_steps::waits_until,
                tasks_job_steps::child_id,
                tasks_job_steps::result,
                tasks_job_steps::error,
                tasks_job_steps::task_version,
            ))
            .load(conn)
            .await
    })?;
    let by_name = |step: StoredStep| (step.name.clone(), step);
    Ok(rows.into_iter().map(by_name).collect())
}

/// The version of the task that a job belongs to: that of its first step; `None` when it has none.
pub(in crate::jobs) async fn version_of_steps(
    conn: &mut Connection,
    job: JobId,
) -> Result<Option<i32>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_steps::table
            .filter(tasks_job_steps::job_id.eq(job))
            .order((tasks_job_steps::started_at, tasks_job_steps::name))
            .select(tasks_job_steps::task_version)
            .first(conn)
            .await
            .optional()
    })?)
}

/// One of them.
pub(in crate::jobs) async fn stored_step(
    conn: &mut Connection,
    job: JobId,
    name: &str,
) -> Result<Option<StoredStep>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_steps::table
            .find((job, name))
            .select((
                tasks_job_steps::name,
                tasks_job_steps::started_at,
                tasks_job_steps::finished_at,
                tasks_job_steps::waits_until,
                tasks_job_steps::child_id,
                tasks_job_steps::result,
                tasks_job_steps::error,
                tasks_job_steps::task_version,
            ))
            .first(conn)
            .await
            .optional()
    })?)
}

#[derive(QueryableByName)]
struct ListedStep {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Integer)]
    kind: i32,
    #[diesel(sql_type = Integer)]
    attempt: i32,
    #[diesel(sql_type = BigInt)]
    started_at: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    finished_at: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    waits_until: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    event: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    child_id: Option<JobId>,
    #[diesel(sql_type = Nullable<BigInt>)]
    result_bytes: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
}

/// The steps of a job in the order in which they began.
pub(in crate::jobs) async fn steps(
    conn: &mut Connection,
    job: JobId,
) -> Result<Vec<JobStep>, JobError> {
    let sql = format!(
        "SELECT name, kind, attempt, started_at, finished_at, waits_until, event, child_id, \
         CAST(octet_length(result) AS BIGINT) AS result_bytes, error FROM tasks_job_steps \
         WHERE job_id = $1 ORDER BY started_at, finished_at, name LIMIT {MAX_STEPS}"
    );
    let rows: Vec<ListedStep> = with_conn!(conn, |conn| {
        statement(sql).bind::<Text, _>(job).load(conn).await
    })?;
    let time = |micros| chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    let listed = |row: ListedStep| JobStep {
        status: match (row.finished_at, &row.error) {
            (None, _) => StepStatus::Waiting,
            (Some(_), None) => StepStatus::Completed,
            (Some(_), Some(_)) => StepStatus::Failed,
        },
        name: row.name,
        kind: kind(row.kind),
        attempt: row.attempt.unsigned_abs(),
        started_at: time(row.started_at),
        finished_at: row.finished_at.map(time),
        // Until when a child runs nobody knows.
        waits_until: row.waits_until.filter(|_| row.child_id.is_none()).map(time),
        event: row.event,
        child_id: row.child_id,
        result_bytes: match row.error {
            None => row.result_bytes.map(i64::unsigned_abs),
            Some(_) => None,
        },
        error: row.error,
    };
    Ok(rows.into_iter().map(listed).collect())
}

/// The jobs among these whose code waits, with what it waits for. Of several waits of a job the one that ends first.
pub(in crate::jobs) async fn waits(
    conn: &mut Connection,
    jobs: &[String],
) -> Result<HashMap<String, StepWait>, JobError> {
    let rows: Vec<(String, Option<String>, Option<JobId>)> = with_conn!(conn, |conn| {
        tasks_job_steps::table
            .filter(tasks_job_steps::job_id.eq_any(jobs))
            .filter(tasks_job_steps::finished_at.is_null())
            .filter(tasks_job_steps::waits_until.is_not_null())
            .order(tasks_job_steps::waits_until.desc())
            .select((
                tasks_job_steps::job_id,
                tasks_job_steps::event,
                tasks_job_steps::child_id,
            ))
            .load(conn)
            .await
    })?;
    let wait = |(job, event, child): (String, Option<String>, Option<JobId>)| {
        let wait = match (event, child) {
            (_, Some(child)) => StepWait::Child(child),
            (Some(event), None) => StepWait::Event(event),
            (None, None) => StepWait::Time,
        };
        (job, wait)
    };
    Ok(rows.into_iter().map(wait).collect())
}

/// Forgets the waits of a job whose event did not come: it waits for them again. One that the code has gone on after stays.
pub(in crate::jobs) async fn forget_missed_events(
    conn: &mut Connection,
    job: JobId,
) -> Result<(), JobError> {
    const EVENT: &str = "kind = 2 AND (error IS NOT NULL OR finished_at IS NULL)";
    let sql = format!(
        "DELETE FROM tasks_job_steps WHERE job_id = $1 AND {EVENT} AND NOT EXISTS (SELECT 1 FROM tasks_job_steps later \
         WHERE later.job_id = tasks_job_steps.job_id AND later.started_at > tasks_job_steps.finished_at AND later.result IS NOT NULL)"
    );
    with_conn!(conn, |conn| {
        statement(sql).bind::<Text, _>(job).execute(conn).await
    })?;
    Ok(())
}
