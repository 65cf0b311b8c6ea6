//! Tasks and queues of jobs that no worker has.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::table::tasks_workers;
use crate::with_conn;

/// Tasks and queues of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::jobs) struct Unserved {
    pub(in crate::jobs) tasks: BTreeSet<String>,
    pub(in crate::jobs) queues: BTreeSet<String>,
}

impl Unserved {
    pub(in crate::jobs) fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.queues.is_empty()
    }

    /// Those that are not among the others.
    pub(super) fn without(&self, others: &Self) -> Self {
        Self {
            tasks: self.tasks.difference(&others.tasks).cloned().collect(),
            queues: self.queues.difference(&others.queues).cloned().collect(),
        }
    }
}

/// Returns the tasks and the queues, of these, that no worker has.
pub(in crate::jobs) async fn unserved(
    conn: &mut Connection,
    mut of: Unserved,
) -> Result<Unserved, JobError> {
    if of.is_empty() {
        return Ok(of);
    }
    let workers: Vec<(String, String)> = with_conn!(conn, |conn| {
        tasks_workers::table
            .select((tasks_workers::tasks, tasks_workers::queues))
            .load(conn)
            .await
    })?;
    let names = |list: &str| serde_json::from_str::<Vec<String>>(list).unwrap_or_default();
    for (tasks, queues) in workers {
        for task in names(&tasks) {
            of.tasks.remove(&task);
        }
        for queue in names(&queues) {
            of.queues.remove(&queue);
        }
    }
    Ok(of)
}
