//! Jobs that are claimed by the name of their task, because that limits how many of them run at once, or because some worker does not
//! have it.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;

use super::claimed_job::ClaimedJob;
use super::due::{NAME, NameRow};
use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::{number, sql};
use crate::jobs::table::tasks_jobs;
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::with_conn;

/// Marks pending jobs as claimed by the name of their task, or not, as the tasks of this process have it: a new version of the program may
/// limit other tasks.
pub(in crate::jobs) async fn mark(
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
pub(in crate::jobs) async fn mark_unknown(
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

/// The tasks of a queue of which there are ready jobs that are claimed by name. Reads one entry of an index for each.
pub(in crate::jobs) async fn tasks(
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
    let names: Vec<NameRow> = with_conn!(conn, |conn| {
        statement(sql).bind::<Text, _>(queue).load(conn).await
    })?;
    Ok(names.into_iter().map(|name| name.name).collect())
}
