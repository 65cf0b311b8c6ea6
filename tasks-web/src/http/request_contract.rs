//! What an operation takes besides its path: the parameters of its query, and whether it has a body. What is sent beyond that is
//! refused, for it was meant to do something.

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage as _, HttpResponse, Route};
use serde_json::Value;
use tasks_runtime::{ArgumentError, ArgumentErrorCode};

use super::member_pointer::member_pointer;
use super::query::{self, QueryParameter};
use super::unsupported_headers::has_any;
use super::{
    BodyLimits, Preconditions, check_json, check_same_site, is_plain, refuse_checksums,
    refuse_expectations, refuse_idempotency_key, refuse_partial, refuse_repeated, refuse_websocket,
};
use crate::problem::{MAX_ERRORS, Problem};

/// What an operation takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestContract {
    query: &'static [QueryParameter],
    body: Body,
    /// Which preconditions its handler evaluates.
    preconditions: Preconditions,
    /// Whether its handler heeds `Idempotency-Key`.
    idempotency_key: bool,
}

/// What is known of the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// Its handler reads it; or there is none by the method's meaning, as for `GET` (RFC 9110, section 9.3.1).
    Elsewhere,
    /// Nobody reads it.
    Nothing,
}

/// Of a body that should not be there.
const LIMITS: BodyLimits = BodyLimits {
    bytes: 16 * 1024,
    time: Duration::from_secs(30),
};

impl RequestContract {
    /// These parameters in its query; and a body, if there is any, that its handler reads.
    pub(crate) const fn query(query: &'static [QueryParameter]) -> Self {
        Self {
            query,
            body: Body::Elsewhere,
            preconditions: Preconditions::NONE,
            idempotency_key: false,
        }
    }

    /// Its handler evaluates these.
    pub(crate) const fn and_preconditions(self, preconditions: Preconditions) -> Self {
        Self {
            preconditions,
            ..self
        }
    }

    /// Its handler heeds `Idempotency-Key`, if this is so.
    pub(crate) const fn and_idempotency_key(self, idempotency_key: bool) -> Self {
        Self {
            idempotency_key,
            ..self
        }
    }

    /// No body.
    pub(crate) const fn and_no_body(self) -> Self {
        Self {
            body: Body::Nothing,
            ..self
        }
    }

    /// Has a route refuse what it does not take.
    pub(crate) fn guard(self, route: Route) -> Route {
        route.wrap(from_fn(move |request, next| self.pass(request, next)))
    }

    async fn pass(
        self,
        mut request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        // Whatever is there fits that (RFC 9110, section 13.1.2).
        let has_it = !self.preconditions.if_none_match
            && request.method().is_safe()
            && has_any(request.headers());
        match self.check(&mut request).await {
            Ok(()) => {
                let response = next.call(request).await?.map_into_boxed_body();
                if has_it && response.status() == StatusCode::OK {
                    return Ok(response.into_response(HttpResponse::NotModified().finish()));
                }
                Ok(response)
            }
            Err(problem) => {
                let response = problem.answer(request.request());
                Ok(request.into_response(response))
            }
        }
    }

    async fn check(self, request: &mut ServiceRequest) -> Result<(), Problem> {
        query::check(request.query_string(), self.query)?;
        let headers = request.headers();
        if !is_plain(headers) {
            refuse_repeated(headers)?;
            refuse_expectations(headers)?;
            self.preconditions.check(request.method(), headers)?;
            // Other methods do the same however often they are repeated.
            if request.method() == Method::POST && !self.idempotency_key {
                refuse_idempotency_key(headers, "send it without that header")?;
            }
            if !request.method().is_safe() {
                refuse_partial(headers)?;
                refuse_checksums(headers)?;
                refuse_websocket(headers)?;
            }
        }
        if self.body == Body::Elsewhere {
            return Ok(());
        }
        let payload = request.take_payload();
        let body = LIMITS.read(request.headers(), payload).await?;
        if body.is_empty() {
            // Browsers ask a site before they send it a `DELETE` from a page of another one.
            if request.method() == Method::POST {
                check_same_site(request.request())?;
            }
            return Ok(());
        }
        check_json(request.headers())?;
        check_nothing(&body)
    }
}

/// Takes `null` and `{}`, which say nothing.
fn check_nothing(body: &[u8]) -> Result<(), Problem> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    let errors: Vec<ArgumentError> = match value {
        Value::Null => Vec::new(),
        Value::Object(members) => members
            .keys()
            .take(MAX_ERRORS)
            .map(|name| {
                ArgumentError::new(member_pointer(name), "unknown member: this takes no body")
                    .with_code(ArgumentErrorCode::Unknown)
            })
            .collect(),
        _ => vec![
            ArgumentError::new("", "this takes no body: send none, or `{}`")
                .with_code(ArgumentErrorCode::Type),
        ],
    };
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid_body(errors))
}
