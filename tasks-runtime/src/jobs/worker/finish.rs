//! Writes how attempts ended, many at once.

#[cfg(feature = "postgres")]
use std::fmt::Write as _;
#[cfg(feature = "sqlite")]
use std::sync::LazyLock;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use crate::database::{Connection, ConnectionKind, statement};
use crate::jobs::error::JobError;
#[cfg(feature = "metrics")]
use crate::jobs::metrics::AttemptOutcome;
use crate::jobs::state::JobState;
use crate::jobs::state::number::{CANCELED, RUNNING};
use crate::jobs::{MAX_ERROR, MAX_TRACEBACK};
use crate::text::cut;

/// How long the name of an error's type may be, in bytes: names of generic types are long.
const MAX_ERROR_TYPE: usize = 1024;

/// The end of an attempt.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Finish {
    pub(in crate::jobs) id: String,
    /// Which giving of the job to a worker it is the end of: only the latest counts.
    pub(in crate::jobs) fence: i64,
    pub(in crate::jobs) state: JobState,
    /// When it is to run again, if it is.
    pub(in crate::jobs) run_at: i64,
    /// -1 for an attempt that is not to count.
    pub(in crate::jobs) attempts: i32,
    pub(in crate::jobs) finished_at: Option<i64>,
    pub(in crate::jobs) artifact_id: Option<String>,
    pub(in crate::jobs) error_type: Option<String>,
    pub(in crate::jobs) error: Option<String>,
    pub(in crate::jobs) error_traceback: Option<String>,
    pub(in crate::jobs) progress: Option<String>,
    pub(in crate::jobs) result: Option<String>,
}

impl Finish {
    /// What kind of end it is, for the metrics.
    #[cfg(feature = "metrics")]
    pub(in crate::jobs) fn outcome(&self) -> AttemptOutcome {
        match self.state {
            JobState::Completed => AttemptOutcome::Completed,
            JobState::Failed => AttemptOutcome::Failed,
            JobState::Canceled => AttemptOutcome::Canceled,
            _ if self.attempts == 0 => AttemptOutcome::Retried,
            _ => AttemptOutcome::Returned,
        }
    }

    /// What becomes of an attempt that does not end before its process.
    pub(in crate::jobs) fn left_behind(id: &str, fence: i64, closure: bool, now: i64) -> Self {
        let end = Self::returned(id, fence, now);
        if !closure {
            return end;
        }
        Self {
            state: JobState::Failed,
            attempts: 0,
            finished_at: Some(now),
            error_type: Some("lost".to_owned()),
            error: Some(
                "the process that ran it ended, and a closure cannot survive its process"
                    .to_owned(),
            ),
            ..end
        }
    }

    /// An attempt that came to nothing: the job is ready again.
    pub(in crate::jobs) fn returned(id: &str, fence: i64, now: i64) -> Self {
        Self {
            id: id.to_owned(),
            fence,
            state: JobState::Ready,
            run_at: now,
            attempts: -1,
            finished_at: None,
            artifact_id: None,
            error_type: None,
            error: None,
            error_traceback: None,
            progress: None,
            result: None,
        }
    }

    /// Without what a database cannot store, and what is too long: one end that cannot be written would keep all others from it.
    pub(in crate::jobs) fn storable(mut self) -> Self {
        for (text, most) in [
            (&mut self.error_type, MAX_ERROR_TYPE),
            (&mut self.error, MAX_ERROR),
            (&mut self.error_traceback, MAX_TRACEBACK),
        ] {
            storable(text);
            if let Some(text) = text {
                cut(text, most);
            }
        }
        self
    }
}

/// PostgreSQL has no text with a zero in it.
fn storable(text: &mut Option<String>) {
    if let Some(text) = text
        && text.contains('\0')
    {
        *text = text.replace('\0', "\u{fffd}");
    }
}

/// Writes all that still count. Gives how many did not.
pub(in crate::jobs) async fn finish(
    conn: &mut Connection,
    finished: &[Finish],
    now: i64,
) -> Result<usize, JobError> {
    if finished.is_empty() {
        return Ok(0);
    }
    let written = match conn.kind() {
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(conn) => {
            let finished = finished.to_vec();
            // One visit to the thread for all of them.
            conn.spawn_blocking(move |conn| {
                let mut written = 0;
                for end in &finished {
                    let query = statement(SQLITE.as_str())
                        .bind::<Text, _>(&end.id)
                        .bind::<BigInt, _>(end.fence)
                        .bind::<Integer, _>(end.state)
                        .bind::<BigInt, _>(end.run_at)
                        .bind::<Integer, _>(end.attempts)
                        .bind::<Nullable<BigInt>, _>(end.finished_at)
                        .bind::<Nullable<Text>, _>(end.artifact_id.as_deref())
                        .bind::<Nullable<Text>, _>(end.error_type.as_deref())
                        .bind::<Nullable<Text>, _>(end.error.as_deref())
                        .bind::<Nullable<Text>, _>(end.error_traceback.as_deref())
                        .bind::<Nullable<Text>, _>(end.progress.as_deref())
                        .bind::<Nullable<Text>, _>(end.result.as_deref())
                        .bind::<BigInt, _>(now);
                    written += RunQueryDsl::execute(query, conn)?;
                }
                Ok::<_, diesel::result::Error>(written)
            })
            .await?
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => finish_postgres(conn, finished, now).await?,
    };
    Ok(finished.len() - written)
}

/// Somebody may have asked it to stop in the meantime: then there is no other attempt.
#[cfg(feature = "sqlite")]
static SQLITE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE tasks_jobs SET run_at = CASE WHEN $3 < {RUNNING} THEN $4 ELSE run_at END, \
         state = CASE WHEN $3 < {RUNNING} AND cancel_requested_at IS NOT NULL THEN {CANCELED} ELSE $3 END, \
         finished_at = CASE WHEN $3 < {RUNNING} AND cancel_requested_at IS NOT NULL THEN $13 ELSE MAX($6, started_at) END, \
         attempt = attempt + $5, started_at = CASE WHEN attempt + $5 = 0 THEN NULL ELSE started_at END, \
         artifact_id = $7, error_type = $8, error = $9, error_traceback = $10, progress = $11, \
         result = $12, worker = NULL WHERE id = $1 AND fence = $2 AND state = {RUNNING}"
    )
});

/// One statement for all of them. Its plan is to go from each end to its job by the id, however many jobs there were when it was made:
/// PostgreSQL takes a limit that it does not know for a small one, and the sum keeps it from the index by status, all of which it would
/// read while its statistics are from before there were jobs that run.
#[cfg(feature = "postgres")]
async fn finish_postgres(
    conn: &mut crate::database::PgConnection,
    finished: &[Finish],
    now: i64,
) -> QueryResult<usize> {
    use diesel::sql_types::Array;
    /// Each column and its type.
    const COLUMNS: [(&str, &str); 12] = [
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
    let sql = format!(
        "UPDATE tasks_jobs SET run_at = CASE WHEN e.state < {RUNNING} THEN e.run_at ELSE tasks_jobs.run_at END, \
         state = CASE WHEN e.state < {RUNNING} AND cancel_requested_at IS NOT NULL THEN {CANCELED} ELSE e.state END, \
         finished_at = CASE WHEN e.state < {RUNNING} AND cancel_requested_at IS NOT NULL THEN $13 ELSE CASE WHEN e.finished_at IS NULL THEN NULL ELSE GREATEST(e.finished_at, started_at) END END, \
         attempt = attempt + e.attempts, started_at = CASE WHEN attempt + e.attempts = 0 THEN NULL ELSE started_at END, artifact_id = e.artifact_id, \
         error_type = e.error_type, error = e.error, error_traceback = e.error_traceback, progress = e.progress, \
         result = e.result, worker = NULL FROM (SELECT * FROM unnest({arrays}) LIMIT $14) AS e ({names}) \
         WHERE tasks_jobs.id = e.id AND tasks_jobs.fence = e.fence AND tasks_jobs.state + 0 = {RUNNING}"
    );
    macro_rules! column {
        ($field:ident) => {
            finished.iter().map(|end| end.$field).collect::<Vec<_>>()
        };
        (text $field:ident) => {
            finished
                .iter()
                .map(|end| end.$field.as_deref())
                .collect::<Vec<_>>()
        };
    }
    let ids: Vec<&str> = finished.iter().map(|end| end.id.as_str()).collect();
    let query = statement(sql)
        .bind::<Array<Text>, _>(ids)
        .bind::<Array<BigInt>, _>(column!(fence))
        .bind::<Array<Integer>, _>(column!(state))
        .bind::<Array<BigInt>, _>(column!(run_at))
        .bind::<Array<Integer>, _>(column!(attempts))
        .bind::<Array<Nullable<BigInt>>, _>(column!(finished_at))
        .bind::<Array<Nullable<Text>>, _>(column!(text artifact_id))
        .bind::<Array<Nullable<Text>>, _>(column!(text error_type))
        .bind::<Array<Nullable<Text>>, _>(column!(text error))
        .bind::<Array<Nullable<Text>>, _>(column!(text error_traceback))
        .bind::<Array<Nullable<Text>>, _>(column!(text progress))
        .bind::<Array<Nullable<Text>>, _>(column!(text result))
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(i64::try_from(finished.len()).unwrap_or(i64::MAX));
    diesel_async::RunQueryDsl::execute(query, conn).await
}
