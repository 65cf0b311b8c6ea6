//! Counts requests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::Method;
use metrics::{Counter, Histogram};

use super::metrics::{HTTP_REQUEST_DURATION, HTTP_REQUESTS};
use super::route_templates::RouteTemplates;

/// The metrics of one worker's requests. It keeps what it counts with at hand: no lock is taken, and no label made, for a
/// kind of request that it has seen before.
pub(crate) struct HttpMetrics {
    routes: Arc<RouteTemplates>,
    /// By route, and then by method and status.
    seen: RefCell<HashMap<String, Vec<Kind>>>,
}

struct Kind {
    method: &'static str,
    status: u16,
    count: Counter,
    duration: Histogram,
}

/// What stands for a path that is nobody's.
const UNMATCHED: &str = "unmatched";

fn label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

impl HttpMetrics {
    pub(crate) fn new(routes: Arc<RouteTemplates>) -> Self {
        Self {
            routes,
            seen: RefCell::default(),
        }
    }

    pub(crate) fn record(
        &self,
        request: &HttpRequest,
        method: &Method,
        status: u16,
        elapsed: Duration,
    ) {
        match self.routes.template(request) {
            Some(template) if self.routes.is_metrics(&template) => {}
            Some(template) => self.count(&template, method, status, elapsed),
            None => self.count(UNMATCHED, method, status, elapsed),
        }
    }

    pub(crate) fn record_unmatched(&self, method: &Method, status: u16, elapsed: Duration) {
        self.count(UNMATCHED, method, status, elapsed);
    }

    fn count(&self, route: &str, method: &Method, status: u16, elapsed: Duration) {
        let method = label(method);
        let mut seen = self.seen.borrow_mut();
        let kinds = match seen.get_mut(route) {
            Some(kinds) => kinds,
            None => seen.entry(route.to_owned()).or_default(),
        };
        let known = kinds
            .iter()
            .position(|kind| kind.method == method && kind.status == status);
        let index = known.unwrap_or_else(|| {
            kinds.push(Kind::new(route, method, status));
            kinds.len() - 1
        });
        kinds[index].count.increment(1);
        kinds[index].duration.record(elapsed);
    }
}

impl Kind {
    fn new(route: &str, method: &'static str, status: u16) -> Self {
        let route = route.to_owned();
        Self {
            method,
            status,
            count: metrics::counter!(
                HTTP_REQUESTS.name,
                "method" => method, "route" => route.clone(), "status" => status.to_string()
            ),
            duration: metrics::histogram!(
                HTTP_REQUEST_DURATION.name,
                "method" => method, "route" => route
            ),
        }
    }
}
