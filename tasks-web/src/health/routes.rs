//! Health over HTTP.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::report::{Health, Report, Status};
use super::stream::Watch;
use crate::http::Verbs;
use crate::http::sse::{self, Streams};
use crate::openapi::Endpoint;
use crate::part::{Claim, Part};

/// `GET {path}` and `GET {path}/$stream`.
pub(crate) fn part(
    path: &str,
    health: Arc<Health>,
    streams: Streams,
    stopping: CancellationToken,
) -> Part {
    let stream_path = format!("{path}/$stream");
    let own = path.to_owned();
    Part::new("health")
        .for_management()
        // Not all below it: what the application mounts there needs a key, and so does a stream, which goes on for ever.
        .claim(Claim::exact(path).open())
        .claim(Claim::exact(&stream_path))
        .link(path, "Health")
        .endpoint(
            Endpoint::new("get", path, |writer| {
                let schema = writer.output::<Report>();
                let mut operation = writer.read(
                    "get_health",
                    "Whether the service is well",
                    "application/json",
                    &schema,
                );
                let content = json!({"application/json": {"schema": schema}});
                operation["responses"]["503"] =
                    json!({"description": "It is unhealthy.", "content": content});
                operation
            })
            .open(),
        )
        .endpoint(
            Endpoint::new("get", &stream_path, |writer| {
                let schema = json!({"type": "string"});
                let mut operation = writer.read(
                    "stream_health",
                    "The health as it changes, as server-sent events",
                    "text/event-stream",
                    &schema,
                );
                for (status, text) in [
                    (422, "The query does not fit: `errors` says where."),
                    (429, "Too many streams are open."),
                ] {
                    operation["responses"][status.to_string()] =
                        writer.problems(&[(status, text)])[&status.to_string()].clone();
                }
                operation["responses"]["204"] =
                    json!({"description": "The service ends: do not come back."});
                operation
            })
            .query(sse::QUERY),
        )
        .routes(move |config| {
            let watched = Arc::clone(&health);
            let (streams, stopping) = (streams.clone(), stopping.clone());
            let stream = move |request: HttpRequest| {
                let (health, streams, stopping) =
                    (Arc::clone(&watched), streams.clone(), stopping.clone());
                async move {
                    if stopping.is_cancelled() {
                        return Ok(sse::over());
                    }
                    let interval = sse::interval(request.query_string())?;
                    let place = streams.take(&request)?;
                    let watch = Watch::new(health, interval, stopping, place);
                    Ok(sse::respond(&request, watch.events()))
                }
            };
            let health = Arc::clone(&health);
            let get = move || {
                let health = Arc::clone(&health);
                async move { Ok(respond(&*health.report().await)) }
            };
            let stream_at = web::resource(format!("{own}/$stream"));
            config.service(Verbs::at(stream_at).get(true, sse::QUERY, stream));
            config.service(Verbs::at(web::resource(own.as_str())).get(true, &[], get));
        })
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
