//! The rows of operations.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::record::{JobOperation, OperationAction, OperationState};
use crate::database::{Backend, Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::id::OperationId;
use crate::with_conn;

diesel::table! {
    tasks_job_operations (id) {
        id -> Text,
        action -> Text,
        filter -> Text,
        state -> Integer,
        requested_at -> BigInt,
        requested_by -> Nullable<Text>,
        begins_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        up_to -> Text,
        seen -> Text,
        total -> BigInt,
        more -> Integer,
        done -> BigInt,
        passed_over -> BigInt,
    }
}

/// The condition of operations that are not over, as the index has it.
const OPEN: &str = "state < 2";
/// How many a list shows.
const LISTED: i64 = 100;

/// A row.
#[derive(Clone, Debug, Queryable, QueryableByName, Insertable)]
#[diesel(table_name = tasks_job_operations)]
pub(super) struct OperationRow {
    pub(super) id: String,
    pub(super) action: String,
    pub(super) filter: String,
    pub(super) state: i32,
    pub(super) requested_at: i64,
    pub(super) requested_by: Option<String>,
    pub(super) begins_at: i64,
    pub(super) finished_at: Option<i64>,
    pub(super) up_to: String,
    pub(super) seen: String,
    pub(super) total: i64,
    pub(super) more: i32,
    pub(super) done: i64,
    pub(super) passed_over: i64,
}

impl OperationRow {
    /// The record; `None` of an action that a later version has.
    pub(super) fn record(self) -> Option<JobOperation> {
        let time = |micros: i64| DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
        Some(JobOperation {
            id: OperationId::stored(&self.id),
            action: OperationAction::stored(&self.action)?,
            filter: serde_json::from_str(&self.filter).ok()?,
            state: OperationState::stored(self.state),
            requested_at: time(self.requested_at),
            requested_by: self.requested_by,
            begins_at: time(self.begins_at),
            finished_at: self.finished_at.map(time),
            total: self.total.unsigned_abs(),
            more: self.more != 0,
            done: self.done.unsigned_abs(),
            passed_over: self.passed_over.unsigned_abs(),
        })
    }
}

pub(super) async fn insert(conn: &mut Connection, row: &OperationRow) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::insert_into(tasks_job_operations::table)
            .values(row)
            .execute(conn)
            .await
    })?;
    Ok(())
}

pub(super) async fn find(
    conn: &mut Connection,
    id: OperationId,
) -> Result<Option<OperationRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_operations::table
            .find(id.to_string())
            .first(conn)
            .await
            .optional()
    })?)
}

/// The latest ones, newest first.
pub(super) async fn list(conn: &mut Connection) -> Result<Vec<OperationRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_operations::table
            .order(tasks_job_operations::id.desc())
            .limit(LISTED)
            .load(conn)
            .await
    })?)
}

/// How many are not over.
pub(super) async fn count_open(conn: &mut Connection) -> Result<i64, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_operations::table
            .filter(sql::<Bool>(OPEN))
            .count()
            .get_result(conn)
            .await
    })?)
}

/// Those that are to be worked on, in their order.
pub(super) async fn due(conn: &mut Connection, now: i64) -> Result<Vec<OperationRow>, JobError> {
    Ok(with_conn!(conn, |conn| {
        tasks_job_operations::table
            .filter(sql::<Bool>(OPEN))
            .filter(tasks_job_operations::begins_at.le(now))
            .order((tasks_job_operations::begins_at, tasks_job_operations::id))
            .limit(LISTED)
            .load(conn)
            .await
    })?)
}

/// One that is not over, which nobody else works on until the transaction ends; `None` when somebody does, or it is over by now.
pub(super) async fn lock(
    conn: &mut Connection,
    id: &str,
) -> Result<Option<OperationRow>, JobError> {
    let lock = match conn.backend() {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!("SELECT * FROM tasks_job_operations WHERE id = $1 AND {OPEN}{lock}");
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(id)
            .get_result(conn)
            .await
            .optional()
    })?)
}

/// Notes how far one is.
pub(super) async fn update(conn: &mut Connection, row: &OperationRow) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::update(tasks_job_operations::table.find(&row.id))
            .set((
                tasks_job_operations::state.eq(row.state),
                tasks_job_operations::seen.eq(&row.seen),
                tasks_job_operations::done.eq(row.done),
                tasks_job_operations::passed_over.eq(row.passed_over),
                tasks_job_operations::finished_at.eq(row.finished_at),
            ))
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Cancels one that is not over.
pub(super) async fn cancel(
    conn: &mut Connection,
    id: OperationId,
    now: i64,
) -> Result<(), JobError> {
    let sql = format!(
        "UPDATE tasks_job_operations SET state = {canceled}, finished_at = $1 WHERE id = $2 AND {OPEN}",
        canceled = OperationState::Canceled.number()
    );
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<Text, _>(id.to_string())
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Forgets those that were over before a time. Few are there, so none has to be found by an index.
pub(super) async fn prune(conn: &mut Connection, before: i64) -> Result<(), JobError> {
    with_conn!(conn, |conn| {
        diesel::delete(
            tasks_job_operations::table.filter(tasks_job_operations::finished_at.lt(before)),
        )
        .execute(conn)
        .await
    })?;
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct EndRow {
    #[diesel(sql_type = Nullable<Text>)]
    id: Option<String>,
}

/// The last id of the next jobs after one, up to another: that many entries of an index are read. `status` is a condition that has an index.
pub(super) async fn window_end(
    conn: &mut Connection,
    status: Option<&str>,
    (seen, up_to): (&str, &str),
    size: i64,
) -> Result<Option<String>, JobError> {
    let status = status
        .map(|status| format!("{status} AND "))
        .unwrap_or_default();
    let sql = format!(
        "SELECT MAX(id) AS id FROM (SELECT id FROM tasks_jobs WHERE {status}id > $1 AND id <= $2 ORDER BY id LIMIT {size}) AS ahead"
    );
    let end: EndRow = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(seen)
            .bind::<Text, _>(up_to)
            .get_result(conn)
            .await
    })?;
    Ok(end.id)
}
