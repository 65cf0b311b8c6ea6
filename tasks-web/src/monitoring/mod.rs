//! Metrics, for Prometheus.
//!
//! Labels are bounded: a route is a template, a path that is none is `unmatched`, a method that is not a common one `OTHER`.

mod http_metrics;
mod metrics;
mod recorder;
mod route_templates;

use actix_web::{HttpRequest, HttpResponse};

pub(crate) use self::http_metrics::HttpMetrics;
pub(crate) use self::metrics::LOG_LINES_LOST;
#[cfg(feature = "database")]
pub(crate) use self::metrics::{DATABASE_CONNECTION_WAITERS, DATABASE_CONNECTIONS};
pub(crate) use self::recorder::{Recorder, install};
pub(crate) use self::route_templates::RouteTemplates;

use crate::access::Access;
use crate::endpoint::{Endpoint, Endpoints, Response};
use crate::part::{Part, ScrapeHook};

/// `GET {path}`.
pub(crate) fn part(path: &str, recorder: Recorder, on_scrape: Vec<ScrapeHook>) -> Part {
    /// The text format's own (Prometheus, "Exposition formats").
    const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let get = move |request: HttpRequest| {
        // The labels have the names of all tasks.
        let shown = Access::check_unlimited(&request).map(|()| {
            on_scrape.iter().for_each(|hook| hook());
            HttpResponse::Ok()
                .content_type(FORMAT)
                .body(recorder.render())
        });
        async move { shown }
    };
    let endpoint = Endpoint::get("", "get_metrics", get)
        .summary("Metrics for Prometheus")
        .responds(Response::text(200, "text/plain"));
    Part::new("monitoring")
        .for_management()
        .serve(Endpoints::of_service(path, vec![endpoint]))
        .link(path, "Metrics")
}
