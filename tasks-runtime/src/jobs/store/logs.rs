//! The log of a job.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::database::{Connection, ConnectionKind};
use crate::jobs::attempt_key::{AttemptKey, Fence};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::record::JobLog;
use crate::jobs::table::{tasks_job_logs, tasks_jobs};
use crate::with_conn;

/// How many lines a job may log.
pub(in crate::jobs) const MAX_LOG_LINES: i32 = 1000;

/// A line of the log of an attempt.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct LogLine {
    pub(in crate::jobs) attempt: AttemptKey,
    pub(in crate::jobs) at: i64,
    pub(in crate::jobs) message: String,
}

/// Adds lines to those of jobs, up to the limit. Those of attempts that do not count any more are left out.
pub(in crate::jobs) async fn log(conn: &mut Connection, lines: &[LogLine]) -> Result<(), JobError> {
    let mut by_attempt: BTreeMap<AttemptKey, Vec<&LogLine>> = BTreeMap::new();
    for line in lines {
        by_attempt.entry(line.attempt).or_default().push(line);
    }
    for (AttemptKey { job, fence }, lines) in by_attempt {
        let counts: Option<Fence> = with_conn!(conn, |conn| {
            tasks_jobs::table
                .find(job)
                .filter(tasks_jobs::fence.eq(fence))
                .select(tasks_jobs::fence)
                .first(conn)
                .await
                .optional()
        })?;
        if counts.is_none() {
            continue;
        }
        let last: Option<i32> = with_conn!(conn, |conn| {
            tasks_job_logs::table
                .filter(tasks_job_logs::job_id.eq(job))
                .select(diesel::dsl::max(tasks_job_logs::number))
                .first(conn)
                .await
        })?;
        let rows: Vec<_> = (last.unwrap_or_default() + 1..=MAX_LOG_LINES)
            .zip(lines)
            .map(|(number, line)| {
                (
                    tasks_job_logs::job_id.eq(job),
                    tasks_job_logs::number.eq(number),
                    tasks_job_logs::at.eq(line.at),
                    tasks_job_logs::message.eq(line.message.clone()),
                )
            })
            .collect();
        match conn.kind() {
            #[cfg(feature = "sqlite")]
            ConnectionKind::Sqlite(conn) => {
                conn.spawn_blocking(move |conn| {
                    for row in rows {
                        let query = diesel::insert_into(tasks_job_logs::table).values(row);
                        diesel::RunQueryDsl::execute(query, conn)?;
                    }
                    Ok::<_, diesel::result::Error>(())
                })
                .await?;
            }
            #[cfg(feature = "postgres")]
            ConnectionKind::Postgres(conn) => {
                diesel::insert_into(tasks_job_logs::table)
                    .values(rows)
                    .execute(conn)
                    .await?;
            }
        }
    }
    Ok(())
}

pub(in crate::jobs) async fn logs(
    conn: &mut Connection,
    id: JobId,
    after: u32,
    limit: i64,
) -> Result<Vec<JobLog>, JobError> {
    let after = i32::try_from(after).unwrap_or(i32::MAX);
    let lines: Vec<(i32, i64, String)> = with_conn!(conn, |conn| {
        tasks_job_logs::table
            .filter(tasks_job_logs::job_id.eq(id.to_string()))
            .filter(tasks_job_logs::number.gt(after))
            .order(tasks_job_logs::number)
            .limit(limit)
            .select((
                tasks_job_logs::number,
                tasks_job_logs::at,
                tasks_job_logs::message,
            ))
            .load(conn)
            .await
    })?;
    Ok(lines
        .into_iter()
        .map(|(number, at, message)| JobLog {
            number: number.unsigned_abs(),
            at: chrono::DateTime::from_timestamp_micros(at).unwrap_or_default(),
            message,
        })
        .collect())
}
