//! Tasks and queues of jobs that no worker has.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::table::tasks_workers;
use crate::with_conn;

/// The task of a job and the queue that it waits in. A worker takes the job only if it has both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::jobs) struct QueuedTask {
    pub(in crate::jobs) task: String,
    pub(in crate::jobs) queue: String,
}

impl QueuedTask {
    pub(in crate::jobs) fn new(task: impl Into<String>, queue: impl Into<String>) -> Self {
        Self {
            task: task.into(),
            queue: queue.into(),
        }
    }
}

/// Tasks and queues of jobs that no worker takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::jobs) struct Unserved {
    /// Tasks that no worker has.
    pub(in crate::jobs) tasks: BTreeSet<String>,
    /// Queues that no worker serves.
    pub(in crate::jobs) queues: BTreeSet<String>,
    /// Tasks that some workers have, in queues that only others serve.
    pub(in crate::jobs) apart: BTreeSet<QueuedTask>,
}

impl Unserved {
    /// Those that are not among the others.
    pub(super) fn without(&self, others: &Self) -> Self {
        Self {
            tasks: self.tasks.difference(&others.tasks).cloned().collect(),
            queues: self.queues.difference(&others.queues).cloned().collect(),
            apart: self.apart.difference(&others.apart).cloned().collect(),
        }
    }
}

/// The tasks and queues of one worker.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct Served {
    pub(in crate::jobs) tasks: BTreeSet<String>,
    pub(in crate::jobs) queues: BTreeSet<String>,
}

/// Whether a worker other than this one has a task and serves a queue.
pub(in crate::jobs) async fn others_serve(
    conn: &mut Connection,
    own: Option<&str>,
    task: &str,
    queue: &str,
) -> Result<bool, JobError> {
    let rows: Vec<(String, String)> = with_conn!(conn, |conn| {
        tasks_workers::table
            .filter(tasks_workers::id.ne(own.unwrap_or_default()))
            // Those that were taken for dead stay for a while.
            .filter(tasks_workers::heartbeat.ge(0_i64))
            .select((tasks_workers::tasks, tasks_workers::queues))
            .load(conn)
            .await
    })?;
    let has = |list: &str, name: &str| {
        let names: BTreeSet<String> = serde_json::from_str(list).unwrap_or_default();
        names.contains(name)
    };
    Ok(rows
        .iter()
        .any(|(tasks, queues)| has(tasks, task) && has(queues, queue)))
}

/// Returns what of these jobs, of the tasks of nodes that have no job yet, and of these queues, no worker takes. `own` is a worker of this process, which may have no row yet.
pub(in crate::jobs) async fn unserved(
    conn: &mut Connection,
    (jobs, nodes): (BTreeSet<QueuedTask>, BTreeSet<String>),
    mut queues: BTreeSet<String>,
    own: Served,
) -> Result<Unserved, JobError> {
    if jobs.is_empty() && nodes.is_empty() && queues.is_empty() {
        return Ok(Unserved::default());
    }
    let rows: Vec<(String, String)> = with_conn!(conn, |conn| {
        tasks_workers::table
            .select((tasks_workers::tasks, tasks_workers::queues))
            .load(conn)
            .await
    })?;
    let names = |list: &str| serde_json::from_str(list).unwrap_or_default();
    let workers: Vec<Served> = rows
        .iter()
        .map(|(tasks, queues)| Served {
            tasks: names(tasks),
            queues: names(queues),
        })
        .chain([own])
        .collect();
    let is_served = |queue: &String| workers.iter().any(|worker| worker.queues.contains(queue));
    queues.retain(|queue| !is_served(queue));
    let mut found = Unserved {
        queues,
        ..Unserved::default()
    };
    let has_task = |task: &String| workers.iter().any(|worker| worker.tasks.contains(task));
    found
        .tasks
        .extend(nodes.into_iter().filter(|task| !has_task(task)));
    for job in jobs {
        let has = |worker: &&Served| worker.tasks.contains(&job.task);
        let mut able = workers.iter().filter(has).peekable();
        if able.peek().is_none() {
            found.tasks.insert(job.task);
        } else if !is_served(&job.queue) {
            found.queues.insert(job.queue);
        } else if !able.any(|worker| worker.queues.contains(&job.queue)) {
            found.apart.insert(job);
        }
    }
    Ok(found)
}
