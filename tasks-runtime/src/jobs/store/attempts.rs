//! Attempts that failed, or whose process died.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use crate::database::{Connection, ConnectionKind, statement};
use crate::jobs::attempt_key::{AttemptKey, Fence};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::JobState;
use crate::jobs::table::{tasks_job_attempts, tasks_jobs, tasks_workers};
use crate::text::cut;
use crate::with_conn;

/// How many a job keeps: the latest ones.
const MAX_KEPT_ATTEMPTS: i64 = 100;
/// How long the error of one may be, in bytes. That of the latest is in the row of its job, as long as it may be there.
const MAX_KEPT_ERROR: usize = 2048;
/// How many rows one statement has: PostgreSQL counts parameters by 16 bits.
#[cfg(feature = "postgres")]
const BATCH: usize = 500;

/// An attempt that failed.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct FailedAttempt {
    pub(in crate::jobs) key: AttemptKey,
    pub(in crate::jobs) finished_at: i64,
    pub(in crate::jobs) error_type: String,
    pub(in crate::jobs) error_code: Option<String>,
    pub(in crate::jobs) error: String,
    pub(in crate::jobs) error_location: Option<String>,
}

/// An attempt as it is stored.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = tasks_job_attempts)]
pub(in crate::jobs) struct AttemptRow {
    pub(in crate::jobs) fence: Fence,
    pub(in crate::jobs) number: i32,
    pub(in crate::jobs) host: String,
    pub(in crate::jobs) process: i64,
    pub(in crate::jobs) started_at: Option<i64>,
    pub(in crate::jobs) finished_at: i64,
    pub(in crate::jobs) error_type: String,
    pub(in crate::jobs) error_code: Option<String>,
    pub(in crate::jobs) error: String,
}

/// The number of each attempt and when it began, as its job has them.
async fn begun(
    conn: &mut Connection,
    attempts: &[FailedAttempt],
) -> Result<HashMap<AttemptKey, (i32, Option<i64>)>, JobError> {
    let ids: Vec<String> = attempts
        .iter()
        .map(|attempt| attempt.key.job.to_string())
        .collect();
    type Row = (JobId, Fence, i32, Option<i64>);
    let rows: Vec<Row> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::id.eq_any(&ids))
            .select((
                tasks_jobs::id,
                tasks_jobs::fence,
                tasks_jobs::attempt,
                tasks_jobs::started_at,
            ))
            .load(conn)
            .await
    })?;
    let begun =
        |(job, fence, number, started_at): Row| (AttemptKey { job, fence }, (number, started_at));
    Ok(rows.into_iter().map(begun).collect())
}

/// Stores attempts of this process, those that are not there yet, and forgets the oldest ones of jobs that have many.
pub(in crate::jobs) async fn add_attempts(
    conn: &mut Connection,
    attempts: Vec<FailedAttempt>,
    host: &str,
) -> Result<(), JobError> {
    if attempts.is_empty() {
        return Ok(());
    }
    let full: Vec<AttemptKey> = attempts
        .iter()
        .map(|attempt| attempt.key)
        .filter(|key| key.fence.number() > MAX_KEPT_ATTEMPTS.unsigned_abs())
        .collect();
    let process = i64::from(std::process::id());
    let begun = begun(conn, &attempts).await?;
    let rows: Vec<_> = attempts
        .into_iter()
        .map(|mut attempt| {
            cut(&mut attempt.error, MAX_KEPT_ERROR);
            let (number, started_at) = begun.get(&attempt.key).copied().unwrap_or_default();
            (
                tasks_job_attempts::job_id.eq(attempt.key.job),
                tasks_job_attempts::fence.eq(attempt.key.fence),
                tasks_job_attempts::number.eq(number),
                tasks_job_attempts::host.eq(host.to_owned()),
                tasks_job_attempts::process.eq(process),
                tasks_job_attempts::started_at.eq(started_at),
                tasks_job_attempts::finished_at.eq(attempt.finished_at),
                tasks_job_attempts::error_type.eq(attempt.error_type),
                tasks_job_attempts::error_code.eq(attempt.error_code),
                tasks_job_attempts::error.eq(attempt.error),
                tasks_job_attempts::error_location.eq(attempt.error_location),
            )
        })
        .collect();
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            conn.spawn_blocking(move |conn| {
                for row in rows {
                    let query = diesel::insert_into(tasks_job_attempts::table)
                        .values(row)
                        .on_conflict_do_nothing();
                    diesel::RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(())
            })
            .await?;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            let mut rows = rows.into_iter();
            loop {
                let batch: Vec<_> = rows.by_ref().take(BATCH).collect();
                if batch.is_empty() {
                    break;
                }
                diesel::insert_into(tasks_job_attempts::table)
                    .values(batch)
                    .on_conflict_do_nothing()
                    .execute(conn)
                    .await?;
            }
        }
    }
    // Fences have gaps: those of attempts that were put off or given back.
    let old = format!(
        "DELETE FROM tasks_job_attempts WHERE job_id = $1 AND fence <= \
         (SELECT fence FROM tasks_job_attempts WHERE job_id = $2 ORDER BY fence DESC LIMIT 1 OFFSET {MAX_KEPT_ATTEMPTS})"
    );
    for key in full {
        with_conn!(conn, |conn| {
            statement(old.as_str())
                .bind::<Text, _>(key.job)
                .bind::<Text, _>(key.job)
                .execute(conn)
                .await
        })?;
    }
    Ok(())
}

/// The latest attempt, as the row of its job has it, and the worker that it has now.
#[derive(Debug, Queryable)]
pub(in crate::jobs) struct LatestAttempt {
    pub(in crate::jobs) state: JobState,
    pub(in crate::jobs) fence: Fence,
    pub(in crate::jobs) attempt: i32,
    pub(in crate::jobs) started_at: Option<i64>,
    pub(in crate::jobs) finished_at: Option<i64>,
    pub(in crate::jobs) cancel_requested_at: Option<i64>,
    pub(in crate::jobs) error_type: Option<String>,
    pub(in crate::jobs) error_code: Option<String>,
    pub(in crate::jobs) error: Option<String>,
    pub(in crate::jobs) host: Option<String>,
    pub(in crate::jobs) process: Option<i64>,
}

/// The latest attempt of a job; `None` if there is no such job.
pub(in crate::jobs) async fn find_latest_attempt(
    conn: &mut Connection,
    id: JobId,
) -> Result<Option<LatestAttempt>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .left_join(tasks_workers::table.on(tasks_workers::id.nullable().eq(tasks_jobs::worker)))
            .filter(tasks_jobs::id.eq(id.to_string()))
            .filter(tasks_jobs::deleted.eq(0))
            .select((
                tasks_jobs::state,
                tasks_jobs::fence,
                tasks_jobs::attempt,
                tasks_jobs::started_at,
                tasks_jobs::finished_at,
                tasks_jobs::cancel_requested_at,
                tasks_jobs::error_type,
                tasks_jobs::error_code,
                tasks_jobs::error,
                tasks_workers::host.nullable(),
                tasks_workers::process.nullable(),
            ))
            .first(conn)
            .await
            .optional()
    })?)
}

/// Those of a job, oldest first.
pub(in crate::jobs) async fn attempts(
    conn: &mut Connection,
    id: JobId,
) -> Result<Vec<AttemptRow>, JobError> {
    // A job may have more, that were killed with their processes.
    let mut latest: Vec<AttemptRow> = with_conn!(conn, |conn| {
        tasks_job_attempts::table
            .filter(tasks_job_attempts::job_id.eq(id.to_string()))
            .order(tasks_job_attempts::fence.desc())
            .limit(MAX_KEPT_ATTEMPTS)
            .select(AttemptRow::as_select())
            .load(conn)
            .await
    })?;
    latest.reverse();
    Ok(latest)
}
