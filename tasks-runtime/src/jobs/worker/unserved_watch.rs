//! Looks for jobs that are ready and that no worker takes: nobody has their task, nobody serves their queue, or nobody does both.

use std::collections::BTreeSet;

use super::driver::Driver;
use super::unserved::{QueuedTask, Served, Unserved, unserved};
use super::worker_health::WorkerHealth;
use super::{by_name, due, limited_line};
use crate::database::{Connection, Session};
use crate::jobs::error::JobError;
use crate::jobs::graphs;
use crate::jobs::new_job_row::line_of;
use crate::jobs::schedules::{self, OverdueSchedules};
use crate::jobs::state::sql;
use crate::jobs::store::{self, PausedNames};

impl Driver {
    /// Looks for tasks and queues of which jobs are ready, and which this process does not have: if no worker has them together, that is
    /// said.
    pub(super) async fn look_for_unserved_jobs(&mut self) {
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
        if let Err(error) = self.move_out_of_limited_line().await {
            tracing::debug!(%error, "jobs of tasks that have no limits any more were not looked at");
        }
        let (own, mut jobs) = (&self.shared.queues, self.unknown.clone());
        let found: Result<Unserved, JobError> = self
            .shared
            .session
            .read(async |conn| {
                let paused = store::paused_names(conn).await?;
                // Their jobs wait because somebody wants that.
                jobs.retain(|job| {
                    !paused.queues.contains(&job.queue) && !paused.tasks.contains(&job.task)
                });
                let mut queues = due::ready_queues(conn).await?;
                queues.retain(|queue| !paused.queues.contains(queue));
                queues.retain(|queue| !own.iter().any(|(name, _)| name == queue));
                // Jobs that the workers of a queue have met and cannot run are claimed by name from then on.
                for queue in &queues {
                    let mut met = due::tasks_apart(conn, queue).await?;
                    met.retain(|task| !paused.tasks.contains(task));
                    jobs.extend(met.into_iter().map(|task| QueuedTask::new(task, queue)));
                }
                let nodes = tasks_of_nodes(conn, &paused).await?;
                unserved(conn, (jobs, nodes), queues, Served::default()).await
            })
            .await;
        let Ok(found) = found else {
            return;
        };
        let new = self.shared.health.set_unserved(found);
        say(new);
        self.look_at_schedules().await;
    }

    /// Has jobs be claimed like all others that were stored while their task had limits over all processes, if no worker limits it any more.
    async fn move_out_of_limited_line(&self) -> Result<(), JobError> {
        let (shared, registry) = (&self.shared, self.shared.executor.registry());
        for (queue, _) in &shared.queues {
            let found: Result<Vec<String>, JobError> = shared
                .session
                .read(async |conn| {
                    let mut tasks = due::tasks_in(conn, sql::READY_LIMITED, queue).await?;
                    tasks.extend(due::tasks_in(conn, sql::QUARANTINED_LIMITED, queue).await?);
                    Ok(tasks)
                })
                .await;
            for task in found? {
                let Ok(entry) = registry.get(&task) else {
                    continue;
                };
                if shared.global_limits.is_limited(&task) {
                    continue;
                }
                let line = line_of(&entry.policy());
                let moved: Result<usize, JobError> = shared
                    .session
                    .transaction(async |tx| limited_line::move_out(tx, (queue, &task), line).await)
                    .await;
                if moved? > 0 {
                    shared.wake.notify_one();
                }
            }
        }
        Ok(())
    }

    /// Looks for schedules whose tasks no worker has.
    async fn look_at_schedules(&self) {
        let now = self.shared.clock.now();
        let overdue: Result<OverdueSchedules, JobError> = self
            .shared
            .session
            .read(async |conn| schedules::overdue(conn, now).await)
            .await;
        if let Ok(overdue) = overdue {
            self.shared.health.set_overdue(overdue);
        }
    }

    /// Looks for them among those that would begin next. Has them claimed by name, like a worker that takes jobs, so that nobody has to step
    /// over them.
    async fn unknown_at_the_front(&self) -> Result<BTreeSet<QueuedTask>, JobError> {
        let (shared, registry) = (&self.shared, self.shared.executor.registry());
        let is_unknown = |task: &String| registry.get(task).is_err();
        let mut unknown = BTreeSet::new();
        for (queue, _) in &shared.queues {
            let found: Result<(Vec<String>, Vec<String>), JobError> = shared
                .session
                .read(async |conn| {
                    Ok((
                        due::next_task_names(conn, queue).await?,
                        due::tasks_apart(conn, queue).await?,
                    ))
                })
                .await;
            let (front, by_name) = found?;
            let front: BTreeSet<String> = front.into_iter().filter(is_unknown).collect();
            if !front.is_empty() {
                let set_aside: Result<(), JobError> = shared
                    .session
                    .transaction(async |tx| by_name::mark(tx, queue, &front).await)
                    .await;
                set_aside?;
            }
            let all = front
                .into_iter()
                .chain(by_name.into_iter().filter(is_unknown));
            unknown.extend(all.map(|task| QueuedTask::new(task, queue)));
        }
        Ok(unknown)
    }
}

/// The tasks of nodes of graphs whose turn it is: those that a process here has become jobs within a moment.
async fn tasks_of_nodes(
    conn: &mut Connection,
    paused: &PausedNames,
) -> Result<BTreeSet<String>, JobError> {
    let tasks = graphs::ready_tasks(conn).await?.into_iter();
    Ok(tasks.filter(|task| !paused.tasks.contains(task)).collect())
}

/// Says of what no worker takes that it waits.
fn say(new: Unserved) {
    for task in new.tasks {
        tracing::warn!(
            task,
            "no worker has the task of jobs that wait: they wait until one has"
        );
    }
    for queue in new.queues {
        tracing::warn!(
            queue,
            "no worker serves the queue of jobs that wait: they wait until one does; `Jobs::queue` has a worker serve it"
        );
    }
    for QueuedTask { task, queue } in new.apart {
        tracing::warn!(
            task,
            queue,
            "no worker that has the task serves the queue of jobs that wait: they wait until one does; `Jobs::queue` has a worker serve it"
        );
    }
}

/// Looks at what no worker takes in a process that has none.
pub(in crate::jobs) async fn look_without_worker(
    session: &Session,
    health: &WorkerHealth,
    now: i64,
) -> Result<(), JobError> {
    let found: Result<(Unserved, OverdueSchedules), JobError> = session
        .read(async |conn| {
            let paused = store::paused_names(conn).await?;
            let mut queues = due::ready_queues(conn).await?;
            queues.retain(|queue| !paused.queues.contains(queue));
            let mut jobs = BTreeSet::new();
            for queue in &queues {
                let front = due::next_task_names(conn, queue).await?;
                let by_name = due::tasks_apart(conn, queue).await?;
                let tasks = front.into_iter().chain(by_name);
                let tasks = tasks.filter(|task| !paused.tasks.contains(task));
                jobs.extend(tasks.map(|task| QueuedTask::new(task, queue)));
            }
            let nodes = tasks_of_nodes(conn, &paused).await?;
            Ok((
                unserved(conn, (jobs, nodes), queues, Served::default()).await?,
                schedules::overdue(conn, now).await?,
            ))
        })
        .await;
    let (found, overdue) = found?;
    say(health.set_unserved(found));
    health.set_overdue(overdue);
    Ok(())
}
