//! Mounts jobs in an actix app.

use std::fmt;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::web;
use tasks_runtime::jobs::Scheduler;
use tokio_util::sync::CancellationToken;

use super::state::State;
use super::{handlers, query, schedules, stream};
use crate::http::sse::{self, Streams};
use crate::http::{Takes, Verbs};

/// Serves the jobs of a scheduler below `prefix`. They are submitted at `{tasks}/{name}/$submit`, which
/// [`TaskScope::jobs`](crate::TaskScope::jobs) adds.
///
/// | path | answer |
/// | --- | --- |
/// | `GET {prefix}` | all, newest first; `?status_filter=&task=&schedule=`; `?page=&size=` gives pages |
/// | `GET`, `DELETE {prefix}/{id}` | one |
/// | `GET {prefix}/{id}/$result` | how it ended, as `$execute` answers |
/// | `GET {prefix}/{id}/$logs` | what it logged |
/// | `GET {prefix}/{id}/$stream` | itself as it changes, as server-sent events |
/// | `POST {prefix}/{id}/$cancel`, `…/$retry` | the job afterwards |
/// | `GET {prefix}/$schema`, `…/$stats` | JSON Schema; how many there are |
#[must_use]
pub fn jobs(prefix: &str, scheduler: Scheduler) -> JobScope {
    JobScope {
        prefix: format!("/{}", prefix.trim_matches('/')),
        schedules: None,
        scheduler,
        stopping: CancellationToken::new(),
        streams: Streams::default(),
    }
}

/// Jobs to be mounted in an actix app, made by [`jobs`]. Cheap to clone.
#[derive(Clone)]
pub struct JobScope {
    prefix: String,
    /// Where the schedules are.
    schedules: Option<String>,
    scheduler: Scheduler,
    stopping: CancellationToken,
    streams: Streams,
}

impl fmt::Debug for JobScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobScope")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl JobScope {
    /// Serves the schedules as well, at this path: `GET` lists them, `GET`, `PUT` and `DELETE {path}/{name}` are about one, and so
    /// are `POST {path}/{name}/$pause`, `…/$resume` and `…/$run`.
    #[must_use]
    pub fn schedules(mut self, prefix: &str) -> Self {
        self.schedules = Some(format!("/{}", prefix.trim_matches('/')));
        self
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
}

impl HttpServiceFactory for JobScope {
    fn register(self, config: &mut AppService) {
        let state = web::Data::new(State {
            scheduler: self.scheduler,
            jobs: self.prefix.clone(),
            schedules: self.schedules.clone().unwrap_or_default(),
            stopping: self.stopping,
            streams: self.streams,
        });
        if let Some(prefix) = &self.schedules {
            let at = |rest: &str| {
                Verbs::at(web::resource(format!("{prefix}{rest}")).app_data(state.clone()))
            };
            at("").get(true, &[], schedules::list).register(config);
            at("/{name}/$pause")
                .on(true, Method::POST, Takes::nothing(), schedules::pause)
                .register(config);
            at("/{name}/$resume")
                .on(true, Method::POST, Takes::nothing(), schedules::resume)
                .register(config);
            at("/{name}/$run")
                .on(true, Method::POST, Takes::nothing(), schedules::run)
                .register(config);
            at("/{name}")
                .get(true, &[], schedules::get)
                .on(true, Method::PUT, Takes::body(), schedules::put)
                .on(true, Method::DELETE, Takes::nothing(), schedules::delete)
                .register(config);
        }
        let at = |rest: &str| {
            Verbs::at(web::resource(format!("{}{rest}", self.prefix)).app_data(state.clone()))
        };
        // Before the ids, which would take their places.
        at("/$schema")
            .get(true, &[], handlers::schema)
            .register(config);
        at("/$stats")
            .get(true, &[], handlers::stats)
            .register(config);
        at("")
            .get(true, query::LIST, handlers::list)
            .register(config);
        at("/{id}/$result")
            .get(true, &[], handlers::result)
            .register(config);
        at("/{id}/$logs")
            .get(true, query::LOGS, handlers::logs)
            .register(config);
        at("/{id}/$stream")
            .get(true, sse::QUERY, stream::stream)
            .register(config);
        at("/{id}/$cancel")
            .on(true, Method::POST, Takes::nothing(), handlers::cancel)
            .register(config);
        at("/{id}/$retry")
            .on(true, Method::POST, Takes::nothing(), handlers::retry)
            .register(config);
        at("/{id}")
            .get(true, &[], handlers::get)
            .on(true, Method::DELETE, Takes::nothing(), handlers::delete)
            .register(config);
    }
}
