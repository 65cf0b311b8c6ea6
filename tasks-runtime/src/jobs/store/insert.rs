//! New jobs, and the keys that keep the same from being stored twice.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
#[cfg(feature = "postgres")]
use diesel::sql_types::{Integer, Text};
use diesel_async::RunQueryDsl;

#[cfg(feature = "postgres")]
use crate::database::statement;
use crate::database::{Backend, Connection, ConnectionKind};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::new_job_row::NewJobRow;
use crate::jobs::state::sql;
use crate::jobs::table::{JobRow, tasks_jobs, tasks_new_jobs};
use crate::with_conn;

/// What workers of other processes listen to.
#[cfg(feature = "postgres")]
pub(in crate::jobs) const CHANNEL: &str = "tasks_jobs";

/// Stores new jobs, all that are not there yet: one with the idempotency key, or the unique key, of another is not stored.
/// Gives how many were.
pub(in crate::jobs) async fn insert(
    conn: &mut Connection,
    rows: Vec<NewJobRow>,
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
                    let query = diesel::insert_into(tasks_new_jobs::table)
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
                inserted += diesel::insert_into(tasks_new_jobs::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(conn)
                    .await?;
            } else {
                for rows in rows.chunks(BATCH_SIZE) {
                    inserted += diesel::insert_into(tasks_new_jobs::table)
                        .values(rows)
                        .on_conflict_do_nothing()
                        .execute(conn)
                        .await?;
                }
            }
            if inserted > 0 {
                statement("SELECT pg_notify($1, '')")
                    .bind::<Text, _>(CHANNEL)
                    .execute(conn)
                    .await?;
            }
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

/// The job that has this idempotency key.
pub(in crate::jobs) async fn find_by_key(
    conn: &mut Connection,
    task: Option<&str>,
    key: &str,
) -> Result<Option<JobRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::task_name.eq(task))
            .filter(tasks_jobs::idempotency_key.eq(key))
            .select(JobRow::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The job that waits or runs with this unique key.
pub(in crate::jobs) async fn find_by_unique_key(
    conn: &mut Connection,
    task: Option<&str>,
    key: &str,
) -> Result<Option<JobRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::task_name.eq(task))
            .filter(tasks_jobs::unique_key.eq(key))
            .filter(sql::<Bool>(sql::OPEN))
            .select(JobRow::as_select())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The job that waits or runs with one of these unique keys, which are those of one call by other keys of encryption. Until the transaction ends
/// no other one looks for them: the index of the table tells such keys apart.
pub(in crate::jobs) async fn find_unique(
    conn: &mut Connection,
    task: Option<&str>,
    keys: &[String],
) -> Result<Option<JobRow>, JobError> {
    // The last one is the same whatever keys a process has.
    let Some(plain) = keys.last() else {
        return Ok(None);
    };
    lock_unique(conn, plain).await?;
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

/// SQLite has one writer at a time.
async fn lock_unique(conn: &mut Connection, key: &str) -> Result<(), JobError> {
    /// Tells these locks from others.
    #[cfg(feature = "postgres")]
    const CLASS: i32 = i32::from_be_bytes(*b"uniq");
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(_) => {
            let _ = key;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            // Three bytes: everybody sees what is locked, and may not learn from it what was hashed.
            let short = key.bytes().fold(0_u32, |short, byte| {
                short.wrapping_mul(31).wrapping_add(u32::from(byte))
            }) & 0x00ff_ffff;
            statement("SELECT pg_advisory_xact_lock($1, $2)")
                .bind::<Integer, _>(CLASS)
                .bind::<Integer, _>(i32::try_from(short).unwrap_or_default())
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

/// Another job that waits or runs with one of the unique keys that a job has.
pub(in crate::jobs) async fn find_duplicate(
    conn: &mut Connection,
    job: &JobRow,
    other_keys: &[String],
) -> Result<Option<JobId>, JobError> {
    let key: Option<Option<String>> = with_conn!(conn, |conn| {
        tasks_jobs::table
            .find(&job.id)
            .select(tasks_jobs::unique_key)
            .first(conn)
            .await
            .optional()
    })?;
    let Some(Some(key)) = key else {
        return Ok(None);
    };
    if let Some(other) = find_unique(conn, job.task_name.as_deref(), other_keys).await?
        && other.id != job.id
    {
        return Ok(Some(JobId::stored(&other.id)));
    }
    Ok(with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(tasks_jobs::task_name.eq(&job.task_name))
            .filter(tasks_jobs::unique_key.eq(key))
            .filter(sql::<Bool>(sql::OPEN))
            .filter(tasks_jobs::id.ne(&job.id))
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
