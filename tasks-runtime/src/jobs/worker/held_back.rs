//! What attempts have said of jobs whose rows other transactions have locked: it is written later, so that what was said of all others
//! is written now.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::Attempt;
use super::attempt_end::AttemptEnd;
use crate::database::{Connection, ConnectionKind};
use crate::jobs::error::JobError;
use crate::jobs::id::JobId;
use crate::jobs::store::LogLine;

/// How often to try to write it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What attempts have said of jobs whose rows are locked.
#[derive(Default)]
pub(super) struct HeldBack {
    pub(super) finished: Vec<AttemptEnd>,
    pub(super) changed: BTreeMap<JobId, Arc<Attempt>>,
    pub(super) lines: Vec<LogLine>,
    /// When it was tried last to write it.
    pub(super) tried: Option<Instant>,
}

impl HeldBack {
    pub(super) fn is_empty(&self) -> bool {
        self.finished.is_empty() && self.changed.is_empty() && self.lines.is_empty()
    }

    /// When it is to be tried again, if there is something.
    pub(super) fn due(&self) -> Option<Instant> {
        let tried = self.tried.filter(|_| !self.is_empty())?;
        Some(tried + RETRY_INTERVAL)
    }

    pub(super) fn is_due(&self) -> bool {
        self.due().is_some_and(|due| due <= Instant::now())
    }

    /// The jobs it is about, in words.
    pub(super) fn jobs(&self) -> String {
        let ended = self.finished.iter().map(|end| end.attempt.job);
        let logged = self.lines.iter().map(|line| line.attempt.job);
        let changed = self.changed.keys().copied();
        let jobs: BTreeSet<JobId> = ended.chain(logged).chain(changed).collect();
        let ids: Vec<String> = jobs.iter().take(10).map(JobId::to_string).collect();
        ids.join(", ")
    }
}

/// Those of these that are not of locked jobs.
pub(super) fn unlocked<'a, T: Clone>(
    all: &'a [T],
    locked: &BTreeSet<JobId>,
    job: impl Fn(&T) -> JobId,
) -> Cow<'a, [T]> {
    if locked.is_empty() {
        return Cow::Borrowed(all);
    }
    let free = all.iter().filter(|one| !locked.contains(&job(one)));
    Cow::Owned(free.cloned().collect())
}

/// Locks the rows of these jobs, and gives those that other transactions have locked. Waits for none.
pub(super) async fn lock(
    conn: &mut Connection,
    jobs: BTreeSet<JobId>,
) -> Result<BTreeSet<JobId>, JobError> {
    match conn.kind() {
        // It locks the file.
        #[cfg(feature = "sqlite")]
        ConnectionKind::Sqlite(_) => {
            let _ = jobs;
            Ok(BTreeSet::new())
        }
        #[cfg(feature = "postgres")]
        ConnectionKind::Postgres(conn) => {
            use diesel::sql_types::{Array, Text};
            use diesel_async::RunQueryDsl as _;

            #[derive(diesel::QueryableByName)]
            struct Id {
                #[diesel(sql_type = Text)]
                id: String,
            }

            let ids: Vec<String> = jobs.iter().map(JobId::to_string).collect();
            let mut locked = BTreeSet::new();
            for (are_locked, how) in [(true, ""), (false, " FOR NO KEY UPDATE SKIP LOCKED")] {
                let sql = format!("SELECT id FROM tasks_jobs WHERE id = ANY($1){how}");
                let rows: Vec<Id> = crate::database::statement(sql)
                    .bind::<Array<Text>, _>(&ids)
                    .load(conn)
                    .await?;
                for job in rows.iter().filter_map(|row| row.id.parse().ok()) {
                    if are_locked {
                        locked.insert(job);
                    } else {
                        locked.remove(&job);
                    }
                }
            }
            Ok(locked)
        }
    }
}
