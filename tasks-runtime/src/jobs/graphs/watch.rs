//! Looks for graphs that something has become of.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::advance::{self, Advanced};
use super::graph_rows;
use crate::jobs::error::JobError;
use crate::jobs::id::GraphId;
use crate::jobs::scheduler::Scheduler;

/// How long a graph is left aside that could not go on.
const LEFT_ASIDE: Duration = Duration::from_secs(5);
/// How long one is that has failed again and again.
const LONGEST_ASIDE: Duration = Duration::from_secs(300);

/// What a look has found.
struct Found {
    /// Whether any graph has not ended.
    any_open: bool,
    changed: Vec<GraphId>,
}

/// What a look came to.
#[derive(Clone, Copy, Default)]
pub(in crate::jobs) struct Looked {
    /// Whether any graph has not ended.
    pub(in crate::jobs) any_open: bool,
    /// Whether one has more jobs to be made at once.
    pub(in crate::jobs) has_more: bool,
}

/// Graphs that are left aside, so that others go on.
#[derive(Default)]
pub(in crate::jobs) struct LeftAside {
    /// Those of which a node cannot begin here now, and until when that is not tried again. What else becomes of them is looked at.
    stuck: HashMap<GraphId, Instant>,
    /// Those that the database could not bring up to date, until when, and how long that is: twice as long each time.
    failed: HashMap<GraphId, (Instant, Duration)>,
}

impl LeftAside {
    pub(in crate::jobs) fn retain(&mut self, now: Instant) {
        self.stuck.retain(|_, until| *until > now);
        // How often it failed is known for a while.
        self.failed
            .retain(|_, (until, pause)| *until + *pause > now);
    }

    /// Notes a failure, and gives how long nobody tries.
    fn fail(&mut self, id: GraphId) -> Duration {
        let before = self.failed.get(&id).map(|(_, pause)| *pause * 2);
        let pause = before.unwrap_or(LEFT_ASIDE).min(LONGEST_ASIDE);
        self.failed.insert(id, (Instant::now() + pause, pause));
        pause
    }
}

impl Scheduler {
    /// Has all graphs go on that can.
    pub(in crate::jobs) async fn look_and_advance(&self, left_aside: &mut LeftAside) -> Looked {
        let mut looked = Looked::default();
        let found = match self.changed_graphs(left_aside).await {
            Ok(found) => found,
            Err(error) => {
                // Others say that the database is away.
                tracing::debug!(%error, "graphs of jobs were not looked at");
                return looked;
            }
        };
        for id in found.changed {
            match self.advance_graph(id).await {
                Ok(Some(advanced)) => {
                    if advanced.is_stuck && !advanced.has_changed {
                        left_aside.stuck.insert(id, Instant::now() + LEFT_ASIDE);
                    }
                    if advanced.has_more {
                        looked.has_more = true;
                        self.look_at_ends();
                    }
                    self.graph_advanced(&advanced);
                }
                // Another process is at it.
                Ok(None) => {}
                Err(JobError::NotRunning) => return Looked::default(),
                Err(error) => {
                    let pause = left_aside.fail(id);
                    tracing::warn!(graph_id = %id, %error, "a graph of jobs does not go on, and is tried again in {pause:?}");
                }
            }
        }
        looked.any_open = found.any_open;
        looked
    }

    async fn changed_graphs(&self, left_aside: &LeftAside) -> Result<Found, JobError> {
        self.refresh_clock().await?;
        let tasks = self.task_names(|_| true);
        let stuck: Vec<GraphId> = left_aside.stuck.keys().copied().collect();
        let asked = Instant::now();
        let failed = left_aside.failed.iter();
        let failed = failed.filter(|(_, (until, _))| *until > asked);
        let failed: Vec<GraphId> = failed.map(|(id, _)| *id).collect();
        let now = self.clock().now();
        self.session()
            .read(async |conn| {
                let any_open = graph_rows::any_open(conn).await?;
                let changed = if any_open {
                    graph_rows::changed(conn, &tasks, (&stuck, &failed), now).await?
                } else {
                    Vec::new()
                };
                Ok(Found { any_open, changed })
            })
            .await
    }

    /// Has one graph go on; `None` when another process is at it.
    async fn advance_graph(&self, id: GraphId) -> Result<Option<Advanced>, JobError> {
        self.session()
            .transaction_with_retries(async |tx| match graph_rows::lock(tx, id, true).await? {
                Some(graph) => Ok(Some(advance::advance(self, tx, graph).await?)),
                None => Ok(None),
            })
            .await
    }
}
