//! Graphs are forgotten some time after their end, with their jobs.

use super::{graph_rows, item_rows, node_rows};
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::store;

/// How many jobs are forgotten at once with their graphs, but for those of the last one.
const BATCH_JOBS: usize = 500;
/// How many items of a graph are.
const BATCH_ITEMS: i64 = 500;
/// How many graphs are.
const BATCH_GRAPHS: usize = 100;

/// Forgets graphs that ended before a time, the earliest first. Gives whether there may be more.
pub(in crate::jobs) async fn prune(conn: &mut Connection, before: i64) -> Result<bool, JobError> {
    let mut jobs = Vec::new();
    for _ in 0..BATCH_GRAPHS {
        let Some(id) = graph_rows::lock_ended_before(conn, before).await? else {
            store::delete_ended(conn, &jobs).await?;
            return Ok(false);
        };
        // There may be very many items: the graph goes when they are gone.
        let (count, of_items) = item_rows::take_some(conn, id, BATCH_ITEMS).await?;
        jobs.extend(of_items);
        if count > 0 {
            break;
        }
        jobs.extend(node_rows::own_jobs(conn, id).await?);
        graph_rows::delete(conn, id).await?;
        if jobs.len() >= BATCH_JOBS {
            break;
        }
    }
    store::delete_ended(conn, &jobs).await?;
    Ok(true)
}
