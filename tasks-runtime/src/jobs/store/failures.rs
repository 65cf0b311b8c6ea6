//! Failed attempts of the last time, the latest first.

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Backend, Connection, statement};
use crate::jobs::attempt_key::Fence;
use crate::jobs::error::JobError;
use crate::jobs::state::JobState;
use crate::jobs::table::tasks_job_attempts;
use crate::with_conn;

/// How many are looked at: the latest ones.
pub(in crate::jobs) const MAX_FAILURES: usize = 10_000;

/// An attempt that failed, or whose process died.
#[derive(Clone, Debug, QueryableByName)]
pub(in crate::jobs) struct FailureRow {
    #[diesel(sql_type = Text)]
    pub(in crate::jobs) job_id: String,
    #[diesel(sql_type = BigInt)]
    pub(in crate::jobs) fence: Fence,
    #[diesel(sql_type = BigInt)]
    pub(in crate::jobs) finished_at: i64,
    #[diesel(sql_type = Text)]
    pub(in crate::jobs) error_type: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::jobs) error_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::jobs) error_location: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(in crate::jobs) task_name: Option<String>,
    #[diesel(sql_type = Integer)]
    pub(in crate::jobs) state: JobState,
}

/// Those of jobs of some tasks, or of all, among the latest ones since a time; and since when these are all that there are, if there are more.
pub(in crate::jobs) async fn failures(
    conn: &mut Connection,
    since: i64,
    tasks: Option<&[String]>,
) -> Result<(Vec<FailureRow>, Option<i64>), JobError> {
    #[derive(QueryableByName)]
    struct Oldest {
        #[diesel(sql_type = BigInt)]
        finished_at: i64,
    }
    // The end of an index, which is as far as this goes.
    let sql = format!(
        "SELECT finished_at FROM tasks_job_attempts WHERE finished_at >= $1 ORDER BY finished_at DESC LIMIT 1 OFFSET {MAX_FAILURES}"
    );
    let more: Option<Oldest> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(since)
            .get_result(conn)
            .await
            .optional()
    })?;
    let more = more.map(|oldest| oldest.finished_at + 1);
    let names = match conn.backend() {
        Backend::Sqlite => "SELECT value FROM json_each($2)",
        Backend::Postgres => "SELECT jsonb_array_elements_text(CAST($2 AS JSONB))",
    };
    let json = tasks.map(|tasks| serde_json::to_string(tasks).unwrap_or_else(|_| "[]".to_owned()));
    let of_tasks = match &json {
        // Not by an index of names: each attempt leads to one job.
        Some(_) => format!("COALESCE(j.task_name, '') IN ({names})"),
        None => "CAST($2 AS TEXT) IS NULL".to_owned(),
    };
    let sql = format!(
        "SELECT a.job_id, a.fence, a.finished_at, a.error_type, a.error_code, a.error_location, j.task_name, j.state FROM \
         (SELECT job_id, fence, finished_at, error_type, error_code, error_location FROM tasks_job_attempts \
          WHERE finished_at >= $1 ORDER BY finished_at DESC LIMIT {MAX_FAILURES}) AS a \
         CROSS JOIN tasks_jobs AS j WHERE j.id = a.job_id AND j.deleted = 0 AND {of_tasks}"
    );
    let rows = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(since)
            .bind::<Nullable<Text>, _>(json)
            .load(conn)
            .await
    })?;
    Ok((rows, more))
}

/// The message of a failed attempt, as it is stored.
pub(in crate::jobs) async fn failure_message(
    conn: &mut Connection,
    failure: &FailureRow,
) -> Result<Option<String>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_attempts::table
            .find((&failure.job_id, failure.fence))
            .select(tasks_job_attempts::error)
            .first(conn)
            .await
            .optional()
    })?)
}
