//! Jobs of tasks that have limits over all processes: they are found and claimed by their task and their key.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::claim::set;
use super::claimed_job::{ClaimedJob, ClaimedRow};
use super::due::{NAME, NameRow};
use crate::database::{Backend, Connection, ConnectionKind, statement};
use crate::jobs::distinct_values::distinct_values;
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::sql;
use crate::with_conn;

/// The keys of ready jobs of a task, in their order, after one of them or from the first one on. Reads one entry of an index for each.
pub(in crate::jobs) async fn keys(
    conn: &mut Connection,
    (queue, task): (&str, &str),
    after: Option<&str>,
    most: usize,
) -> Result<Vec<String>, JobError> {
    let of_task = format!("{} AND queue = $1 AND task_name = $2", sql::READY_LIMITED);
    let first = match after {
        Some(_) => "AND concurrency_key > $3",
        None => "AND $3 IS NULL",
    };
    let keys = distinct_values("concurrency_key", &of_task, first);
    let sql = format!("{keys} SELECT name FROM found WHERE name IS NOT NULL LIMIT $4");
    let names: Vec<NameRow> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(queue)
            .bind::<Text, _>(task)
            .bind::<Nullable<Text>, _>(after)
            .bind::<BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX))
            .load(conn)
            .await
    })?;
    Ok(names.into_iter().map(|name| name.name).collect())
}

/// What a claim is for: the worker, the queue and the task.
#[derive(Clone, Copy)]
pub(in crate::jobs) struct ClaimFor<'a> {
    pub(in crate::jobs) worker: &'a str,
    pub(in crate::jobs) queue: &'a str,
    pub(in crate::jobs) task: &'a str,
}

/// A job and the key it was claimed by.
#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    job: ClaimedRow,
    #[diesel(sql_type = Nullable<Text>)]
    concurrency_key: Option<String>,
}

/// Takes so many jobs of each key, by priority and then by age. Parameters of more bytes than `inline_params` are left to be read later, and
/// the jobs `without` are left out.
pub(in crate::jobs) async fn claim(
    conn: &mut Connection,
    whom: ClaimFor<'_>,
    shares: &[(&str, usize)],
    (inline_params, now): (usize, i64),
    without: &[JobId],
) -> Result<Vec<(ClaimedJob, String)>, JobError> {
    let (set, columns) = (set(conn.backend()), ClaimedRow::COLUMNS);
    let ready = sql::READY_LIMITED;
    let inline_params = i64::try_from(inline_params).unwrap_or(i64::MAX);
    let without = serde_json::to_string(without).unwrap_or_default();
    let most = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let rows: Vec<Row> = match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            let of_key = format!(
                "SELECT id FROM tasks_jobs WHERE {ready} AND queue = $3 AND task_name = $4 AND concurrency_key = wanted.value \
                 AND id NOT IN (SELECT value FROM json_each($8)) ORDER BY priority DESC, run_at, id LIMIT $7"
            );
            // Keys that get one each are one statement.
            let picked = if shares.iter().all(|(_, share)| *share == 1) {
                format!("SELECT ({of_key}) FROM json_each($5) AS wanted")
            } else {
                of_key.replace("wanted.value", "(SELECT value FROM json_each($5))")
            };
            let sql = format!(
                "UPDATE tasks_jobs {set} WHERE id IN ({picked}) RETURNING {columns}, concurrency_key"
            );
            let json = |keys: &[&str]| serde_json::to_string(keys).unwrap_or_default();
            let shares: Vec<(String, i64)> = if shares.iter().all(|(_, share)| *share == 1) {
                let keys: Vec<&str> = shares.iter().map(|(key, _)| *key).collect();
                vec![(json(&keys), 1)]
            } else {
                let share = |(key, share): &(&str, usize)| (json(&[*key]), most(*share));
                shares.iter().map(share).collect()
            };
            let [worker, queue, task] = [whom.worker, whom.queue, whom.task].map(str::to_owned);
            // One visit to the thread for all of them.
            conn.spawn_blocking(move |conn| {
                let mut rows = Vec::new();
                for (key, share) in &shares {
                    let query = statement(&sql)
                        .bind::<Text, _>(&worker)
                        .bind::<BigInt, _>(now)
                        .bind::<Text, _>(&queue)
                        .bind::<Text, _>(&task)
                        .bind::<Text, _>(key)
                        .bind::<BigInt, _>(inline_params)
                        .bind::<BigInt, _>(share)
                        .bind::<Text, _>(&without);
                    rows.extend(diesel::RunQueryDsl::load::<Row>(query, conn)?);
                }
                Ok::<_, diesel::result::Error>(rows)
            })
            .await?
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            use diesel::sql_types::Array;

            let sql = format!(
                "WITH picked AS MATERIALIZED (SELECT job.id FROM unnest($5::text[], $7::bigint[]) AS wanted (key, most) \
                 CROSS JOIN LATERAL (SELECT id FROM tasks_jobs WHERE {ready} AND queue = $3 AND task_name = $4 \
                 AND concurrency_key = wanted.key \
                 AND id <> ALL (ARRAY(SELECT jsonb_array_elements_text(CAST($8 AS JSONB)))) \
                 ORDER BY priority DESC, run_at, id LIMIT wanted.most FOR UPDATE SKIP LOCKED) AS job) \
                 UPDATE tasks_jobs {set} FROM picked WHERE tasks_jobs.id = picked.id RETURNING {columns}, tasks_jobs.concurrency_key"
            );
            let keys: Vec<&str> = shares.iter().map(|(key, _)| *key).collect();
            let counts: Vec<i64> = shares.iter().map(|(_, share)| most(*share)).collect();
            let query = statement(sql)
                .bind::<Text, _>(whom.worker)
                .bind::<BigInt, _>(now)
                .bind::<Text, _>(whom.queue)
                .bind::<Text, _>(whom.task)
                .bind::<Array<Text>, _>(keys)
                .bind::<BigInt, _>(inline_params)
                .bind::<Array<BigInt>, _>(counts)
                .bind::<Text, _>(&without);
            RunQueryDsl::load(query, conn).await?
        }
    };
    let read = |row: Row| Some((row.job.read()?, row.concurrency_key.unwrap_or_default()));
    let mut claimed: Vec<(ClaimedJob, String)> = rows.into_iter().filter_map(read).collect();
    claimed.sort_by_key(|(job, _)| (job.run_at, job.key.job));
    Ok(claimed)
}

#[derive(QueryableByName)]
struct QuarantinedRow {
    #[diesel(sql_type = Text)]
    id: JobId,
    #[diesel(sql_type = Text)]
    name: String,
}

/// The first jobs of a queue that are run alone and of one of these tasks, but for those `without`; each with its task.
pub(in crate::jobs) async fn quarantined(
    conn: &mut Connection,
    queue: &str,
    tasks: &[&str],
    without: &[JobId],
) -> Result<Vec<(JobId, String)>, JobError> {
    const MOST: i64 = 100;
    let (these, others) = match conn.backend() {
        Backend::Sqlite => (
            "IN (SELECT value FROM json_each($2))",
            "NOT IN (SELECT value FROM json_each($3))",
        ),
        Backend::Postgres => (
            "IN (SELECT jsonb_array_elements_text(CAST($2 AS JSONB)))",
            "NOT IN (SELECT jsonb_array_elements_text(CAST($3 AS JSONB)))",
        ),
    };
    let sql = format!(
        "SELECT id, {NAME} AS name FROM tasks_jobs WHERE {} AND queue = $1 AND {NAME} {these} AND id {others} \
         ORDER BY priority DESC, run_at, id LIMIT {MOST}",
        sql::READY_QUARANTINED
    );
    let rows: Vec<QuarantinedRow> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(queue)
            .bind::<Text, _>(serde_json::to_string(tasks).unwrap_or_default())
            .bind::<Text, _>(serde_json::to_string(without).unwrap_or_default())
            .load(conn)
            .await
    })?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
