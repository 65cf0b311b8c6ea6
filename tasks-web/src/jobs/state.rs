//! What handlers of jobs and schedules work with.

use tasks_runtime::jobs::Scheduler;
use tokio_util::sync::CancellationToken;

use super::list_views::ListViews;
use crate::http::sse::Streams;

/// What a request is answered with.
#[derive(Clone)]
pub(super) struct JobRoutes {
    pub(super) scheduler: Scheduler,
    /// Where the jobs are.
    pub(super) jobs: String,
    /// Where the schedules are, if they are served.
    pub(super) schedules: String,
    pub(super) stopping: CancellationToken,
    pub(super) streams: Streams,
    /// Pages of the list that clients look at.
    pub(super) views: ListViews,
}
