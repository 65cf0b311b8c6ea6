//! What goes on when jobs have ended, in each process that has started its scheduler: graphs, and jobs that wait for those which they have submitted.

use std::time::{Duration, Instant};

use super::Scheduler;
use crate::database::DatabaseError;
use crate::jobs::error::JobError;
use crate::jobs::graphs::LeftAside;
use crate::jobs::id::JobId;
use crate::jobs::notifier::JobChanges;
use crate::jobs::store::{self, ChildWaits};

/// How often to look: at what other processes have done, and at deadlines of graphs.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long changes of this process are gathered before the next look.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// How many times as long as a look took nobody looks again: where much is open, looking takes a fifth of a connection at most.
const PAUSE_FACTOR: u32 = 4;
/// The longest pause of that kind.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Scheduler {
    /// Has go on what waits for ends, in this process, until the scheduler is shut down.
    pub(super) fn look_after_ends(&self) {
        let scheduler = self.downgrade();
        let submitted = self.ends_to_look_at();
        // On the database's own threads: whoever starts this may be gone before.
        self.database().spawn(async move {
            let mut pause = SHORTEST_PAUSE;
            let mut changes: Option<JobChanges> = None;
            let mut left_aside = LeftAside::default();
            loop {
                let change = async {
                    match &mut changes {
                        Some(changes) => changes.changed().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    () = submitted.notified() => {}
                    () = change => {}
                }
                tokio::time::sleep(pause).await;
                let Some(scheduler) = scheduler.upgrade() else {
                    return;
                };
                // What changes from here on is looked at next time.
                let heard = scheduler.all_changes();
                let began = Instant::now();
                left_aside.retain(began);
                let any_parent = scheduler.wake_parents().await.unwrap_or_else(|error| {
                    // That the database is away others say, and who has closed it knows.
                    let is_away = |error: &DatabaseError| {
                        error.is_temporary() || matches!(error, DatabaseError::Closed)
                    };
                    if matches!(&error, JobError::Database(error) if is_away(error)) {
                        tracing::debug!(%error, "jobs that wait for others were not looked at");
                    } else {
                        tracing::warn!(%error, "jobs that wait for others do not go on, and are looked at again");
                    }
                    true
                });
                let looked = scheduler.look_and_advance(&mut left_aside).await;
                // What took long was to make jobs, where there are more to be made.
                let rest = if looked.has_more {
                    Duration::ZERO
                } else {
                    began.elapsed() * PAUSE_FACTOR
                };
                pause = SHORTEST_PAUSE.max(rest).min(LONGEST_PAUSE);
                changes = (looked.any_open || any_parent).then_some(heard);
            }
        });
    }

    /// Makes jobs due whose children have ended. Gives whether any job waits for a child.
    async fn wake_parents(&self) -> Result<bool, JobError> {
        let ChildWaits { any, over, left } = self.session().read(store::child_waits).await?;
        if over.is_empty() && left.is_empty() {
            return Ok(any);
        }
        self.refresh_clock().await?;
        let now = self.clock().now();
        let woken: Result<Vec<JobId>, JobError> = self
            .session()
            .transaction_with_retries(async |tx| {
                store::forget_child_waits(tx, &left).await?;
                let woken = store::wake_parents(tx, &over, now).await?;
                if !woken.is_empty() {
                    store::notify(tx).await?;
                }
                Ok(woken)
            })
            .await;
        let woken = woken?;
        if !woken.is_empty() {
            self.wake();
        }
        for parent in woken {
            self.shared.changes.notify(parent);
        }
        Ok(any)
    }
}
