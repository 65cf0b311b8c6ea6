//! Graphs are forgotten some time after their end, with their jobs.

use super::rows;
use super::state::GraphStatus;
use crate::database::Connection;
use crate::jobs::error::JobError;
use crate::jobs::store;

/// Forgets the graph that ended first, if that was before a time. `false` when there is none, or somebody is at it.
pub(in crate::jobs) async fn prune(conn: &mut Connection, before: i64) -> Result<bool, JobError> {
    let Some(id) = rows::ended_before(conn, before).await? else {
        return Ok(false);
    };
    // It may have been retried in the meantime.
    let is_over = rows::lock(conn, id, true)
        .await?
        .is_some_and(|graph| GraphStatus::stored(graph.state).is_final());
    if !is_over {
        return Ok(false);
    }
    let jobs = rows::own_jobs(conn, id).await?;
    rows::delete(conn, id).await?;
    store::delete_ended(conn, &jobs).await?;
    Ok(true)
}
