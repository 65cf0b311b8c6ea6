//! Answers the requests of one scope.
//!
//! The path is split by hand: one service for all tasks costs the same for ten of them and for ten thousand, which one
//! resource per task does not, and a pattern with a name in it costs a regular expression per request.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use tasks_runtime::TaskExecutor;

use super::body::{self, BodyLimits};
use super::catalog::Catalog;
use super::respond::{conditional, json};
use crate::problem::Problem;

/// What the scope's service needs.
pub(super) struct Handler {
    pub(super) executor: TaskExecutor,
    pub(super) catalog: Arc<Catalog>,
    pub(super) limits: BodyLimits,
}

/// What a path below the prefix means.
enum Route<'a> {
    List,
    Task(&'a str),
    Execute(&'a str),
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
            Some(_) => None,
        }
    }

    fn allowed(&self) -> &'static str {
        match self {
            Self::List | Self::Task(_) => "GET, HEAD",
            Self::Execute(_) => "POST",
        }
    }
}

impl Handler {
    pub(super) async fn answer(&self, request: &HttpRequest, payload: Payload) -> HttpResponse {
        match self.route(request, payload).await {
            Ok(response) => response,
            Err(problem) => actix_web::ResponseError::error_response(&problem.at(request.path())),
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
            Route::Execute(name) if method == Method::POST => {
                self.execute(name, request, payload).await
            }
            Route::List if is_read(method) => self.list(request),
            Route::Task(name) if is_read(method) => self.task(name, request),
            other => Err(Problem::method_not_allowed(other.allowed())),
        }
    }

    fn list(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let tags = tags(request.query_string())?;
        if tags.is_empty() {
            return Ok(conditional(request, &self.catalog.list));
        }
        Ok(conditional(request, &self.catalog.with_tags(&tags)))
    }

    fn task(&self, name: &str, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let registry = self.executor.registry();
        match registry
            .position(name)
            .and_then(|position| self.catalog.task(position))
        {
            Some(info) => Ok(conditional(request, info)),
            None => Err(registry
                .get(name)
                .map_or_else(Problem::from, |_| Problem::not_found())),
        }
    }

    async fn execute(
        &self,
        name: &str,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<HttpResponse, Problem> {
        // Before the body is read: nobody waits for a megabyte to learn that there is no such task.
        self.executor.registry().get(name)?;
        let headers = request.headers();
        let announced = body::is_announced(headers);
        if announced {
            body::check_json(headers)?;
        }
        let body = self.limits.read(headers, payload).await?;
        if body.is_empty() {
            body::check_same_site(headers)?;
        } else if !announced {
            body::check_json(headers)?;
        }
        let envelope = self.executor.execute_json(name, &body).await?;
        Ok(json(envelope.into()))
    }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// The values of `tag` in a query string; other keys are ignored.
fn tags(query: &str) -> Result<Vec<String>, Problem> {
    if query.is_empty() {
        return Ok(Vec::new());
    }
    let pairs = Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|error| Problem::bad_query(format!("the query cannot be read: {error}")))?;
    Ok(pairs
        .into_inner()
        .into_iter()
        .filter(|(key, _)| key == "tag")
        .map(|(_, tag)| tag)
        .collect())
}
