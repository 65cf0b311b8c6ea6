//! Health over HTTP.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use tokio_util::sync::CancellationToken;

use super::report::{Health, Report, Status};
use super::stream::HealthStream;
use crate::access::Access;
use crate::endpoint::{Endpoint, Endpoints, Response};
use crate::http::sse::{self, Streams};
use crate::part::Part;

/// `GET {path}` and `GET {path}/$stream`.
pub(crate) fn part(
    path: &str,
    health: Arc<Health>,
    streams: Streams,
    stopping: CancellationToken,
) -> Part {
    let watched = Arc::clone(&health);
    let get = move || {
        let health = Arc::clone(&health);
        async move { Ok(respond(&*health.report().await)) }
    };
    let stream = move |request: HttpRequest| {
        let (health, streams, stopping) = (Arc::clone(&watched), streams.clone(), stopping.clone());
        async move {
            if stopping.is_cancelled() {
                return Ok(sse::over());
            }
            let interval = sse::interval(request.query_string())?;
            let place = streams.take(&request)?;
            let watch = HealthStream::new(health, interval, stopping, place);
            Ok(sse::respond(
                &request,
                Access::validity(&request),
                watch.events(),
            ))
        }
    };
    let endpoints = vec![
        Endpoint::get("", "get_health", get)
            .open()
            .summary("Whether the service is well")
            .responds(Response::json::<Report>(200))
            .responds(Response::json::<Report>(503).description("It is unhealthy.")),
        // With a key: it goes on for ever.
        Endpoint::get("/$stream", "stream_health", stream)
            .summary("The health as it changes, as server-sent events")
            .query(sse::QUERY)
            .responds(Response::text(200, "text/event-stream"))
            .responds(Response::empty(204, "The service ends: do not come back."))
            .problems(&[
                (422, "The query does not fit: `errors` says where."),
                (429, "Too many streams are open."),
            ]),
    ];
    Part::new("health")
        .for_management()
        // The application may mount routes of its own below it.
        .serve(Endpoints::of_service(path, endpoints))
        .link(path, "Health")
}

fn respond(report: &Report) -> HttpResponse {
    let status = match report.status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(report)
}
