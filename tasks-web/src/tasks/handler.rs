//! Answers the requests of one scope.
//!
//! The path is split by hand: one service for all tasks costs the same for ten of them and for ten thousand, which one
//! resource per task does not, and a pattern with a name in it costs a regular expression per request.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use tasks_runtime::{RegisteredTask, TaskExecutor};

use super::catalog::Catalog;
use crate::access::Access;
use crate::caller::caller;
use crate::http::query::{self, pairs};
use crate::http::{self, BodyLimits, conditional};
use crate::openapi::LIST_QUERY;
use crate::problem::Problem;

/// What the scope's service needs.
pub(super) struct Handler {
    pub(super) executor: TaskExecutor,
    pub(super) catalog: Arc<Catalog>,
    pub(super) limits: BodyLimits,
    /// Headers that tasks may see.
    pub(super) caller_headers: Arc<[HeaderName]>,
    /// The status of failures that have none of their own, where failures have one.
    pub(super) failure_status: Option<StatusCode>,
    /// Where jobs are submitted, and where they are shown.
    #[cfg(feature = "database")]
    pub(super) jobs: Option<(tasks_runtime::Scheduler, String)>,
    #[cfg(feature = "database")]
    pub(super) prefix: String,
}

/// What a path below the prefix means.
enum Route<'a> {
    List,
    Task(&'a str),
    Execute(&'a str),
    Validate(&'a str),
    #[cfg_attr(
        not(feature = "database"),
        allow(dead_code, reason = "there are no jobs")
    )]
    Submit(&'a str),
}

impl Route<'_> {
    /// Reads the path that is left after the prefix. One slash at its end changes nothing.
    fn of(rest: &str) -> Option<Route<'_>> {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Some(Route::List);
        }
        match rest.strip_prefix('/')?.split_once('/') {
            None => Some(Route::Task(&rest[1..])),
            Some((name, "$execute")) => Some(Route::Execute(name)),
            Some((name, "$validate")) => Some(Route::Validate(name)),
            Some((name, "$submit")) => Some(Route::Submit(name)),
            Some(_) => None,
        }
    }

    fn allowed(&self) -> &'static str {
        match self {
            Self::List | Self::Task(_) => "GET, HEAD",
            Self::Execute(_) | Self::Submit(_) | Self::Validate(_) => "POST",
        }
    }
}

impl Handler {
    pub(super) async fn answer(&self, request: &HttpRequest, payload: Payload) -> HttpResponse {
        match self.route(request, payload).await {
            Ok(response) => response,
            Err(problem) => problem.answer(request),
        }
    }

    async fn route(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<HttpResponse, Problem> {
        let route = Route::of(request.match_info().unprocessed()).ok_or_else(Problem::not_found)?;
        let method = request.method();
        match route {
            Route::Submit(_) if !self.submits() => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "no task is run in the background here: `with_jobs` of a service, and `jobs` of a scope, turn that on",
            )),
            #[cfg(feature = "database")]
            Route::Submit(name) if method == Method::POST => {
                self.submit(name, request, payload).await
            }
            Route::Execute(name) if method == Method::POST => {
                self.execute(name, request, payload).await
            }
            Route::Validate(name) if method == Method::POST => {
                self.validate(name, request, payload).await
            }
            Route::List if is_read(method) => {
                check_read(request)?;
                self.list(request)
            }
            Route::Task(name) if is_read(method) => {
                check_read(request)?;
                self.task(name, request)
            }
            other => Err(Problem::method_not_allowed(other.allowed())),
        }
    }

    fn list(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        query::check(request.query_string(), LIST_QUERY)?;
        let tags = tags(request.query_string())?;
        let access = Access::limits(request);
        if tags.is_empty() && access.is_none() {
            return Ok(conditional(request, &self.catalog.list));
        }
        let visible =
            |task: &RegisteredTask| access.as_ref().is_none_or(|access| access.allows(task));
        let list = self
            .catalog
            .with_tags(self.executor.registry(), &tags, visible);
        Ok(conditional(request, &list))
    }

    fn task(&self, name: &str, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        query::check(request.query_string(), &[])?;
        let task = self.find(name, request)?;
        match self.catalog.task(task.position()) {
            Some(info) => Ok(conditional(request, info)),
            None => Err(Problem::not_found()),
        }
    }

    /// The task, if the key of the request reaches it.
    fn find(&self, name: &str, request: &HttpRequest) -> Result<&RegisteredTask, Problem> {
        match (self.executor.registry().get(name), Access::limits(request)) {
            (Ok(task), None) => Ok(task),
            (Ok(task), Some(access)) => access.check(task).map(|()| task),
            (Err(error), None) => Err(error.into()),
            // Names that resemble it may be of tasks that the key does not reach.
            (Err(_), Some(_)) => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "unknown-task",
                format!(
                    "no task is named `{}`",
                    name.chars().take(100).collect::<String>()
                ),
            )),
        }
    }

    async fn execute(
        &self,
        name: &str,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<HttpResponse, Problem> {
        let instead = if self.submits() {
            "submit the task as a job, by `$submit`, which heeds it"
        } else {
            "send it without that header"
        };
        if !http::is_plain(request.headers()) {
            http::refuse_unheeded(request)?;
            http::refuse_idempotency_key(request.headers(), instead)?;
        }
        let body = self.body(name, request, payload).await?;
        let executed = self
            .executor
            .execute_json_for(name, &body, caller(request, &self.caller_headers))
            .await?;
        match (executed.failure, self.failure_status) {
            (Some(failure), Some(status)) => Err(Problem::task_failed(name, *failure, status)),
            _ => Ok(http::json(executed.json.into())),
        }
    }

    /// Says what is wrong with the body of an execution, without running the task.
    async fn validate(
        &self,
        name: &str,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<HttpResponse, Problem> {
        http::refuse_unheeded(request)?;
        http::refuse_idempotency_key(
            request.headers(),
            "send it without that header: nothing is run",
        )?;
        let body = self.body(name, request, payload).await?;
        self.executor.validate_json(name, &body)?;
        Ok(http::json(Bytes::from_static(b"{}")))
    }

    #[cfg(feature = "database")]
    fn submits(&self) -> bool {
        self.jobs.is_some()
    }

    #[cfg(not(feature = "database"))]
    #[allow(clippy::unused_self, reason = "it is the same call with jobs")]
    fn submits(&self) -> bool {
        false
    }

    #[cfg(feature = "database")]
    async fn submit(
        &self,
        name: &str,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<HttpResponse, Problem> {
        let Some((scheduler, jobs)) = &self.jobs else {
            return Err(Problem::not_found());
        };
        http::refuse_unheeded(request)?;
        let body = self.body(name, request, payload).await?;
        let submitted = crate::jobs::submit(request, scheduler, name, &body).await?;
        let location = crate::jobs::location(request, &self.prefix, jobs, submitted.job.id);
        let mut response = HttpResponse::Accepted();
        response.insert_header((actix_web::http::header::LOCATION, location));
        if submitted.replayed {
            response.insert_header((crate::jobs::REPLAYED, "true"));
        }
        Ok(response.json(submitted.job))
    }

    /// The body of a call of the task, if the key of the request reaches it.
    async fn body(
        &self,
        name: &str,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Bytes, Problem> {
        query::check(request.query_string(), &[])?;
        // Before the body is read: nobody waits for a megabyte to learn that there is no such task.
        self.find(name, request)?;
        let headers = request.headers();
        let announced = http::announced(headers);
        if announced.is_there {
            http::check_json(headers)?;
        }
        let body = self.limits.read_announced(announced, payload).await?;
        if body.is_empty() {
            http::check_same_site(request)?;
        } else if !announced.is_there {
            http::check_json(headers)?;
        }
        Ok(body)
    }
}

/// Refuses headers that say how to answer, where they are not heeded.
fn check_read(request: &HttpRequest) -> Result<(), Problem> {
    http::refuse_repeated(request.headers())?;
    http::refuse_expectations(request.headers())
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// The values of `tag` in a query string.
fn tags(query: &str) -> Result<Vec<String>, Problem> {
    if query.is_empty() {
        return Ok(Vec::new());
    }
    Ok(pairs(query)?
        .into_iter()
        .filter(|(key, _)| key == "tag")
        .map(|(_, tag)| tag)
        .collect())
}
