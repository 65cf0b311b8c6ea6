//! The table of figures.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::figures::Row;
use super::levels::{LEVELS, Level};
use crate::database::{Backend, Connection, ConnectionKind, statement};
use crate::jobs::error::JobError;
use crate::with_conn;

/// For how long it is known which batch a process that ended has added last, in microseconds.
const WRITERS_KEPT: i64 = 24 * 3600 * 1_000_000;
/// How many steps are pruned at once: others want to write, too.
const PRUNED_STEPS: i64 = 60;

/// Adds a batch of a writer, unless it was added before. They are in the order of the table.
pub(super) async fn add(
    conn: &mut Connection,
    (writer, batch): (&str, i64),
    rows: &[Row],
    now: i64,
) -> Result<(), JobError> {
    let mark = "INSERT INTO tasks_job_history_writers (id, batch, written_at) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, written_at = excluded.written_at \
         WHERE tasks_job_history_writers.batch < excluded.batch";
    let marked = with_conn!(conn, |conn| {
        statement(mark)
            .bind::<Text, _>(writer)
            .bind::<BigInt, _>(batch)
            .bind::<BigInt, _>(now)
            .execute(conn)
            .await
    })?;
    if marked == 0 {
        return Ok(());
    }
    match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            let rows = rows.to_vec();
            // One visit to the thread for all of them.
            conn.spawn_blocking(move |conn| {
                for row in &rows {
                    let query = statement(
                        "INSERT INTO tasks_job_history (step, at, task, queue, measure, total) VALUES ($1, $2, $3, $4, $5, $6) \
                         ON CONFLICT (step, at, task, queue, measure) DO UPDATE SET total = total + excluded.total",
                    )
                    .bind::<Integer, _>(row.step)
                    .bind::<BigInt, _>(row.at)
                    .bind::<Text, _>(&row.task)
                    .bind::<Text, _>(&row.queue)
                    .bind::<Integer, _>(row.measure)
                    .bind::<BigInt, _>(row.total);
                    diesel::RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(())
            })
            .await?;
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => add_postgres(conn, rows).await?,
    }
    Ok(())
}

#[cfg(feature = "postgres")]
async fn add_postgres(
    conn: &mut crate::database::PgConnection,
    rows: &[Row],
) -> diesel::QueryResult<()> {
    use diesel::sql_types::Array;

    /// How many rows one statement has.
    const BATCH: usize = 5000;
    for rows in rows.chunks(BATCH) {
        macro_rules! column {
            (|$row:ident| $value:expr) => {
                rows.iter().map(|$row| $value).collect::<Vec<_>>()
            };
        }
        let query = statement(
            "INSERT INTO tasks_job_history (step, at, task, queue, measure, total) \
             SELECT * FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::bigint[]) \
             ON CONFLICT (step, at, task, queue, measure) DO UPDATE SET total = tasks_job_history.total + excluded.total",
        )
        .bind::<Array<Integer>, _>(column!(|row| row.step))
        .bind::<Array<BigInt>, _>(column!(|row| row.at))
        .bind::<Array<Text>, _>(column!(|row| row.task.as_str()))
        .bind::<Array<Text>, _>(column!(|row| row.queue.as_str()))
        .bind::<Array<Integer>, _>(column!(|row| row.measure))
        .bind::<Array<BigInt>, _>(column!(|row| row.total));
        query.execute(conn).await?;
    }
    Ok(())
}

/// A sum of one measure, over one step of a series.
#[derive(Debug, QueryableByName)]
pub(super) struct Sum {
    /// The number of the step since 1970.
    #[diesel(sql_type = BigInt)]
    pub(super) slot: i64,
    #[diesel(sql_type = Integer)]
    pub(super) measure: i32,
    #[diesel(sql_type = BigInt)]
    pub(super) total: i64,
}

/// Which figures are wanted.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) level: Level,
    /// How long a step of the series is, in microseconds.
    pub(super) step: i64,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) tasks: Option<&'a [String]>,
    pub(super) queue: Option<&'a str>,
}

/// The sums of all steps of a series in which anything happened.
pub(super) async fn sums(conn: &mut Connection, wanted: &Wanted<'_>) -> Result<Vec<Sum>, JobError> {
    let names = match conn.backend() {
        Backend::Sqlite => "SELECT value FROM json_each($5)",
        Backend::Postgres => "SELECT jsonb_array_elements_text(CAST($5 AS JSONB))",
    };
    let json = wanted
        .tasks
        .map(|tasks| serde_json::to_string(tasks).unwrap_or_else(|_| "[]".to_owned()));
    let of_tasks = match &json {
        Some(_) => format!("task IN ({names})"),
        None => "CAST($5 AS TEXT) IS NULL".to_owned(),
    };
    // Values in the order of the text, as SQLite counts them.
    let sql = format!(
        "SELECT at / $1 AS slot, measure, CAST(SUM(total) AS BIGINT) AS total FROM tasks_job_history \
         WHERE step = $2 AND at >= $3 AND at < $4 AND {of_tasks} AND queue = COALESCE($6, queue) GROUP BY 1, 2"
    );
    Ok(with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(wanted.step)
            .bind::<Integer, _>(wanted.level.step)
            .bind::<BigInt, _>(wanted.from)
            .bind::<BigInt, _>(wanted.to)
            .bind::<Nullable<Text>, _>(json)
            .bind::<Nullable<Text>, _>(wanted.queue)
            .load(conn)
            .await
    })?)
}

/// When the oldest figures of a level are from.
async fn oldest(conn: &mut Connection, level: Level) -> Result<Option<i64>, JobError> {
    #[derive(QueryableByName)]
    struct Oldest {
        #[diesel(sql_type = Nullable<BigInt>)]
        at: Option<i64>,
    }
    let sql = "SELECT MIN(at) AS at FROM tasks_job_history WHERE step = $1";
    let row: Oldest = with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Integer, _>(level.step)
            .get_result(conn)
            .await
    })?;
    Ok(row.at)
}

/// The first level that has figures from before a time, and from when on it has any.
pub(super) async fn any_before(
    conn: &mut Connection,
    before: impl Fn(Level) -> i64,
) -> Result<Option<(Level, i64)>, JobError> {
    for level in LEVELS {
        let oldest = oldest(conn, level).await?;
        if let Some(oldest) = oldest.filter(|at| *at < before(level)) {
            return Ok(Some((level, oldest)));
        }
    }
    Ok(None)
}

/// Forgets the oldest figures of a level: a number of steps, and none from a time on.
pub(super) async fn prune(
    conn: &mut Connection,
    level: Level,
    oldest: i64,
    before: i64,
) -> Result<(), JobError> {
    let end = oldest.saturating_add(PRUNED_STEPS * level.micros());
    let sql = "DELETE FROM tasks_job_history WHERE step = $1 AND at < $2";
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<Integer, _>(level.step)
            .bind::<BigInt, _>(end.min(before))
            .execute(conn)
            .await
    })?;
    Ok(())
}

/// Forgets writers that have long ended.
pub(super) async fn prune_writers(conn: &mut Connection, now: i64) -> Result<(), JobError> {
    let sql = "DELETE FROM tasks_job_history_writers WHERE written_at < $1";
    with_conn!(conn, |conn| {
        statement(sql)
            .bind::<BigInt, _>(now - WRITERS_KEPT)
            .execute(conn)
            .await
    })?;
    Ok(())
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::database::Database;
    use crate::jobs::history::levels::MINUTE;

    #[tokio::test]
    async fn a_batch_that_is_sent_again_counts_once() {
        let database = Database::sqlite_in_memory().connect().await.unwrap();
        let row = Row {
            step: 60,
            at: 0,
            task: "a".to_owned(),
            queue: "q".to_owned(),
            measure: 1,
            total: 5,
        };
        let wanted = Wanted {
            level: MINUTE,
            step: 60_000_000,
            from: 0,
            to: 60_000_000,
            tasks: None,
            queue: None,
        };
        let session = database.session();
        let totals: Result<Vec<i64>, JobError> = session
            .transaction(async |tx| {
                let mut totals = Vec::new();
                // The COMMIT of the second one was not answered; another process has numbers of its own.
                for batch in [("one", 1), ("one", 2), ("one", 2), ("two", 1), ("one", 3)] {
                    add(tx, batch, std::slice::from_ref(&row), 0).await?;
                    let sums = sums(tx, &wanted).await?;
                    totals.push(sums.iter().map(|sum| sum.total).sum());
                }
                Ok(totals)
            })
            .await;
        assert_eq!(totals.unwrap(), [5, 10, 10, 15, 20]);
    }
}
