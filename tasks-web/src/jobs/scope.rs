//! Mounts jobs in an actix app.

use std::fmt;

use actix_web::dev::{AppService, HttpServiceFactory};
use tasks_runtime::jobs::Scheduler;
use tokio_util::sync::CancellationToken;

use super::endpoints;
use super::list_views::ListViews;
use super::state::JobRoutes;
use crate::endpoint::Endpoints;
use crate::http::sse::Streams;

/// Serves the jobs of a scheduler below `prefix`. They are submitted at `{tasks}/{name}/$submit`, which
/// [`TaskScope::jobs`](crate::TaskScope::jobs) adds.
///
#[doc = include_str!("jobs.md")]
#[must_use]
pub fn jobs(prefix: &str, scheduler: Scheduler) -> JobScope {
    JobScope {
        prefix: format!("/{}", prefix.trim_matches('/')),
        schedules: None,
        graphs: None,
        scheduler,
        stopping: CancellationToken::new(),
        streams: Streams::default(),
        views: ListViews::default(),
    }
}

/// Jobs to be mounted in an actix app, made by [`jobs`]. Cheap to clone.
#[derive(Clone)]
pub struct JobScope {
    prefix: String,
    /// Where the schedules are.
    schedules: Option<String>,
    /// Where the graphs are.
    graphs: Option<String>,
    scheduler: Scheduler,
    stopping: CancellationToken,
    streams: Streams,
    /// One for all threads of a server: each makes a scope out of a copy.
    views: ListViews,
}

impl fmt::Debug for JobScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobScope")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl JobScope {
    /// Serves the schedules as well, below this path.
    ///
    #[doc = include_str!("schedules.md")]
    #[must_use]
    pub fn schedules(mut self, prefix: &str) -> Self {
        self.schedules = Some(format!("/{}", prefix.trim_matches('/')));
        self
    }

    /// Serves the graphs of jobs as well, below this path.
    ///
    #[doc = include_str!("graphs.md")]
    #[must_use]
    pub fn graphs(mut self, prefix: &str) -> Self {
        self.graphs = Some(format!("/{}", prefix.trim_matches('/')));
        self
    }

    pub(crate) fn graphs_prefix(&self) -> Option<&str> {
        self.graphs.as_deref()
    }

    pub(crate) fn schedules_prefix(&self) -> Option<&str> {
        self.schedules.as_deref()
    }

    /// Counts its streams together with these.
    pub(crate) fn streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// Streams end when this is canceled.
    pub(crate) fn stopping(mut self, stopping: CancellationToken) -> Self {
        self.stopping = stopping;
        self
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The endpoints of jobs, and those of schedules and of graphs if they are served.
    pub(crate) fn endpoints(&self) -> Vec<Endpoints> {
        let schedules = self.schedules.as_deref().map(endpoints::schedules);
        std::iter::once(endpoints::jobs(&self.prefix))
            .chain(schedules)
            .chain(self.graphs.as_deref().map(endpoints::graphs))
            .collect()
    }
}

impl HttpServiceFactory for JobScope {
    fn register(self, config: &mut AppService) {
        let endpoints = self.endpoints();
        let state = JobRoutes {
            scheduler: self.scheduler,
            jobs: self.prefix,
            schedules: self.schedules.unwrap_or_default(),
            stopping: self.stopping,
            streams: self.streams,
            views: self.views,
        };
        for endpoints in endpoints {
            endpoints.state(state.clone()).register(config);
        }
    }
}
