//! Gives ready jobs to a worker.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel_async::RunQueryDsl;

use super::claimed_job::{ClaimedJob, ClaimedRow};
use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::number::RUNNING;
use crate::jobs::state::sql;
use crate::with_conn;

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum ClaimKind {
    /// Jobs that one process died of at most, of tasks of which any number runs at once.
    Normal,
    /// Jobs that one process died of at most, of one task: one that limits how many run at once, or that some worker does not have.
    ByName(String),
    /// Jobs of tasks that have limits over all processes, which are claimed [apart](super::limited_claims).
    Limited,
    /// Jobs that ran when their processes died, more than once. They run one at a time in each process, so that the one that kills it is found
    /// and the others are not blamed. Not of these tasks, which have no place left.
    Quarantined(Vec<String>),
}

/// No job begins before it was submitted: the reading of the clock that said so may have been a little ahead.
pub(super) fn set(backend: Backend) -> String {
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
        (ClaimKind::Limited, _) => return Ok(Vec::new()),
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
