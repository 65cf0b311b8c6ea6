//! The HTTP endpoints of a part, each defined once: of the definition are made its route, the refusal of what it does not take, its
//! operation in the OpenAPI document, and its row in the tables of the documentation.

#[cfg(feature = "database")]
mod audited;
mod body;
mod operation;
mod parameter;
mod response;
mod routes;
mod set;
#[cfg(all(test, feature = "database"))]
mod table;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Route};

#[cfg(feature = "database")]
pub(crate) use audited::AuditNote;
pub(crate) use body::Body;
pub(crate) use parameter::Parameter;
pub(crate) use response::Response;
pub(crate) use set::Endpoints;

use crate::http::query;
use crate::http::{HandlerResult, handled_by};
use crate::openapi::StatusText;

/// One endpoint: a method, a path, and what it takes and answers.
#[derive(Clone)]
pub(crate) struct Endpoint {
    method: Method,
    /// Template of the path, below the prefix of its [`Endpoints`]: `/{id}/$logs`.
    path: &'static str,
    /// The `operationId`.
    id: &'static str,
    summary: &'static str,
    description: Option<&'static str>,
    parameters: &'static [Parameter],
    query: &'static [query::QueryParameter],
    body: Option<Body>,
    responses: Vec<Response>,
    problems: Vec<StatusText>,
    /// Whether it is served: else its path answers to other methods alone.
    on: bool,
    /// Whether it is answered without a key.
    open: bool,
    /// Whether it is for people, who may send whatever they like.
    page: bool,
    route: MakeRoute,
}

/// Has a route call the handler.
type MakeRoute = Arc<dyn Fn(Route) -> Route + Send + Sync>;

impl Endpoint {
    fn new<F, Args>(method: Method, path: &'static str, id: &'static str, handler: F) -> Self
    where
        F: Handler<Args, Output = HandlerResult> + Send + Sync,
        Args: FromRequest + 'static,
    {
        Self {
            method,
            path,
            id,
            summary: "",
            description: None,
            parameters: &[],
            query: &[],
            body: None,
            responses: Vec::new(),
            problems: Vec::new(),
            on: true,
            open: false,
            page: false,
            route: Arc::new(move |route| handled_by(route, handler.clone())),
        }
    }

    /// `GET`, and with it `HEAD`.
    pub(crate) fn get<F, Args>(path: &'static str, id: &'static str, handler: F) -> Self
    where
        F: Handler<Args, Output = HandlerResult> + Send + Sync,
        Args: FromRequest + 'static,
    {
        Self::new(Method::GET, path, id, handler)
    }

    /// `POST`.
    pub(crate) fn post<F, Args>(path: &'static str, id: &'static str, handler: F) -> Self
    where
        F: Handler<Args, Output = HandlerResult> + Send + Sync,
        Args: FromRequest + 'static,
    {
        Self::new(Method::POST, path, id, handler)
    }

    /// `PUT`.
    pub(crate) fn put<F, Args>(path: &'static str, id: &'static str, handler: F) -> Self
    where
        F: Handler<Args, Output = HandlerResult> + Send + Sync,
        Args: FromRequest + 'static,
    {
        Self::new(Method::PUT, path, id, handler)
    }

    /// `PATCH`.
    pub(crate) fn patch<F, Args>(path: &'static str, id: &'static str, handler: F) -> Self
    where
        F: Handler<Args, Output = HandlerResult> + Send + Sync,
        Args: FromRequest + 'static,
    {
        Self::new(Method::PATCH, path, id, handler)
    }

    /// `DELETE`.
    pub(crate) fn delete<F, Args>(path: &'static str, id: &'static str, handler: F) -> Self
    where
        F: Handler<Args, Output = HandlerResult> + Send + Sync,
        Args: FromRequest + 'static,
    {
        Self::new(Method::DELETE, path, id, handler)
    }

    /// What it does, in a few words of plain text.
    pub(crate) fn summary(mut self, text: &'static str) -> Self {
        self.summary = text;
        self
    }

    /// What the summary does not say; CommonMark.
    pub(crate) fn description(mut self, text: &'static str) -> Self {
        self.description = Some(text);
        self
    }

    /// Parameters of its path, and headers that it reads.
    pub(crate) fn parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    /// What may be in its query. Other names are refused by 422.
    pub(crate) fn query(mut self, query: &'static [query::QueryParameter]) -> Self {
        self.query = query;
        self
    }

    /// The body, which its handler reads. Without this call a body is refused, except for `GET`, where it has no meaning.
    pub(crate) fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// A response that is no problem.
    pub(crate) fn responds(mut self, response: Response) -> Self {
        self.responses.push(response);
        self
    }

    /// Says that a client that has the answer already gets 304.
    pub(crate) fn conditional(self) -> Self {
        self.responds(Response::empty(
            304,
            "Nothing has changed since `If-None-Match`.",
        ))
    }

    /// Problems it may answer, beside those that all of its [`Endpoints`] have.
    pub(crate) fn problems(mut self, problems: &[StatusText]) -> Self {
        self.problems.extend_from_slice(problems);
        self
    }

    /// Whether it is served. When it is not, other methods of its path are; a path of which nothing is served is 404.
    pub(crate) fn when(mut self, on: bool) -> Self {
        self.on = on;
        self
    }

    /// Answered without a key.
    pub(crate) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// For people: whatever is in its query or its body is let through.
    pub(crate) fn page(mut self) -> Self {
        self.page = true;
        self
    }
}
