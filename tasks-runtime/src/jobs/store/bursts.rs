//! The jobs of bursts of submissions.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::flow_control::{Burst, BurstKind};
use crate::jobs::id::JobId;
use crate::jobs::new_job_row::NewJobRow;
use crate::jobs::state::sql;
use crate::jobs::table::tasks_new_jobs;
use crate::with_conn;

#[derive(QueryableByName)]
struct OwnerRow {
    #[diesel(sql_type = Text)]
    job_id: JobId,
}

/// The job of the burst that a submission belongs to: its own where a new burst begins. Nobody else joins that burst until the transaction ends.
pub(in crate::jobs) async fn join_burst(
    conn: &mut Connection,
    row: &NewJobRow,
    burst: &Burst,
) -> Result<JobId, JobError> {
    // The first one says when it is over; the last one's job may wait for longer.
    let changes = match burst.kind {
        BurstKind::Throttle => {
            let of = |column: &str| {
                format!(
                    "{column} = CASE WHEN tasks_job_bursts.ends_at <= $7 THEN excluded.{column} ELSE tasks_job_bursts.{column} END"
                )
            };
            format!("{}, {}", of("ends_at"), of("job_id"))
        }
        BurstKind::Debounce => "ends_at = excluded.ends_at + 0 * $7".to_owned(),
    };
    let sql = format!(
        "INSERT INTO tasks_job_bursts (task_name, kind, caller, burst_key, job_id, ends_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (task_name, kind, caller, burst_key) DO UPDATE SET {changes} RETURNING job_id"
    );
    let (now, period) = (row.submitted_at, burst.period.as_micros());
    let owner: OwnerRow = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(row.task_name.as_deref().unwrap_or_default())
            .bind::<Integer, _>(burst.kind.number())
            .bind::<Text, _>(row.submitted_by.as_deref().unwrap_or_default())
            .bind::<Text, _>(&burst.key)
            .bind::<Text, _>(row.id)
            .bind::<BigInt, _>(now.saturating_add(i64::try_from(period).unwrap_or(i64::MAX)))
            .bind::<BigInt, _>(now)
            .get_result(conn)
            .await
    })?;
    Ok(owner.job_id)
}

/// Makes a job that of the burst, since the one that was is gone or has begun.
pub(in crate::jobs) async fn take_burst_over(
    conn: &mut Connection,
    row: &NewJobRow,
    burst: &Burst,
) -> Result<(), JobError> {
    let sql = "UPDATE tasks_job_bursts SET job_id = $5, ends_at = $6 \
               WHERE task_name = $1 AND kind = $2 AND caller = $3 AND burst_key = $4";
    let period = i64::try_from(burst.period.as_micros()).unwrap_or(i64::MAX);
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(row.task_name.as_deref().unwrap_or_default())
            .bind::<Integer, _>(burst.kind.number())
            .bind::<Text, _>(row.submitted_by.as_deref().unwrap_or_default())
            .bind::<Text, _>(&burst.key)
            .bind::<Text, _>(row.id)
            .bind::<BigInt, _>(row.submitted_at.saturating_add(period))
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Has a job that has not begun be what a later submission says, and wait for its time. `false` when it has begun, or is not there.
pub(in crate::jobs) async fn replace_job(
    conn: &mut Connection,
    job: JobId,
    row: &NewJobRow,
) -> Result<bool, JobError> {
    let waits = tasks_new_jobs::table
        .find(job)
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(sql::WAITING))
        .filter(tasks_new_jobs::attempt.eq(0));
    let changed = with_conn!(conn, |conn| {
        diesel::update(waits)
            .set((
                tasks_new_jobs::state.eq(row.state),
                tasks_new_jobs::params.eq(&row.params),
                tasks_new_jobs::description.eq(&row.description),
                tasks_new_jobs::queue.eq(&row.queue),
                tasks_new_jobs::priority.eq(row.priority),
                tasks_new_jobs::max_attempts.eq(row.max_attempts),
                tasks_new_jobs::timeout_ms.eq(row.timeout_ms),
                tasks_new_jobs::by_name.eq(row.by_name),
                tasks_new_jobs::concurrency_key.eq(&row.concurrency_key),
                tasks_new_jobs::run_at.eq(row.run_at),
                tasks_new_jobs::scheduled_at.eq(row.scheduled_at),
            ))
            .execute(conn)
            .await
    })?;
    Ok(changed == 1)
}

/// Forgets bursts that were over before a time, but for those whose job still waits. Gives how many.
pub(in crate::jobs) async fn prune_bursts(
    conn: &mut Connection,
    before: i64,
    most: i64,
) -> Result<usize, JobError> {
    let (row, lock) = match conn.backend() {
        Backend::Sqlite => ("rowid", ""),
        Backend::Postgres => ("ctid", " FOR UPDATE SKIP LOCKED"),
    };
    let sql = format!(
        "DELETE FROM tasks_job_bursts WHERE {row} IN \
         (SELECT {row} FROM tasks_job_bursts WHERE ends_at <= $1 \
         AND NOT (kind = {debounce} AND EXISTS (SELECT 1 FROM tasks_jobs WHERE tasks_jobs.id = tasks_job_bursts.job_id AND {WAITING})) \
         ORDER BY ends_at LIMIT $2{lock})",
        debounce = BurstKind::Debounce.number(),
        WAITING = sql::WAITING
    );
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(before)
            .bind::<BigInt, _>(most)
            .execute(conn)
            .await
    })?)
}
