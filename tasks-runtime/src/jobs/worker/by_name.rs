//! Jobs that are claimed by the name of their task, because that limits how many of them run at once, or because some worker does not
//! have it, or because it was paused.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;

use super::claimed_job::ClaimedJob;
use super::due::NAME;
use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::new_job_row::line_of;
use crate::jobs::state::{ClaimLine, number, sql};
use crate::jobs::table::tasks_new_jobs;
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::with_conn;

/// Pending jobs, as indexes have them.
const STATES: [&str; 3] = [
    sql::SCHEDULED,
    sql::READY_NOT_QUARANTINED,
    sql::READY_QUARANTINED,
];

/// Has pending jobs be claimed in the line that the tasks of this process have: a new version of the program may limit other tasks.
pub(in crate::jobs) async fn mark_all(
    conn: &mut Connection,
    registry: &TaskRegistry,
) -> Result<(), JobError> {
    for line in ClaimLine::ALL {
        let names: Vec<&str> = registry
            .iter()
            // Each job of a task with keys has to be read for its key: that is done when it is met.
            .filter(|task| {
                line_of(&task.policy()) == line && task.policy().concurrency_key.is_none()
            })
            .map(RegisteredTask::name)
            .collect();
        let of_others = ClaimLine::ALL.into_iter().filter(|other| *other != line);
        for (was, state) in of_others.flat_map(|was| STATES.map(|state| (was, state))) {
            for names in names.chunks(1000) {
                let was = format!("{state} AND by_name = {}", was.number());
                let key = (line == ClaimLine::Limited).then_some("");
                with_conn!(conn, |conn| {
                    diesel::update(
                        tasks_new_jobs::table
                            .filter(sql::<Bool>(&was))
                            .filter(sql::<Text>(NAME).eq_any(names)),
                    )
                    .set((
                        tasks_new_jobs::by_name.eq(line.number()),
                        tasks_new_jobs::concurrency_key.eq(key),
                    ))
                    .execute(conn)
                    .await
                })?;
            }
        }
    }
    Ok(())
}

/// Gives jobs back that were claimed in this transaction, of tasks that this process does not have or that are paused: nobody sees that they were.
/// They are claimed by name from then on.
pub(in crate::jobs) async fn set_aside(
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
        "UPDATE tasks_jobs SET state = {ready}, attempt = attempt - 1, worker = NULL, \
         by_name = CASE WHEN by_name = {limited} THEN {limited} ELSE {by_name} END, \
         started_at = CASE WHEN attempt = 1 THEN NULL ELSE started_at END WHERE {these} AND worker = $2",
        ready = number::READY,
        limited = ClaimLine::Limited.number(),
        by_name = ClaimLine::ByName.number()
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

/// Has ready jobs of tasks that this process does not have, or that are paused, be claimed by name, so that nobody has to step over them.
pub(in crate::jobs) async fn mark(
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
        "UPDATE tasks_jobs SET by_name = {by_name} WHERE id IN (SELECT id FROM tasks_jobs \
         WHERE {normal} AND queue = $1 AND {NAME} IN {these} LIMIT 5000{lock})",
        by_name = ClaimLine::ByName.number(),
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
