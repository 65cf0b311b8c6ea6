//! Mounts tasks in an actix app.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::Error;
use actix_web::dev::{
    AppService, HttpServiceFactory, ResourceDef, ServiceRequest, ServiceResponse, fn_service,
};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use tasks_runtime::TaskExecutor;

use super::catalog::Catalog;
use super::handler::Handler;
use crate::http::BodyLimits;
use crate::openapi::{OpenApi, WriteSubmit};

/// Serves the tasks of an executor below `prefix`, with their documentation beside them.
///
/// | path | answer |
/// | --- | --- |
/// | `GET {prefix}` | all tasks; `?tag=a&tag=b` keeps those that have all of the tags |
/// | `GET {prefix}/{name}` | one task |
/// | `POST {prefix}/{name}/$execute` | runs it |
/// | `POST {prefix}/{name}/$submit` | runs it in the background, with [`TaskScope::jobs`] |
/// | `GET /openapi.json`, `GET /docs` | the OpenAPI document and its UI, unless [`TaskScope::without_docs`] |
///
/// The last two are siblings of the prefix, at the level the scope is mounted at.
///
/// ```no_run
/// use actix_web::{App, HttpServer};
/// use tasks_web::prelude::*;
///
/// #[task(tags = ["math"])]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// #[actix_web::main]
/// async fn main() -> anyhow::Result<()> {
///     let executor = TaskExecutor::builder(TaskRegistry::discover()?).build()?;
///     HttpServer::new(move || App::new().service(tasks_web::scope("/api/v1/tasks", executor.clone())))
///         // A client that hangs up cancels what it asked for.
///         .h1_allow_half_closed(false)
///         .bind(("127.0.0.1", 8000))?
///         .run()
///         .await?;
///     Ok(())
/// }
/// ```
///
/// # Panics
///
/// Like every actix scope: when `prefix` is not a valid pattern.
#[must_use]
pub fn scope(prefix: &str, executor: TaskExecutor) -> TaskScope {
    let prefix = prefix.trim_end_matches('/');
    TaskScope {
        prefix: if prefix.starts_with('/') || prefix.is_empty() {
            prefix.to_owned()
        } else {
            format!("/{prefix}")
        },
        executor,
        limits: BodyLimits::new(None),
        docs: true,
        title: None,
        caller_headers: Arc::default(),
        failure_status: None,
        #[cfg(feature = "database")]
        jobs: None,
    }
}

/// Tasks to be mounted in an actix app, made by [`scope`]. Cheap to clone.
#[derive(Clone)]
pub struct TaskScope {
    prefix: String,
    executor: TaskExecutor,
    limits: BodyLimits,
    docs: bool,
    title: Option<(String, String)>,
    caller_headers: Arc<[HeaderName]>,
    failure_status: Option<StatusCode>,
    /// Where jobs are submitted, and where they are shown.
    #[cfg(feature = "database")]
    jobs: Option<(tasks_runtime::Scheduler, String)>,
}

impl fmt::Debug for TaskScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskScope")
            .field("prefix", &self.prefix)
            .field("executor", &self.executor)
            .finish_non_exhaustive()
    }
}

impl TaskScope {
    /// How many bytes a request body may have; more is answered by 413. Defaults to 2 MiB.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How long a request body may take to arrive; longer is answered by 408. Defaults to 30 seconds.
    #[must_use]
    pub fn body_timeout(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// Title and version of the OpenAPI document.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>, version: impl Into<String>) -> Self {
        self.title = Some((title.into(), version.into()));
        self
    }

    /// Serves neither `/openapi.json` nor `/docs`: because nobody is to see them, or because an [`OpenApi`] of several
    /// scopes is mounted beside this one.
    #[must_use]
    pub fn without_docs(mut self) -> Self {
        self.docs = false;
        self
    }

    /// Runs tasks in the background, too: `POST {prefix}/{name}/$submit`. `prefix` is where the [jobs](crate::jobs()) are
    /// mounted, at the same level as this scope.
    #[cfg(feature = "database")]
    #[must_use]
    pub fn jobs(mut self, scheduler: tasks_runtime::Scheduler, prefix: &str) -> Self {
        self.jobs = Some((scheduler, format!("/{}", prefix.trim_matches('/'))));
        self
    }

    /// What writes the operation that submits a task here, if jobs are submitted.
    #[cfg(feature = "database")]
    pub(super) fn submit_operation(&self) -> Option<WriteSubmit> {
        let queues = self.jobs.as_ref()?.0.queue_names();
        Some(Arc::new(move |writer, task, execute, id| {
            crate::jobs::submit_operation(writer, task, execute, id, &queues)
        }))
    }

    #[cfg(not(feature = "database"))]
    #[allow(clippy::unused_self, reason = "it is the same call with jobs")]
    pub(super) fn submit_operation(&self) -> Option<WriteSubmit> {
        None
    }

    /// Headers of a request that its task finds in the [`Caller`](crate::Caller). Defaults to none.
    #[must_use]
    pub fn caller_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.caller_headers = names.into_iter().collect();
        self
    }

    /// Answers a task that failed by an error: a [`Problem`](crate::Problem) of the kind `task-failed`, whose `error` is what the envelope
    /// would have. Its status is that of the error's [code](crate::FailureCodes), and this one for all other errors; a panic has 500, a
    /// timeout 504. Without this, `$execute` answers 200, with `error` in the envelope.
    ///
    /// # Panics
    ///
    /// When `status` is not of an error: from 400 to 599.
    #[must_use]
    pub fn failures_as_status(mut self, status: StatusCode) -> Self {
        assert!(
            status.is_client_error() || status.is_server_error(),
            "{status} is not the status of an error"
        );
        self.failure_status = Some(status);
        self
    }

    pub(crate) fn failure_status(&self) -> Option<StatusCode> {
        self.failure_status
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn executor(&self) -> &TaskExecutor {
        &self.executor
    }
}

impl HttpServiceFactory for TaskScope {
    fn register(self, config: &mut AppService) {
        let docs = self.docs.then(|| {
            let (title, version) = self
                .title
                .clone()
                .unwrap_or_else(|| ("Tasks".to_owned(), "1.0.0".to_owned()));
            OpenApi::new(title, version).scope(&self)
        });
        // Actix asks its services in the order they were registered, and those of the documents have patterns. Tasks that
        // are mounted at the root would take their paths, though.
        let (before, after) = if self.prefix.is_empty() {
            (docs, None)
        } else {
            (None, docs)
        };
        if let Some(docs) = before {
            docs.register(config);
        }
        let catalog: Arc<Catalog> = self.executor.registry().attachment(Catalog::new);
        let handler = Rc::new(Handler {
            executor: self.executor,
            catalog,
            limits: self.limits,
            caller_headers: self.caller_headers,
            failure_status: self.failure_status,
            #[cfg(feature = "database")]
            jobs: self.jobs,
            #[cfg(feature = "database")]
            prefix: self.prefix.clone(),
        });
        let service = fn_service(move |request: ServiceRequest| {
            let handler = Rc::clone(&handler);
            async move {
                let (request, payload) = request.into_parts();
                let response = handler.answer(&request, payload).await;
                Ok::<_, Error>(ServiceResponse::new(request, response))
            }
        });
        config.register_service(ResourceDef::root_prefix(&self.prefix), None, service, None);
        if let Some(docs) = after {
            docs.register(config);
        }
    }
}
