//! The driver becomes a worker that others see, watches those, and begins anew when it was taken for dead.

use std::time::Duration;

use tokio::time::Instant;

use super::driver::Driver;
use super::held_back::HeldBack;
use super::in_flight::StopReason;
use super::membership::{Member, Serves};
use super::{by_name, limited_line, membership, recovery};
use crate::jobs::error::JobError;

impl Driver {
    /// Becomes a worker that others see.
    pub(super) async fn join(&mut self) {
        let (host, process) = (recovery::host(), i64::from(std::process::id()));
        let registry = self.shared.executor.registry();
        let tasks: Vec<&str> = registry.names().collect();
        let tasks = serde_json::to_string(&tasks).unwrap_or_default();
        let queues: Vec<&String> = self.shared.queues.iter().map(|(queue, _)| queue).collect();
        let queues = serde_json::to_string(&queues).unwrap_or_default();
        let limited_tasks: Vec<&str> = self.shared.global_limits.task_names().collect();
        let limited_tasks = serde_json::to_string(&limited_tasks).unwrap_or_default();
        let mut pause = Duration::from_millis(100);
        loop {
            let id = ulid::Ulid::new().to_string();
            // A row that is gone may be one of a database that was emptied: it is not filled anew.
            let unchanged = self.shared.session.database().ping().await;
            let joined: Result<(), JobError> = match unchanged {
                Err(error) => Err(error.into()),
                Ok(()) => {
                    self.shared
                        .session
                        .transaction(async |tx| {
                            self.shared.clock.refresh(tx).await?;
                            by_name::mark_all(tx, registry).await?;
                            limited_line::move_running(tx, registry).await?;
                            let now = self.shared.clock.now();
                            let serves = Serves {
                                tasks: &tasks,
                                queues: &queues,
                                limited_tasks: &limited_tasks,
                                version: self.shared.settings.version.as_deref(),
                                lease: self.shared.settings.lease,
                            };
                            membership::register(tx, &id, &host, process, serves, now).await
                        })
                        .await
                }
            };
            match joined {
                Ok(()) => {
                    self.worker.clone_from(&id);
                    self.shared.worker.store(id);
                    self.last_done.heartbeat = Instant::now();
                    break;
                }
                Err(error) if self.shared.stopping.is_cancelled() => {
                    tracing::warn!(%error, "the jobs never began");
                    return;
                }
                Err(error) => {
                    self.shared.health.round_failed(&error);
                    tracing::warn!(%error, "the jobs cannot begin yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
            }
        }
        self.reap_others(None).await;
    }

    /// Reaps workers whose process is gone or whose heartbeat is stale; `members` if they were read already.
    pub(super) async fn reap_others(&mut self, members: Option<Vec<Member>>) {
        let members = match members {
            Some(members) => members,
            None => {
                let found: Result<Vec<Member>, JobError> = self
                    .shared
                    .session
                    .read(async |conn| membership::all_workers(conn).await)
                    .await;
                found.unwrap_or_default()
            }
        };
        let reaped = recovery::reap_dead(
            &self.shared,
            &mut self.watch,
            &self.worker,
            members,
            self.last_done.heartbeat.elapsed(),
        );
        if reaped.await {
            self.recheck();
        }
    }

    /// Others took this process for dead, because it was stopped for a while, say: its jobs are theirs now.
    pub(super) async fn was_reaped(&mut self) {
        tracing::warn!(
            "this worker was taken for dead, by hand or since it had no heartbeat for longer than a lease: its jobs were given to other workers"
        );
        self.shared.in_flight.stop_all(StopReason::Superseded);
        self.finished.clear();
        self.held_back = HeldBack::default();
        self.changed.clear();
        self.started.clear();
        self.recheck();
        self.join().await;
    }
}
