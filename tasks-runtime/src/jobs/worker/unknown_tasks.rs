//! Tasks of jobs that are ready and that this process does not have.

use std::collections::BTreeSet;

use super::driver::Driver;
use super::{claim, membership};
use crate::jobs::error::JobError;

impl Driver {
    /// Tasks that this process does not have and of which jobs wait: if no other worker has them, that is said.
    pub(super) async fn look_for_workers_of_others(&mut self) {
        // Who takes jobs itself has met them.
        if self.shared.settings.engine.is_some() {
            match self.unknown_at_the_front().await {
                Ok(unknown) => self.unknown = unknown,
                Err(error) => {
                    tracing::debug!(%error, "the tasks of jobs that wait were not looked at");
                    return;
                }
            }
        }
        let unknown = self.unknown.clone();
        let found: Result<BTreeSet<String>, JobError> = if unknown.is_empty() {
            Ok(unknown)
        } else {
            let session = &self.shared.session;
            session
                .read(async |conn| membership::tasks_without_worker(conn, unknown).await)
                .await
        };
        if let Ok(tasks) = found {
            for task in self.shared.health.set_without_worker(tasks) {
                tracing::warn!(
                    task,
                    "no worker has the task of jobs that wait: they wait until one has"
                );
            }
        }
    }

    /// Looks for them among those that would begin next. Has them claimed by name, like a worker that takes jobs, so that nobody has to step
    /// over them.
    async fn unknown_at_the_front(&self) -> Result<BTreeSet<String>, JobError> {
        let (shared, registry) = (&self.shared, self.shared.executor.registry());
        let is_unknown = |task: &String| registry.get(task).is_err();
        let mut unknown = BTreeSet::new();
        for (queue, _) in &shared.queues {
            let found: Result<(Vec<String>, Vec<String>), JobError> = shared
                .session
                .read(async |conn| {
                    Ok((
                        claim::next_task_names(conn, queue).await?,
                        claim::by_name_tasks(conn, queue).await?,
                    ))
                })
                .await;
            let (front, by_name) = found?;
            let front: BTreeSet<String> = front.into_iter().filter(is_unknown).collect();
            if !front.is_empty() {
                let set_aside: Result<(), JobError> = shared
                    .session
                    .transaction(async |tx| claim::claim_by_name(tx, queue, &front).await)
                    .await;
                set_aside?;
            }
            unknown.extend(front);
            unknown.extend(by_name.into_iter().filter(is_unknown));
        }
        Ok(unknown)
    }
}
