//! Queues and tasks are paused and resumed.

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::database::{Connection, statement};
use crate::jobs::error::JobError;
use crate::jobs::pause::Pause;
use crate::with_conn;

/// What is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Pausable {
    Queue,
    Task,
}

impl Pausable {
    /// The table of those that are paused, and its column with their names.
    fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::Queue => ("tasks_paused_queues", "queue"),
            Self::Task => ("tasks_paused_tasks", "task_name"),
        }
    }
}

/// The names of what is paused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::jobs) struct PausedNames {
    pub(in crate::jobs) queues: BTreeSet<String>,
    pub(in crate::jobs) tasks: BTreeSet<String>,
}

/// Condition of SQL: something is paused.
pub(in crate::jobs) const IS_ANY_PAUSED: &str =
    "EXISTS (SELECT 1 FROM tasks_paused_queues) OR EXISTS (SELECT 1 FROM tasks_paused_tasks)";

/// Pauses a queue or a task. One that is paused stays so since the same time, with the new name and the new reason.
pub(in crate::jobs) async fn pause(
    conn: &mut Connection,
    (what, name): (Pausable, &str),
    (by, reason): (Option<&str>, Option<&str>),
    now: i64,
) -> Result<(), JobError> {
    let (table, column) = what.table();
    let sql = format!(
        "INSERT INTO {table} ({column}, paused_at, paused_by, reason) VALUES ($1, $2, $3, $4) \
         ON CONFLICT ({column}) DO UPDATE SET paused_by = excluded.paused_by, reason = excluded.reason"
    );
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(name)
            .bind::<BigInt, _>(now)
            .bind::<Nullable<Text>, _>(by)
            .bind::<Nullable<Text>, _>(reason)
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Resumes a queue or a task. `false` when it was not paused.
pub(in crate::jobs) async fn resume(
    conn: &mut Connection,
    (what, name): (Pausable, &str),
) -> Result<bool, JobError> {
    let (table, column) = what.table();
    let sql = format!("DELETE FROM {table} WHERE {column} = $1");
    let resumed = with_conn!(conn, |conn| {
        statement(sql).bind::<Text, _>(name).execute(conn).await
    })?;
    Ok(resumed > 0)
}

/// The names of the queues and of the tasks that are paused.
pub(in crate::jobs) async fn paused_names(conn: &mut Connection) -> Result<PausedNames, JobError> {
    let names = |pauses: BTreeMap<String, Pause>| pauses.into_keys().collect();
    Ok(PausedNames {
        queues: names(pauses(conn, Pausable::Queue).await?),
        tasks: names(pauses(conn, Pausable::Task).await?),
    })
}

#[derive(diesel::QueryableByName)]
struct PauseRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    paused_at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    paused_by: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

/// The queues or tasks that are paused, since when, by whom and why.
pub(in crate::jobs) async fn pauses(
    conn: &mut Connection,
    what: Pausable,
) -> Result<BTreeMap<String, Pause>, JobError> {
    let (table, column) = what.table();
    let sql = format!("SELECT {column} AS name, paused_at, paused_by, reason FROM {table}");
    let rows: Vec<PauseRow> = with_conn!(conn, |conn| statement(sql).load(conn).await)?;
    let pause = |row: PauseRow| {
        let pause = Pause {
            at: chrono::DateTime::from_timestamp_micros(row.paused_at).unwrap_or_default(),
            by: row.paused_by,
            reason: row.reason,
        };
        (row.name, pause)
    };
    Ok(rows.into_iter().map(pause).collect())
}
