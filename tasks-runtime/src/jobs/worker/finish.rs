//! Writes how attempts ended, many at once.

#[cfg(feature = "postgres")]
use std::collections::HashMap;
use std::collections::HashSet;
#[cfg(feature = "postgres")]
use std::fmt::Write as _;
#[cfg(feature = "sqlite")]
use std::sync::LazyLock;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use super::attempt_end::{AttemptEnd, AttemptOutcome};
use crate::database::{Connection, ConnectionKind, computer, statement};
use crate::jobs::attempt_key::AttemptKey;
#[cfg(feature = "postgres")]
use crate::jobs::attempt_key::Fence;
use crate::jobs::error::JobError;
#[cfg(feature = "postgres")]
use crate::jobs::id::JobId;
use crate::jobs::state::JobState;
use crate::jobs::state::number::{CANCELED, RUNNING};
use crate::jobs::store::{self, FailedAttempt};
#[cfg(feature = "postgres")]
use crate::jobs::table::tasks_jobs;

/// When a job is canceled, whatever its attempt came to: somebody has asked for it, and was told so.
const CANCEL_COUNTS: &str = "(cancel_requested_at IS NOT NULL)";
/// What a task completes inside a transaction of its own stays, since other rows are written with it.
const COMPLETION_COUNTS: &str = "(1 = 0)";

/// An attempt whose end is stored.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct FinishedAttempt {
    pub(in crate::jobs) attempt: AttemptKey,
    /// State of its job since then: canceled if somebody has asked for that, whatever the attempt came to.
    pub(in crate::jobs) state: JobState,
}

/// Writes all that still count, and gives these. Those that failed are kept as attempts as well.
pub(in crate::jobs) async fn finish(
    conn: &mut Connection,
    finished: &[AttemptEnd],
    now: i64,
) -> Result<Vec<FinishedAttempt>, JobError> {
    let (_, written) = write(conn, finished, now, false).await?;
    let failed = failed_attempts(finished, &written);
    store::add_attempts(conn, failed, &computer()).await?;
    // Their events may have been sent while they ran.
    let mut waits = Vec::new();
    for end in finished {
        if let AttemptOutcome::Suspended(suspension) = &end.outcome {
            let job = end.attempt.job;
            waits.extend(suspension.events.iter().map(|event| (job, event.clone())));
        }
    }
    store::wake_by_events(conn, &waits, now).await?;
    Ok(written)
}

/// What is kept of attempts that failed, unless their jobs were canceled.
fn failed_attempts(finished: &[AttemptEnd], written: &[FinishedAttempt]) -> Vec<FailedAttempt> {
    let kept = written.iter();
    let kept = kept.filter(|written| written.state != JobState::Canceled);
    let kept: HashSet<AttemptKey> = kept.map(|written| written.attempt).collect();
    let failed = finished.iter().filter_map(|end| {
        let failure = end.outcome.failure()?;
        kept.contains(&end.attempt).then(|| FailedAttempt {
            key: end.attempt,
            finished_at: end.at,
            error_type: failure.r#type.clone(),
            error_code: failure.code.clone(),
            error: failure.message.clone(),
            error_location: failure.location.clone(),
        })
    });
    failed.collect()
}

/// Writes that an attempt completes its job, in a transaction of the task's own. `false` when the attempt does not count any more.
pub(in crate::jobs) async fn complete(
    conn: &mut Connection,
    end: AttemptEnd,
    now: i64,
) -> Result<bool, JobError> {
    let (written, _) = write(conn, &[end], now, true).await?;
    Ok(written > 0)
}

/// Gives how many were written, and which attempts have ended so.
async fn write(
    conn: &mut Connection,
    finished: &[AttemptEnd],
    now: i64,
    in_transaction_of_task: bool,
) -> Result<(usize, Vec<FinishedAttempt>), JobError> {
    if finished.is_empty() {
        return Ok((0, Vec::new()));
    }
    let written = match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            let finished = finished.to_vec();
            let [unless_canceled, canceled, completed] = &*SQLITE;
            // One visit to the thread for all of them.
            conn.spawn_blocking(move |conn| {
                let mut written = Vec::with_capacity(finished.len());
                for end in &finished {
                    let columns = end.columns();
                    let mut execute = |sql: &'static str| {
                        let query = statement(sql)
                            .bind::<Text, _>(end.attempt.job)
                            .bind::<BigInt, _>(end.attempt.fence)
                            .bind::<Integer, _>(columns.state)
                            .bind::<BigInt, _>(columns.run_at)
                            .bind::<Integer, _>(columns.attempt_delta)
                            .bind::<Nullable<BigInt>, _>(columns.finished_at)
                            .bind::<Nullable<Text>, _>(end.artifact)
                            .bind::<Nullable<Text>, _>(columns.error_type)
                            .bind::<Nullable<Text>, _>(columns.error)
                            .bind::<Nullable<Text>, _>(columns.error_traceback)
                            .bind::<Nullable<Text>, _>(columns.error_code)
                            .bind::<Nullable<Text>, _>(columns.error_details)
                            .bind::<Nullable<Text>, _>(end.progress.as_deref())
                            .bind::<Nullable<Text>, _>(columns.result)
                            .bind::<BigInt, _>(now);
                        RunQueryDsl::execute(query, conn).map(|rows| rows > 0)
                    };
                    let state = if in_transaction_of_task {
                        execute(completed)?.then_some(columns.state)
                    } else if execute(unless_canceled)? {
                        Some(columns.state)
                    } else {
                        execute(canceled)?.then_some(JobState::Canceled)
                    };
                    written.extend(state.map(|state| FinishedAttempt {
                        attempt: end.attempt,
                        state,
                    }));
                }
                Ok::<_, diesel::result::Error>((written.len(), written))
            })
            .await?
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            let canceled = if in_transaction_of_task {
                COMPLETION_COUNTS
            } else {
                CANCEL_COUNTS
            };
            finish_postgres(conn, finished, now, canceled).await?
        }
    };
    Ok(written)
}

/// Somebody may have asked it to stop in the meantime.
#[cfg(feature = "sqlite")]
fn sqlite(canceled: &str) -> String {
    format!(
        "UPDATE tasks_jobs SET run_at = CASE WHEN $3 < {RUNNING} THEN $4 ELSE run_at END, \
         state = CASE WHEN {canceled} THEN {CANCELED} ELSE $3 END, \
         finished_at = CASE WHEN $6 IS NULL AND {canceled} THEN $15 ELSE MAX($6, started_at) END, \
         attempt = attempt + $5, started_at = CASE WHEN attempt + $5 = 0 THEN NULL ELSE started_at END, artifact_id = $7, \
         error_type = CASE WHEN {canceled} THEN NULL ELSE $8 END, error = CASE WHEN {canceled} THEN NULL ELSE $9 END, \
         error_traceback = CASE WHEN {canceled} THEN NULL ELSE $10 END, error_code = CASE WHEN {canceled} THEN NULL ELSE $11 END, \
         error_details = CASE WHEN {canceled} THEN NULL ELSE $12 END, progress = $13, \
         result = CASE WHEN {canceled} THEN NULL ELSE $14 END, worker = NULL WHERE id = $1 AND fence = $2 AND state = {RUNNING}"
    )
}

/// For jobs that nobody asked to stop, for those that somebody did, and for a completion in a transaction of the task's own. Which of the
/// first two has changed a row says what became of the job: `RETURNING` would take several times as long as the change.
#[cfg(feature = "sqlite")]
static SQLITE: LazyLock<[String; 3]> = LazyLock::new(|| {
    let completed = sqlite(COMPLETION_COUNTS);
    [
        format!("{completed} AND cancel_requested_at IS NULL"),
        sqlite(CANCEL_COUNTS),
        completed,
    ]
});

/// One statement for all of them. Its plan is to go from each end to its job by the id, however many jobs there were when it was made:
/// PostgreSQL takes a limit that it does not know for a small one, and the sum keeps it from the index by status, all of which it would
/// read while its statistics are from before there were jobs that run.
#[cfg(feature = "postgres")]
async fn finish_postgres(
    conn: &mut crate::database::PgConnection,
    finished: &[AttemptEnd],
    now: i64,
    canceled: &str,
) -> QueryResult<(usize, Vec<FinishedAttempt>)> {
    use diesel::sql_types::Array;

    use super::attempt_end::Columns;

    /// How many rows were changed, without an id; or one that is stored otherwise than its attempt ended.
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        id: Option<JobId>,
        #[diesel(sql_type = BigInt)]
        fence: Fence,
        #[diesel(sql_type = Integer)]
        state: JobState,
        #[diesel(sql_type = BigInt)]
        count: i64,
    }

    /// Each column and its type.
    const COLUMNS: [(&str, &str); 14] = [
        ("id", "text"),
        ("fence", "bigint"),
        ("state", "integer"),
        ("run_at", "bigint"),
        ("attempts", "integer"),
        ("finished_at", "bigint"),
        ("artifact_id", "text"),
        ("error_type", "text"),
        ("error", "text"),
        ("error_traceback", "text"),
        ("error_code", "text"),
        ("error_details", "text"),
        ("progress", "text"),
        ("result", "text"),
    ];
    let mut arrays = String::new();
    let mut names = String::new();
    for (place, (name, kind)) in COLUMNS.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(arrays, "{comma}${}::{kind}[]", place + 1);
        let _ = write!(names, "{comma}{name}");
    }
    let unless_canceled =
        |column: &str| format!("{column} = CASE WHEN {canceled} THEN NULL ELSE e.{column} END");
    let cleared: Vec<String> = [
        "error_type",
        "error",
        "error_traceback",
        "error_code",
        "error_details",
        "result",
    ]
    .into_iter()
    .map(unless_canceled)
    .collect();
    // Only what is stored otherwise is sent back, which is next to nothing.
    let sql = format!(
        "WITH written AS (UPDATE tasks_jobs SET run_at = CASE WHEN e.state < {RUNNING} THEN e.run_at ELSE tasks_jobs.run_at END, \
         state = CASE WHEN {canceled} THEN {CANCELED} ELSE e.state END, \
         finished_at = CASE WHEN e.finished_at IS NULL AND {canceled} THEN $15 WHEN e.finished_at IS NULL THEN NULL ELSE GREATEST(e.finished_at, started_at) END, \
         attempt = attempt + e.attempts, started_at = CASE WHEN attempt + e.attempts = 0 THEN NULL ELSE started_at END, \
         artifact_id = e.artifact_id, progress = e.progress, {cleared}, worker = NULL \
         FROM (SELECT * FROM unnest({arrays}) LIMIT $16) AS e ({names}) \
         WHERE tasks_jobs.id = e.id AND tasks_jobs.fence = e.fence AND tasks_jobs.state + 0 = {RUNNING} \
         RETURNING tasks_jobs.id, tasks_jobs.fence, tasks_jobs.state, e.state AS ended) \
         SELECT id, fence, state, CAST(0 AS BIGINT) AS count FROM written WHERE state <> ended \
         UNION ALL SELECT NULL, 0, 0, COUNT(*) FROM written",
        cleared = cleared.join(", ")
    );
    let columns: Vec<Columns<'_>> = finished.iter().map(AttemptEnd::columns).collect();
    macro_rules! column {
        ($field:ident) => {
            columns.iter().map(|end| end.$field).collect::<Vec<_>>()
        };
    }
    macro_rules! field {
        (|$end:ident| $value:expr) => {
            finished.iter().map(|$end| $value).collect::<Vec<_>>()
        };
    }
    let query = statement(sql)
        .bind::<Array<Text>, _>(field!(|end| end.attempt.job))
        .bind::<Array<BigInt>, _>(field!(|end| end.attempt.fence))
        .bind::<Array<Integer>, _>(column!(state))
        .bind::<Array<BigInt>, _>(column!(run_at))
        .bind::<Array<Integer>, _>(column!(attempt_delta))
        .bind::<Array<Nullable<BigInt>>, _>(column!(finished_at))
        .bind::<Array<Nullable<Text>>, _>(field!(|end| end.artifact))
        .bind::<Array<Nullable<Text>>, _>(column!(error_type))
        .bind::<Array<Nullable<Text>>, _>(column!(error))
        .bind::<Array<Nullable<Text>>, _>(column!(error_traceback))
        .bind::<Array<Nullable<Text>>, _>(column!(error_code))
        .bind::<Array<Nullable<Text>>, _>(column!(error_details))
        .bind::<Array<Nullable<Text>>, _>(field!(|end| end.progress.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(column!(result))
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(i64::try_from(finished.len()).unwrap_or(i64::MAX));
    let rows: Vec<Row> = diesel_async::RunQueryDsl::load(query, conn).await?;
    let mut written = 0;
    let mut otherwise: HashMap<AttemptKey, JobState> = HashMap::new();
    for row in rows {
        match row.id {
            None => written = usize::try_from(row.count).unwrap_or_default(),
            Some(job) => {
                let fence = row.fence;
                otherwise.insert(AttemptKey { job, fence }, row.state);
            }
        }
    }
    let mut attempts: Vec<FinishedAttempt> = finished
        .iter()
        .zip(&columns)
        .map(|(end, columns)| FinishedAttempt {
            attempt: end.attempt,
            state: otherwise
                .get(&end.attempt)
                .copied()
                .unwrap_or(columns.state),
        })
        .collect();
    if written < attempts.len() {
        let stored = stored(conn, &attempts).await?;
        attempts.retain_mut(|attempt| match stored.get(&attempt.attempt) {
            // It is stored as it ended, or was canceled: it was written now, or by a transaction whose answer was lost.
            Some(state) if *state == attempt.state || *state == JobState::Canceled => {
                attempt.state = *state;
                true
            }
            _ => false,
        });
    }
    Ok((written, attempts))
}

/// What the jobs of these attempts are now, of those that were given to nobody else.
#[cfg(feature = "postgres")]
async fn stored(
    conn: &mut crate::database::PgConnection,
    attempts: &[FinishedAttempt],
) -> QueryResult<HashMap<AttemptKey, JobState>> {
    let ids = attempts.iter().map(|attempt| attempt.attempt.job);
    let query = tasks_jobs::table
        .filter(tasks_jobs::id.eq_any(ids.collect::<Vec<_>>()))
        .filter(tasks_jobs::state.ne(JobState::Running))
        .select((tasks_jobs::id, tasks_jobs::fence, tasks_jobs::state));
    let rows: Vec<(JobId, Fence, JobState)> = diesel_async::RunQueryDsl::load(query, conn).await?;
    let key = |(job, fence, state)| (AttemptKey { job, fence }, state);
    Ok(rows.into_iter().map(key).collect())
}
