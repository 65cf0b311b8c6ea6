//! What counts for the limits over all processes, as the database has it.

use std::collections::BTreeMap;

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::RunQueryDsl;

use super::room::{Room, Starts};
use super::task_limits::{TaskLimits, window_begin};
use crate::database::{Backend, Connection, ConnectionKind, statement};
use crate::jobs::error::JobError;
use crate::jobs::state::sql;
use crate::jobs::table::{tasks_jobs, tasks_new_jobs};
use crate::task::Rate;
use crate::with_conn;

/// What a count is of.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) enum Scope<'a> {
    Queue(&'a str),
    Task(&'a str),
    KeysOf(&'a str),
}

impl Scope<'_> {
    fn text(self) -> String {
        match self {
            Self::Queue(name) => format!("queue:{name}"),
            Self::Task(name) => format!("task:{name}"),
            Self::KeysOf(task) => format!("key:{task}"),
        }
    }
}

/// Keeps others from claiming jobs of a limited task or queue until the transaction ends. `false` when somebody else does, unless this `waits` for that.
///
/// What is counted after this call is what holds: it has to be another statement, which sees all that those before have committed.
pub(in crate::jobs) async fn lock(
    conn: &mut Connection,
    scope: Scope<'_>,
    waits: bool,
) -> Result<bool, JobError> {
    match conn.kind() {
        // It has one writer at a time.
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(_) => {
            let _ = (scope, waits);
            Ok(true)
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            use diesel::sql_types::Integer;

            /// Tells these locks from others.
            const CLASS: i32 = i32::from_be_bytes(*b"flow");
            /// How long a process may be silent in the transaction, in milliseconds: what is done between two statements takes a moment.
            const MAX_IDLE: u32 = 3000;

            #[derive(diesel::QueryableByName)]
            struct Row {
                #[diesel(sql_type = Bool)]
                locked: bool,
            }

            // Two names with one number wait for each other, which does no harm.
            let number = scope.text().bytes().fold(0_u32, |number, byte| {
                number.wrapping_mul(31).wrapping_add(u32::from(byte))
            });
            let number = number.cast_signed();
            // The server ends the transaction of a process that is frozen in it: no others could claim as long as that is.
            let limit =
                format!("set_config('idle_in_transaction_session_timeout', '{MAX_IDLE}', true)");
            if waits {
                statement(format!("SELECT {limit}, pg_advisory_xact_lock($1, $2)"))
                    .bind::<Integer, _>(CLASS)
                    .bind::<Integer, _>(number)
                    .execute(conn)
                    .await?;
                return Ok(true);
            }
            let sql = format!("SELECT {limit}, pg_try_advisory_xact_lock($1, $2) AS locked");
            let row: Row = statement(sql)
                .bind::<Integer, _>(CLASS)
                .bind::<Integer, _>(number)
                .get_result(conn)
                .await?;
            Ok(row.locked)
        }
    }
}

/// What the limits of a task leave now. What a rate leaves of a key is not [read](add_keys) yet.
pub(in crate::jobs) async fn room(
    conn: &mut Connection,
    task: &str,
    limits: TaskLimits,
    now: i64,
) -> Result<Room, JobError> {
    let counts_running = limits.concurrency.is_some() || limits.concurrency_per_key.is_some();
    let running = if counts_running {
        running(conn, task).await?
    } else {
        BTreeMap::new()
    };
    let mut starts_of_task = match limits.rate {
        Some(rate) => starts(conn, Scope::Task(task), &[""], rate, now).await?,
        None => BTreeMap::new(),
    };
    let starts_of_task = starts_of_task.remove("").unwrap_or_default();
    Ok(Room::new(limits, now, running, starts_of_task))
}

/// Reads what a rate leaves of these keys of a task.
pub(in crate::jobs) async fn add_keys(
    conn: &mut Connection,
    (task, room): (&str, &mut Room),
    keys: &[&str],
    now: i64,
) -> Result<(), JobError> {
    let Some(rate) = room.limits().rate_per_key else {
        return Ok(());
    };
    let new: Vec<&str> = (keys.iter().copied())
        .filter(|key| !room.knows(key))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut found = starts(conn, Scope::KeysOf(task), &new, rate, now).await?;
    for key in new {
        let starts = found.remove(key).unwrap_or_default();
        room.add_key(key, starts);
    }
    Ok(())
}

/// How many jobs of a limited task run, by key.
async fn running(conn: &mut Connection, task: &str) -> Result<BTreeMap<String, usize>, JobError> {
    use tasks_new_jobs::dsl;

    let rows: Vec<(Option<String>, i64)> = with_conn!(conn, |conn| {
        dsl::tasks_new_jobs
            .filter(diesel::dsl::sql::<Bool>(sql::RUNNING_LIMITED))
            .filter(dsl::task_name.eq(task))
            .group_by(dsl::concurrency_key)
            .select((dsl::concurrency_key, count_star()))
            .load(conn)
            .await
    })?;
    let count = |count| usize::try_from(count).unwrap_or_default();
    let row = |(key, number): (Option<String>, i64)| (key.unwrap_or_default(), count(number));
    Ok(rows.into_iter().map(row).collect())
}

/// How many jobs of a queue run.
pub(in crate::jobs) async fn running_in_queue(
    conn: &mut Connection,
    queue: &str,
) -> Result<usize, JobError> {
    let count: i64 = with_conn!(conn, |conn| {
        tasks_jobs::table
            .filter(diesel::dsl::sql::<Bool>(sql::RUNNING))
            .filter(tasks_jobs::queue.eq(queue))
            // Closures are in no queue that can wait.
            .filter(tasks_jobs::task_name.is_not_null())
            .count()
            .get_result(conn)
            .await
    })?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// The attempts that count for a rate, by key.
async fn starts(
    conn: &mut Connection,
    scope: Scope<'_>,
    keys: &[&str],
    rate: Rate,
    now: i64,
) -> Result<BTreeMap<String, Starts>, JobError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        concurrency_key: String,
        #[diesel(sql_type = BigInt)]
        at: i64,
        #[diesel(sql_type = BigInt)]
        count: i64,
    }

    // The keys go as JSON: one text of the statement, however many there are.
    let these = match conn.backend() {
        Backend::Sqlite => "(SELECT value FROM json_each($2))",
        Backend::Postgres => "(SELECT jsonb_array_elements_text(CAST($2 AS JSONB)))",
    };
    let sql = format!(
        "SELECT concurrency_key, at, count FROM tasks_job_starts \
         WHERE scope = $1 AND concurrency_key IN {these} AND at > $3 AND at < $4"
    );
    let rows: Vec<Row> = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Text, _>(scope.text())
            .bind::<Text, _>(serde_json::to_string(keys).unwrap_or_default())
            .bind::<BigInt, _>(window_begin(rate, now))
            // What is far ahead was written by a clock that was wrong.
            .bind::<BigInt, _>(rate.end_of(now))
            .load(conn)
            .await
    })?;
    let mut all: BTreeMap<String, Starts> = BTreeMap::new();
    for row in rows {
        let starts = all.entry(row.concurrency_key).or_default();
        starts.add(row.at, usize::try_from(row.count).unwrap_or_default());
    }
    Ok(all)
}

/// The attempts that count for the rate of a queue.
pub(in crate::jobs) async fn queue_starts(
    conn: &mut Connection,
    queue: &str,
    rate: Rate,
    now: i64,
) -> Result<Starts, JobError> {
    let mut all = starts(conn, Scope::Queue(queue), &[""], rate, now).await?;
    Ok(all.remove("").unwrap_or_default())
}

/// Counts attempts that begin now, so many of each key.
pub(in crate::jobs) async fn add_starts(
    conn: &mut Connection,
    scope: Scope<'_>,
    (rate, now): (Rate, i64),
    counts: &[(&str, usize)],
) -> Result<(), JobError> {
    let (scope, at) = (scope.text(), rate.part_of(now));
    let sql = "INSERT INTO tasks_job_starts (scope, concurrency_key, at, count, ends_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (scope, concurrency_key, at) DO UPDATE SET count = tasks_job_starts.count + excluded.count";
    for (key, count) in counts {
        with_conn!(conn, |conn| {
            statement(sql)
                .bind::<Text, _>(&scope)
                .bind::<Text, _>(*key)
                .bind::<BigInt, _>(at)
                .bind::<BigInt, _>(i64::try_from(*count).unwrap_or(i64::MAX))
                .bind::<BigInt, _>(rate.end_of(at))
                .execute(conn)
                .await
        })?;
    }
    Ok(())
}

/// Forgets attempts that do not count any more. Gives how many rows.
pub(in crate::jobs) async fn prune_starts(
    conn: &mut Connection,
    now: i64,
    most: i64,
) -> Result<usize, JobError> {
    let (row, lock) = match conn.backend() {
        Backend::Sqlite => ("rowid", ""),
        Backend::Postgres => ("ctid", " FOR UPDATE SKIP LOCKED"),
    };
    let sql = format!(
        "DELETE FROM tasks_job_starts WHERE {row} IN \
         (SELECT {row} FROM tasks_job_starts WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2{lock})"
    );
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now)
            .bind::<BigInt, _>(most)
            .execute(conn)
            .await
    })?)
}

/// Adds what was taken of a room to what its rates count.
pub(in crate::jobs) async fn add_taken(
    conn: &mut Connection,
    task: &str,
    room: &Room,
    now: i64,
) -> Result<(), JobError> {
    let taken = room.taken();
    if taken.is_empty() {
        return Ok(());
    }
    if let Some(rate) = room.limits().rate {
        let all = taken.values().sum();
        add_starts(conn, Scope::Task(task), (rate, now), &[("", all)]).await?;
    }
    if let Some(rate) = room.limits().rate_per_key {
        let each: Vec<(&str, usize)> = taken
            .iter()
            .map(|(key, count)| (key.as_str(), *count))
            .collect();
        add_starts(conn, Scope::KeysOf(task), (rate, now), &each).await?;
    }
    Ok(())
}
