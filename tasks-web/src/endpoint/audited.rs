//! Changes that endpoints make are written into the audit log.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpRequest, Route};
use tasks_runtime::audit::{AuditLog, NewAuditEntry};

use crate::access::Access;
use crate::http::{RequestId, client_address};
use crate::problem::Problem;

/// What a handler says of what it did, in the extensions of its request.
#[derive(Clone, Debug)]
pub(crate) enum AuditNote {
    /// Nothing was changed.
    NoChange,
    /// What the path does not say, as if it were its query.
    Query(String),
}

/// Has a route write down what was done, where there is an audit log. What was refused, or failed, has changed nothing.
///
/// A client that goes away in the meantime ends neither the change nor the entry about it: the one would be there without the other.
pub(super) fn audited(route: Route, operation: &'static str) -> Route {
    route.wrap(from_fn(move |request, next| {
        going_on(operation, request, next)
    }))
}

async fn going_on<B: MessageBody + 'static>(
    operation: &'static str,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let task = actix_web::rt::spawn(call(operation, request, next));
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The service is at its end.
            Err(_) => Err(Problem::internal().into()),
        },
    }
}

async fn call<B: MessageBody + 'static>(
    operation: &'static str,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let response = next.call(request).await?;
    let request = response.request();
    let note = request.extensions().get::<AuditNote>().cloned();
    if response.status().is_success()
        && !matches!(note, Some(AuditNote::NoChange))
        && let Some(log) = request.app_data::<Data<AuditLog>>()
    {
        let mut entry = entry(operation, request, response.status().as_u16());
        if let Some(AuditNote::Query(query)) = note {
            entry.path.push('?');
            entry.path.push_str(&query);
        }
        tracing::info!(
            name: "audit",
            operation,
            key = entry.key,
            address = entry.address,
            path = entry.path,
            request_id = entry.request_id,
            "a change was made"
        );
        // The change is made: an answer that says otherwise would have it made again.
        if let Err(error) = log.record(entry).await {
            tracing::error!(%error, operation, "a change is not in the audit log");
        }
    }
    Ok(response)
}

fn entry(operation: &str, request: &HttpRequest, status: u16) -> NewAuditEntry {
    let extensions = request.extensions();
    let access = extensions.get::<Access>();
    NewAuditEntry {
        key: access.map(|access| access.key_name().to_owned()),
        address: client_address(request).to_string(),
        operation: operation.to_owned(),
        path: request.path().to_owned(),
        status,
        request_id: extensions
            .get::<RequestId>()
            .map(|id| id.as_str().to_owned()),
    }
}
