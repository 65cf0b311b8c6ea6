//! What every request passes on its way in and every answer on its way out: the request id, the key, the log line, the
//! metrics; in one step, since each costs time on every request.

use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::{Error, HttpMessage as _, HttpResponse};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use super::error_response;
use super::gate::Gate;
use super::response_body::AnswerBody;
use crate::access::Access;
use crate::http::{AllowedHosts, ConnectionState};
use crate::http::{RequestId, refuse_repeated};
use crate::logging::panics;
use crate::monitoring::{HttpMetrics, RouteTemplates};
use crate::problem::Problem;

/// What is done with every request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// One line per request.
    pub(crate) log: bool,
    pub(crate) monitor: bool,
    /// The names that it is sent to.
    pub(crate) hosts: AllowedHosts,
    /// The paths that the service answers by itself, as templates.
    pub(crate) routes: Arc<RouteTemplates>,
}

/// The middleware.
#[derive(Clone, Debug)]
pub(crate) struct RequestMiddleware {
    /// `None` behind another edge, which does the rest.
    outer: Option<Policy>,
    gate: Option<Gate>,
}

impl RequestMiddleware {
    pub(crate) fn new(policy: Policy, gate: Option<Gate>) -> Self {
        Self {
            outer: Some(policy),
            gate,
        }
    }

    /// The part that comes after CORS: keys alone.
    pub(crate) fn inner(gate: Option<Gate>) -> Self {
        Self { outer: None, gate }
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequestMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = RequestMiddlewareService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequestMiddlewareService {
            service: Rc::new(service),
            watch: self.outer.clone().map(|policy| {
                let metrics = policy
                    .monitor
                    .then(|| HttpMetrics::new(Arc::clone(&policy.routes)));
                Rc::new(Observer { policy, metrics })
            }),
            gate: self.gate.clone(),
        }))
    }
}

/// The middleware of one worker.
pub(crate) struct RequestMiddlewareService<S> {
    service: Rc<S>,
    watch: Option<Rc<Observer>>,
    gate: Option<Gate>,
}

struct Observer {
    policy: Policy,
    metrics: Option<HttpMetrics>,
}

/// What has to be known of a request once it is gone.
struct ObservedRequest {
    id: RequestId,
    method: Method,
    uri: Uri,
    began: Instant,
}

impl<S, B> Service<ServiceRequest> for RequestMiddlewareService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    actix_web::dev::forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let exchange = request.conn_data::<ConnectionState>().cloned();
        let refused = match &self.gate {
            _ if exchange.as_ref().is_some_and(ConnectionState::had_last) => {
                Some(Problem::after_the_last().answer(request.request()))
            }
            _ if let Some(Err(problem)) = self
                .watch
                .as_ref()
                .map(|watch| watch.policy.hosts.check(&request)) =>
            {
                Some(problem.answer(request.request()))
            }
            None => None,
            // What the gate reads must not be there twice. Other headers are checked by the operation that reads them.
            Some(gate) => refuse_repeated(request.headers())
                .map_err(|problem| problem.answer(request.request()))
                .and_then(|()| gate.admit(&request))
                .err(),
        };
        let service = Rc::clone(&self.service);
        let Some(watch) = self.watch.clone() else {
            return Box::pin(pass(service, request, refused));
        };
        let seen = ObservedRequest {
            id: RequestId::of(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            began: Instant::now(),
        };
        request.extensions_mut().insert(seen.id.clone());
        let awaiting = ConnectionState::await_answer(exchange, request.head());
        let upgrade = request.head().connection_type() == ConnectionType::Upgrade;
        let answer = match request.chunked() {
            Ok(false) => None,
            _ => awaiting.answer(),
        };
        Box::pin(async move {
            let mut passing = std::pin::pin!(pass(service, request, refused));
            let polling = std::future::poll_fn(|cx| panics::expected(|| passing.as_mut().poll(cx)));
            let result = match AssertUnwindSafe(polling).catch_unwind().await {
                Ok(result) => result,
                Err(panic) => Err(panicked(&seen, &*panic)),
            };
            let mut result = match result {
                Ok(response) => {
                    let response = watch.finish(&seen, response);
                    Ok(match answer {
                        None => response,
                        Some(answer) => {
                            response.map_body(|_, body| AnswerBody::new(body, answer).boxed())
                        }
                    })
                }
                Err(error) => Err(watch.finish_error(&seen, &error)),
            };
            if let Ok(response) = &mut result
                && (awaiting.is_closing() || upgrade && !is_switching(response))
            {
                // actix closes it after a request with `Connection: upgrade`, too, and would say nothing of it.
                let head = response.response_mut().head_mut();
                head.set_connection_type(ConnectionType::Close);
            }
            result
        })
    }
}

fn is_switching<B>(response: &ServiceResponse<B>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

async fn pass<S, B>(
    service: Rc<S>,
    request: ServiceRequest,
    refused: Option<HttpResponse>,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    match refused {
        Some(response) => Ok(request.into_response(response)),
        None => service
            .call(request)
            .await
            .map(ServiceResponse::map_into_boxed_body),
    }
}

#[cold]
fn panicked(seen: &ObservedRequest, panic: &(dyn std::any::Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(not a text)".to_owned());
    tracing::error!(
        request_id = seen.id.as_str(),
        path = seen.uri.path(),
        error = message,
        error_location = panics::location(),
        "a handler panicked"
    );
    Problem::internal().at(seen.uri.path()).into()
}

impl Observer {
    fn finish(
        &self,
        seen: &ObservedRequest,
        response: ServiceResponse<BoxBody>,
    ) -> ServiceResponse<BoxBody> {
        let (request, response) = response.into_parts();
        let response = error_response::finish(response, &seen.id, seen.uri.path());
        let status = response.status().as_u16();
        let elapsed = seen.began.elapsed();
        if let Some(metrics) = &self.metrics {
            metrics.record(&request, &seen.method, status, elapsed);
        }
        if self.policy.log {
            let route = self.policy.routes.template(&request);
            let extensions = request.extensions();
            let key_name = extensions.get::<Access>().map(Access::key_name);
            super::log_line::write(&super::log_line::RequestLogLine {
                id: &seen.id,
                method: &seen.method,
                route: route.as_deref(),
                path: seen.uri.path(),
                key_name,
                status,
                elapsed,
            });
        }
        ServiceResponse::new(request, response)
    }

    /// An error that a middleware of the application's own gave instead of an answer: actix makes the answer.
    fn finish_error(&self, seen: &ObservedRequest, error: &Error) -> Error {
        let response: HttpResponse = error.error_response();
        let response = error_response::finish(response, &seen.id, seen.uri.path());
        let status = response.status().as_u16();
        let elapsed = seen.began.elapsed();
        if let Some(metrics) = &self.metrics {
            metrics.record_unmatched(&seen.method, status, elapsed);
        }
        if self.policy.log {
            super::log_line::write(&super::log_line::RequestLogLine {
                id: &seen.id,
                method: &seen.method,
                route: None,
                path: seen.uri.path(),
                key_name: None,
                status,
                elapsed,
            });
        }
        InternalError::from_response(error.to_string(), response).into()
    }
}
