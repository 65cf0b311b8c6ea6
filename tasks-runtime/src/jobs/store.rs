//! The records of jobs, one by one.

use std::collections::BTreeMap;

use crate::jobs::id::JobId;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::error::JobError;
use super::list::JobFilter;
use super::record::{JobLog, JobStats};
use super::table::{
    LISTED_ERROR, LISTED_PARAMS, NewRow, Row, having, state, tasks_job_logs, tasks_jobs,
};
use crate::database::{Backend, Connection, ConnectionKind, statement};
use crate::with_conn;

/// How many lines a job may log.
pub(super) const MOST_LINES: i32 = 1000;

/// What workers of other processes listen to.
#[cfg(feature = "postgres")]
pub(super) const CHANNEL: &str = "tasks_jobs";

/// Stores new jobs, all that are not there yet: one with the idempotency key, or the unique key, of another is not stored.
/// Gives how many were.
pub(super) async fn insert(conn: &mut Connection, rows: Vec<NewRow>) -> Result<usize, JobError> {
    /// A statement of PostgreSQL has 65,535 values at most.
    #[cfg(feature = "postgres")]
    const AT_ONCE: usize = 2000;
    let inserted = match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            // One visit to the thread for all of them.
            conn.spawn_blocking(move |conn| {
                let mut inserted = 0;
                for row in &rows {
                    let query = diesel::insert_into(tasks_jobs::table)
                        .values(row)
                        .on_conflict_do_nothing();
                    inserted += diesel::RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(inserted)
            })
            .await?
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            let mut inserted = 0;
            // One row is always the same statement, which stays prepared.
            if let [row] = rows.as_slice() {
                inserted += diesel::insert_into(tasks_jobs::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(conn)
                    .await?;
            } else {
                for rows in rows.chunks(AT_ONCE) {
                    inserted += diesel::insert_into(tasks_jobs::table)
                        .values(rows)
                        .on_conflict_do_nothing()
                        .execute(conn)
                        .await?;
                }
            }
            statement("SELECT pg_notify($1, '')")
                .bind::<Text, _>(CHANNEL)
                .execute(conn)
                .await?;
            inserted
        }
    };
    Ok(inserted)
}

pub(super) async fn find(conn: &mut Connection, id: JobId) -> Result<Option<Row>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(id.to_string())
            // Not as a text of SQL: that would have it prepared each time.
            .filter(tasks_jobs::forget.eq(0))
            .select(Row::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The job that has one of these keys already.
pub(super) async fn find_twin(
    conn: &mut Connection,
    task: Option<&str>,
    idempotency_key: Option<&str>,
    unique_key: Option<&str>,
) -> Result<Option<Row>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::task_name.eq(task))
            .filter(
                tasks_jobs::idempotency_key
                    .eq(idempotency_key)
                    .or(tasks_jobs::unique_key
                        .eq(unique_key)
                        .and(sql::<Bool>("state < 3"))),
            )
            .select(Row::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The job that waits or runs with one of these unique keys.
pub(super) async fn find_unique(
    conn: &mut Connection,
    task: Option<&str>,
    keys: &[String],
) -> Result<Option<Row>, JobError> {
    if keys.is_empty() {
        return Ok(None);
    }
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::task_name.eq(task))
            .filter(tasks_jobs::unique_key.eq_any(keys))
            .filter(sql::<Bool>("state < 3"))
            .select(Row::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// Takes the idempotency key from a job that has failed or was canceled. `false` when it has not.
pub(super) async fn give_up_key(conn: &mut Connection, id: &str) -> Result<bool, JobError> {
    let updated = with_conn!(conn, |conn| {
        diesel::update(
            tasks_jobs::table
                .find(id)
                .filter(sql::<Bool>("state IN (4, 5)")),
        )
        .set(tasks_jobs::idempotency_key.eq(None::<String>))
        .execute(conn)
        .await
    })?;
    Ok(updated == 1)
}

/// The row and its result.
pub(super) async fn find_result(
    conn: &mut Connection,
    id: JobId,
) -> Result<Option<(Row, Option<String>)>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(id.to_string())
            // Not as a text of SQL: that would have it prepared each time.
            .filter(tasks_jobs::forget.eq(0))
            .select((Row::as_select(), tasks_jobs::result))
            .first(conn)
            .await
            .optional()
    })?)
}

/// Newest first, without what is heavy: parameters that are longer than a list shows are empty, errors are cut, tracebacks are left out.
pub(super) async fn list(
    conn: &mut Connection,
    filter: &JobFilter,
    before: Option<JobId>,
    offset: i64,
    limit: i64,
) -> Result<Vec<Row>, JobError> {
    let before = before.map(|id| id.to_string());
    let error = format!("substr(tasks_jobs.error, 1, {})", LISTED_ERROR + 1);
    let params = format!(
        "CASE WHEN octet_length(tasks_jobs.params) > {LISTED_PARAMS} THEN '' ELSE tasks_jobs.params END"
    );
    Ok(with_conn!(conn, |conn| {
        let mut query = tasks_jobs::table
            .filter(sql::<Bool>(having::KEPT))
            .into_boxed();
        if let Some(status) = filter.status {
            query = query.filter(sql::<Bool>(having::status(status)));
        }
        if let Some(tasks) = &filter.tasks {
            query = query.filter(tasks_jobs::task_name.eq_any(tasks));
        }
        if let Some(schedule) = &filter.schedule {
            query = query.filter(tasks_jobs::schedule_name.eq(schedule));
        }
        if let Some(before) = before {
            query = query.filter(tasks_jobs::id.lt(before));
        }
        query
            .order(tasks_jobs::id.desc())
            .offset(offset)
            .limit(limit)
            // In the order of a row.
            .select((
                tasks_jobs::id,
                tasks_jobs::task_name,
                tasks_jobs::description,
                tasks_jobs::queue,
                tasks_jobs::state,
                tasks_jobs::priority,
                tasks_jobs::run_at,
                tasks_jobs::submitted_at,
                tasks_jobs::scheduled_at,
                tasks_jobs::started_at,
                tasks_jobs::finished_at,
                tasks_jobs::cancel_requested_at,
                tasks_jobs::attempt,
                tasks_jobs::max_attempts,
                tasks_jobs::crashes,
                tasks_jobs::artifact_id,
                tasks_jobs::error_type,
                sql::<Nullable<Text>>(&error),
                sql::<Nullable<Text>>("CAST(NULL AS TEXT)"),
                tasks_jobs::progress,
                sql::<Text>(&params),
                tasks_jobs::schedule_name,
                tasks_jobs::submitted_by,
            ))
            .load::<Row>(conn)
            .await
    })?)
}

pub(super) async fn count(conn: &mut Connection, filter: &JobFilter) -> Result<u64, JobError> {
    let count: i64 = with_conn!(conn, |conn| {
        let mut query = tasks_jobs::table
            .filter(sql::<Bool>(having::KEPT))
            .count()
            .into_boxed();
        if let Some(status) = filter.status {
            query = query.filter(sql::<Bool>(having::status(status)));
        }
        if let Some(tasks) = &filter.tasks {
            query = query.filter(tasks_jobs::task_name.eq_any(tasks));
        }
        if let Some(schedule) = &filter.schedule {
            query = query.filter(tasks_jobs::schedule_name.eq(schedule));
        }
        query.get_result(conn).await
    })?;
    Ok(count.unsigned_abs())
}

pub(super) async fn stats(conn: &mut Connection) -> Result<JobStats, JobError> {
    let mut counts = [0; 5];
    let conditions = [
        having::PENDING,
        having::RUNNING,
        having::ENDED,
        having::FAILED,
        having::CANCELED,
    ];
    for (count, condition) in counts.iter_mut().zip(conditions) {
        let found: i64 = with_conn!(conn, |conn| {
            tasks_jobs::table
                .filter(sql::<Bool>(condition))
                .count()
                .get_result(conn)
                .await
        })?;
        *count = found.unsigned_abs();
    }
    let [pending, running, ended, failed, canceled] = counts;
    Ok(JobStats {
        pending,
        running,
        completed: ended - failed - canceled,
        failed,
        canceled,
    })
}

/// How many jobs wait, by queue.
#[cfg(feature = "metrics")]
pub(super) async fn waiting(
    conn: &mut Connection,
) -> Result<std::collections::HashMap<String, i64>, JobError> {
    let counts: Vec<(String, i64)> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>(having::PENDING))
            .group_by(tasks_jobs::queue)
            .select((tasks_jobs::queue, diesel::dsl::count_star()))
            .load(conn)
            .await
    })?;
    Ok(counts.into_iter().collect())
}

/// Cancels a job that waits, and asks one that runs to stop. The others stay as they are.
pub(super) async fn cancel(conn: &mut Connection, id: JobId, now: i64) -> Result<(), JobError> {
    let sql = "UPDATE tasks_jobs SET cancel_requested_at = COALESCE(cancel_requested_at, $1), \
         finished_at = CASE WHEN state < 2 THEN $1 ELSE finished_at END, \
         state = CASE WHEN state < 2 THEN 5 ELSE state END WHERE id = $2 AND state < 3";
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(id.to_string())
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// The job that waits or runs with the unique key of another.
pub(super) async fn twin_of(conn: &mut Connection, id: JobId) -> Result<Option<JobId>, JobError> {
    let key: Option<(Option<String>, Option<String>)> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(id.to_string())
            .select((tasks_jobs::task_name, tasks_jobs::unique_key))
            .first(conn)
            .await
            .optional()
    })?;
    let Some((Some(task), Some(key))) = key else {
        return Ok(None);
    };
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::task_name.eq(task))
            .filter(tasks_jobs::unique_key.eq(key))
            .filter(sql::<Bool>("state < 3"))
            .filter(tasks_jobs::id.ne(id.to_string()))
            .select(tasks_jobs::id)
            .first::<JobId>(conn)
            .await
            .optional()
    })?)
}

/// Queues a job again that failed or was canceled, with all its attempts. `false` when it is not one of those.
pub(super) async fn retry(conn: &mut Connection, id: JobId, now: i64) -> Result<bool, JobError> {
    let sql = "UPDATE tasks_jobs SET state = 1, run_at = $1, scheduled_at = NULL, finished_at = NULL, \
         cancel_requested_at = NULL, attempt = 0, crashes = 0, artifact_id = NULL, error_type = NULL, error = NULL, \
         error_traceback = NULL, progress = NULL \
         WHERE id = $2 AND state IN (4, 5) AND task_name IS NOT NULL";
    let updated = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(id.to_string())
            .execute(conn)
            .await
    })?;
    notify(conn).await?;
    Ok(updated == 1)
}

/// Wakes the workers of other processes, once this is committed.
pub(super) async fn notify(conn: &mut Connection) -> Result<(), JobError> {
    if conn.backend() == Backend::Postgres {
        conn.batch("NOTIFY tasks_jobs").await?;
    }
    Ok(())
}

/// Forgets a job that does not run, and marks one that does, to be forgotten at its end. `false` when it is not there or runs.
pub(super) async fn delete(conn: &mut Connection, id: JobId) -> Result<bool, JobError> {
    let id = id.to_string();
    let deleted = with_conn!(conn, |conn| {
        diesel::delete(
            tasks_jobs::table
                .filter(tasks_jobs::id.eq(&id))
                .filter(tasks_jobs::state.ne(state::RUNNING)),
        )
        .execute(conn)
        .await
    })?;
    if deleted == 0 {
        with_conn!(conn, |conn| {
            diesel::update(tasks_jobs::table.find(&id))
                .set(tasks_jobs::forget.eq(1))
                .execute(conn)
                .await
        })?;
    } else {
        with_conn!(conn, |conn| {
            diesel::delete(tasks_job_logs::table.filter(tasks_job_logs::job_id.eq(&id)))
                .execute(conn)
                .await
        })?;
    }
    Ok(deleted == 1)
}

/// Forgets jobs that somebody deleted while they ran. Gives how many.
pub(super) async fn forget(conn: &mut Connection) -> Result<usize, JobError> {
    let gone: Vec<String> = with_conn!(conn, |conn| {
        diesel::delete(tasks_jobs::table.filter(sql::<Bool>("forget = 1 AND state <> 2")))
            .returning(tasks_jobs::id)
            .get_results(conn)
            .await
    })?;
    with_conn!(conn, |conn| {
        diesel::delete(tasks_job_logs::table.filter(tasks_job_logs::job_id.eq_any(&gone)))
            .execute(conn)
            .await
    })?;
    Ok(gone.len())
}

/// Whether there are any of those.
pub(super) async fn any_to_forget(conn: &mut Connection) -> Result<bool, JobError> {
    let any: Option<String> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>("forget = 1 AND state <> 2"))
            .select(tasks_jobs::id)
            .first(conn)
            .await
            .optional()
    })?;
    Ok(any.is_some())
}

/// Forgets jobs that ended before a time, oldest first. Gives how many were found.
pub(super) async fn expire(
    conn: &mut Connection,
    before: i64,
    limit: i64,
) -> Result<usize, JobError> {
    let ids: Vec<String> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(sql::<Bool>(having::ENDED))
            .filter(tasks_jobs::finished_at.lt(before))
            .order(tasks_jobs::finished_at)
            .limit(limit)
            .select(tasks_jobs::id)
            .load(conn)
            .await
    })?;
    if ids.is_empty() {
        return Ok(0);
    }
    // The jobs first, as a deletion does it: one that is queued again in the meantime stays, with its log.
    let deleted: Vec<String> = with_conn!(conn, |conn| {
        diesel::delete(
            tasks_jobs::table
                .filter(tasks_jobs::id.eq_any(&ids))
                .filter(sql::<Bool>(having::ENDED)),
        )
        .returning(tasks_jobs::id)
        .get_results(conn)
        .await
    })?;
    with_conn!(conn, |conn| {
        diesel::delete(tasks_job_logs::table.filter(tasks_job_logs::job_id.eq_any(&deleted)))
            .execute(conn)
            .await
    })?;
    // Those that were skipped are asked for again: what counts is whether there are more.
    Ok(ids.len())
}

/// A line of the log of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) fence: i64,
    pub(super) at: i64,
    pub(super) message: String,
}

/// Adds lines to those of jobs, up to the limit. Those of attempts that do not count any more are left out.
pub(super) async fn log(conn: &mut Connection, lines: &[Line]) -> Result<(), JobError> {
    let mut by_attempt: BTreeMap<(&str, i64), Vec<&Line>> = BTreeMap::new();
    for line in lines {
        by_attempt
            .entry((&line.id, line.fence))
            .or_default()
            .push(line);
    }
    for ((id, fence), lines) in by_attempt {
        let counts: Option<i64> = with_conn!(conn, |conn| {
            tasks_jobs::table
                .find(id)
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
                .filter(tasks_job_logs::job_id.eq(id))
                .select(diesel::dsl::max(tasks_job_logs::number))
                .first(conn)
                .await
        })?;
        let rows: Vec<_> = (last.unwrap_or_default() + 1..=MOST_LINES)
            .zip(lines)
            .map(|(number, line)| {
                (
                    tasks_job_logs::job_id.eq(line.id.clone()),
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

pub(super) async fn logs(
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

/// How far a running job says it is, if this attempt still counts.
pub(super) async fn progress(
    conn: &mut Connection,
    id: &str,
    fence: i64,
    json: &str,
    artifact: Option<&str>,
) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::update(
            tasks_jobs::table
                .filter(tasks_jobs::id.eq(id))
                .filter(tasks_jobs::fence.eq(fence))
                .filter(tasks_jobs::state.eq(state::RUNNING)),
        )
        .set((
            tasks_jobs::progress.eq((!json.is_empty()).then_some(json)),
            tasks_jobs::artifact_id.eq(artifact),
        ))
        .execute(conn)
        .await
    })?;
    Ok(())
}
