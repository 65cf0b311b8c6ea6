//! What is known of the items of a node.

use schemars::JsonSchema;
use serde::Serialize;

use super::item_rows::{self, ItemRow};
use super::node_rows::{self, NodeRow};
use super::state::{GraphNodeStatus, NodeState};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::id::{GraphId, JobId};

/// Number of items of a node that runs its task for each, by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GraphItemCounts {
    /// Items in all; null until they are known.
    pub total: Option<u64>,
    /// Items whose jobs are pending or running.
    pub open: u64,
    /// Items whose jobs have completed.
    pub completed: u64,
    /// Items whose jobs have failed, or whose arguments do not fit.
    pub failed: u64,
    /// Items whose jobs were canceled or deleted.
    pub canceled: u64,
}

/// An item of a node, whose job was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GraphItemRecord {
    /// Its place in the list, from 0.
    pub number: u64,
    /// How far it is.
    pub status: GraphNodeStatus,
    /// Its job, which may be deleted by now; null where its arguments do not fit.
    pub job_id: Option<JobId>,
    /// Why it has failed without a job. The error of a job is in its own record.
    pub error: Option<String>,
}

impl GraphItemCounts {
    /// Those of a node, if it has items.
    pub(super) fn of(node: &NodeRow) -> Option<Self> {
        node.has_items().then(|| Self {
            total: node.items_total.map(i64::unsigned_abs),
            open: node.open_items().unsigned_abs(),
            completed: node.items_completed.unsigned_abs(),
            failed: node.items_failed.unsigned_abs(),
            canceled: node.items_canceled.unsigned_abs(),
        })
    }
}

/// A page of items, in their order, from a number on.
pub(super) async fn page(
    conn: &mut Connection,
    of: (GraphId, &str),
    from: u64,
    limit: u64,
) -> Result<Vec<GraphItemRecord>, JobError> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let rows = item_rows::page(conn, of, number(from), number(limit)).await?;
    let ids: Vec<JobId> = rows.iter().filter_map(|row| row.job_id).collect();
    let jobs = node_rows::job_statuses(conn, &ids).await?;
    let record = |row: ItemRow| {
        let job = row.job_id.and_then(|job| jobs.get(&job)).copied();
        GraphItemRecord {
            number: row.number.unsigned_abs(),
            status: NodeState::stored(row.state).status(job),
            job_id: row.job_id,
            error: row.error,
        }
    };
    Ok(rows.into_iter().map(record).collect())
}
