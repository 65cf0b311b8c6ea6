//! Events that are sent to jobs.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Connection, ConnectionKind, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::{JobState, sql};
use crate::jobs::table::{tasks_job_events, tasks_jobs};
use crate::with_conn;

/// The state and the task of a job that an event is for. Its row is locked, so that its attempt cannot begin to wait before the event is there.
pub(in crate::jobs) async fn lock_receiver(
    conn: &mut Connection,
    job: JobId,
) -> Result<Option<(JobState, Option<String>)>, JobError> {
    let query = tasks_jobs::table
        .find(job)
        .filter(tasks_jobs::deleted.eq(0))
        .select((tasks_jobs::state, tasks_jobs::task_name));
    Ok(match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => query.first(conn).await.optional()?,
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => query.for_no_key_update().first(conn).await.optional()?,
    })
}

/// How many events a job has that it has not waited for.
pub(in crate::jobs) async fn event_count(
    conn: &mut Connection,
    job: JobId,
) -> Result<i64, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_events::table
            .filter(tasks_job_events::job_id.eq(job))
            .count()
            .get_result(conn)
            .await
    })?)
}

/// Whether an event of this name is there that nobody has taken.
pub(in crate::jobs) async fn has_event(
    conn: &mut Connection,
    job: JobId,
    name: &str,
) -> Result<bool, JobError> {
    let count: i64 = with_conn!(conn, |conn| {
        tasks_job_events::table
            .filter(tasks_job_events::job_id.eq(job))
            .filter(tasks_job_events::name.eq(name))
            .count()
            .get_result(conn)
            .await
    })?;
    Ok(count > 0)
}

/// The names of the events that nobody has taken.
pub(in crate::jobs) async fn event_names(
    conn: &mut Connection,
    job: JobId,
) -> Result<Vec<String>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_events::table
            .filter(tasks_job_events::job_id.eq(job))
            .select(tasks_job_events::name)
            .load(conn)
            .await
    })?)
}

/// Stores an event.
pub(in crate::jobs) async fn add_event(
    conn: &mut Connection,
    job: JobId,
    name: &str,
    payload: &str,
    now: i64,
) -> Result<(), JobError> {
    let row = (
        tasks_job_events::id.eq(ulid::Ulid::new().to_string()),
        tasks_job_events::job_id.eq(job),
        tasks_job_events::name.eq(name),
        tasks_job_events::sent_at.eq(now),
        tasks_job_events::payload.eq(payload),
    );
    with_conn!(conn, |conn| {
        diesel::insert_into(tasks_job_events::table)
            .values(row)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Takes the oldest event of this name.
pub(in crate::jobs) async fn take_event(
    conn: &mut Connection,
    job: JobId,
    name: &str,
) -> Result<Option<String>, JobError> {
    loop {
        let found: Option<(String, String)> = with_conn!(conn, |conn| {
            tasks_job_events::table
                .filter(tasks_job_events::job_id.eq(job))
                .filter(tasks_job_events::name.eq(name))
                .order((tasks_job_events::sent_at, tasks_job_events::id))
                .select((tasks_job_events::id, tasks_job_events::payload))
                .first(conn)
                .await
                .optional()
        })?;
        let Some((id, payload)) = found else {
            return Ok(None);
        };
        let deleted = with_conn!(conn, |conn| {
            diesel::delete(tasks_job_events::table.find(&id))
                .execute(conn)
                .await
        })?;
        // Otherwise another wait has taken it.
        if deleted > 0 {
            return Ok(Some(payload));
        }
    }
}

/// Jobs that were put off, not those whose attempt failed: an event does not bring their next attempt forward.
pub(super) fn put_off() -> String {
    format!("{} AND error_type IS NULL", sql::SCHEDULED)
}

/// Makes jobs due that wait for an event which is there. What makes due jobs ready is told by the caller.
pub(in crate::jobs) async fn wake_by_events(
    conn: &mut Connection,
    waits: &[(JobId, String)],
    now: i64,
) -> Result<(), JobError> {
    if waits.is_empty() {
        return Ok(());
    }
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            let sql = format!(
                "UPDATE tasks_jobs SET run_at = $1 WHERE id = $2 AND {put_off} AND EXISTS \
                 (SELECT 1 FROM tasks_job_events e WHERE e.job_id = tasks_jobs.id AND e.name = $3)",
                put_off = put_off()
            );
            let waits = waits.to_vec();
            conn.spawn_blocking(move |conn| {
                for (job, event) in &waits {
                    let query = statement(sql.as_str())
                        .bind::<BigInt, _>(now)
                        .bind::<Text, _>(job)
                        .bind::<Text, _>(event);
                    diesel::RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(())
            })
            .await?;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            use diesel::sql_types::Array;
            let sql = format!(
                "UPDATE tasks_jobs SET run_at = $1 FROM unnest($2::text[], $3::text[]) AS w (job, event) \
                 WHERE id = w.job AND {put_off} AND EXISTS \
                 (SELECT 1 FROM tasks_job_events e WHERE e.job_id = w.job AND e.name = w.event)",
                put_off = put_off()
            );
            let (jobs, events): (Vec<JobId>, Vec<&str>) = waits
                .iter()
                .map(|(job, event)| (*job, event.as_str()))
                .unzip();
            statement(sql)
                .bind::<BigInt, _>(now)
                .bind::<Array<Text>, _>(jobs)
                .bind::<Array<Text>, _>(events)
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

/// Makes a job due whose code waits for this event.
pub(in crate::jobs) async fn wake_by_event(
    conn: &mut Connection,
    job: JobId,
    event: &str,
    now: i64,
) -> Result<(), JobError> {
    let sql = format!(
        "UPDATE tasks_jobs SET run_at = $1 WHERE id = $2 AND {put_off} AND EXISTS \
         (SELECT 1 FROM tasks_job_steps s WHERE s.job_id = tasks_jobs.id AND s.event = $3 AND s.finished_at IS NULL)",
        put_off = put_off()
    );
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(job)
            .bind::<Text, _>(event)
            .execute(conn)
            .await
    })?;
    Ok(())
}
