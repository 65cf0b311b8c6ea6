//! Metrics, for Prometheus.
//!
//! Labels are bounded: a route is a template, a path that is none is `unmatched`, a method that is not a common one `OTHER`.

mod http;
mod recorder;
mod routes;
mod table;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

pub(crate) use http::HttpMetrics;
pub(crate) use recorder::{Recorder, install};
pub(crate) use routes::Routes;

use crate::access::Access;
use crate::http::Verbs;
use crate::openapi::Endpoint;
use crate::part::{Claim, Part};

/// Looks at something just before the metrics are shown.
pub(crate) type Probe = Arc<dyn Fn() + Send + Sync>;

/// `GET {path}`.
pub(crate) fn part(path: &str, recorder: Recorder, probes: Vec<Probe>) -> Part {
    /// The text format's own (Prometheus, "Exposition formats").
    const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let own = path.to_owned();
    Part::new("monitoring")
        .for_management()
        .claim(Claim::exact(path))
        .link(path, "Metrics")
        .endpoint(Endpoint::new("get", path, |writer| {
            writer.read(
                "get_metrics",
                "Metrics for Prometheus",
                "text/plain",
                &json!({"type": "string"}),
            )
        }))
        .routes(move |config| {
            let (recorder, probes) = (recorder.clone(), probes.clone());
            let get = move |request: HttpRequest| {
                // The labels have the names of all tasks.
                let shown = Access::check_unlimited(&request).map(|()| {
                    probes.iter().for_each(|probe| probe());
                    HttpResponse::Ok()
                        .content_type(FORMAT)
                        .body(recorder.render())
                });
                async move { shown }
            };
            config.service(Verbs::at(web::resource(own.as_str())).get(true, &[], get));
        })
}
