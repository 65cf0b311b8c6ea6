//! New jobs, and the keys that keep the same from being stored twice.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
#[cfg(feature = "postgres")]
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

#[cfg(feature = "postgres")]
use crate::database::statement;
use crate::database::{Backend, Connection, ConnectionKind};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::state::sql;
use crate::jobs::table::{JobRow, NewRow, tasks_jobs};
use crate::with_conn;

/// What workers of other processes listen to.
#[cfg(feature = "postgres")]
pub(in crate::jobs) const CHANNEL: &str = "tasks_jobs";

/// Stores new jobs, all that are not there yet: one with the idempotency key, or the unique key, of another is not stored.
/// Gives how many were.
pub(in crate::jobs) async fn insert(
    conn: &mut Connection,
    rows: Vec<NewRow>,
) -> Result<usize, JobError> {
    /// A statement of PostgreSQL has 65,535 values at most.
    #[cfg(feature = "postgres")]
    const BATCH_SIZE: usize = 2000;
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
                for rows in rows.chunks(BATCH_SIZE) {
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

/// Wakes the workers of other processes, once this is committed.
pub(in crate::jobs) async fn notify(conn: &mut Connection) -> Result<(), JobError> {
    if conn.backend() == Backend::Postgres {
        conn.batch("NOTIFY tasks_jobs").await?;
    }
    Ok(())
}

/// The job that has one of these keys already.
pub(in crate::jobs) async fn find_existing(
    conn: &mut Connection,
    task: Option<&str>,
    idempotency_key: Option<&str>,
    unique_key: Option<&str>,
) -> Result<Option<JobRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::task_name.eq(task))
            .filter(
                tasks_jobs::idempotency_key
                    .eq(idempotency_key)
                    .or(tasks_jobs::unique_key
                        .eq(unique_key)
                        .and(sql::<Bool>(sql::OPEN))),
            )
            .select(JobRow::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The job that waits or runs with one of these unique keys.
pub(in crate::jobs) async fn find_unique(
    conn: &mut Connection,
    task: Option<&str>,
    keys: &[String],
) -> Result<Option<JobRow>, JobError> {
    if keys.is_empty() {
        return Ok(None);
    }
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::task_name.eq(task))
            .filter(tasks_jobs::unique_key.eq_any(keys))
            .filter(sql::<Bool>(sql::OPEN))
            .select(JobRow::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The job that waits or runs with the unique key of another.
pub(in crate::jobs) async fn find_duplicate(
    conn: &mut Connection,
    id: JobId,
) -> Result<Option<JobId>, JobError> {
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
            .filter(sql::<Bool>(sql::OPEN))
            .filter(tasks_jobs::id.ne(id.to_string()))
            .select(tasks_jobs::id)
            .first::<JobId>(conn)
            .await
            .optional()
    })?)
}

/// Takes the idempotency key from a job that has failed or was canceled. `false` when it has not.
pub(in crate::jobs) async fn give_up_key(
    conn: &mut Connection,
    id: &str,
) -> Result<bool, JobError> {
    let updated = with_conn!(conn, |conn| {
        diesel::update(
            tasks_jobs::table
                .find(id)
                .filter(sql::<Bool>(sql::UNSUCCESSFUL)),
        )
        .set(tasks_jobs::idempotency_key.eq(None::<String>))
        .execute(conn)
        .await
    })?;
    Ok(updated == 1)
}
