//! The routes of endpoints.

use actix_web::dev::{AppService, HttpServiceFactory};
#[cfg(feature = "database")]
use actix_web::http::Method;
use actix_web::web;

#[cfg(feature = "database")]
use super::audited::audited;
use super::{Endpoint, Endpoints};
use crate::http::{Methods, RequestContract};

impl HttpServiceFactory for Endpoints {
    fn register(self, config: &mut AppService) {
        let (templates, literals): (Vec<&str>, Vec<&str>) = self
            .paths()
            .into_iter()
            .partition(|path| path.contains('{'));
        // A template matches what is literal, too, so it is asked last.
        for path in literals.into_iter().chain(templates) {
            let mut methods = Methods::at(self.with_state(web::resource(self.patterns(path))));
            let endpoints = self.list.iter();
            for endpoint in endpoints.filter(|endpoint| endpoint.path == path && endpoint.on) {
                methods = methods.route(&endpoint.method, |route| endpoint.handle(route));
            }
            methods.register(config);
        }
    }
}

impl Endpoint {
    /// Has a route call the handler, and refuse what the endpoint does not take.
    fn handle(&self, route: actix_web::Route) -> actix_web::Route {
        let route = (self.route)(route);
        if self.page {
            return route;
        }
        let mut takes = RequestContract::query(self.query);
        if self.takes_nothing() {
            takes = takes.and_no_body();
        }
        let takes = takes
            .and_preconditions(self.preconditions())
            .and_idempotency_key(self.heeds_idempotency_key());
        let route = takes.guard(route);
        #[cfg(feature = "database")]
        if self.method != Method::GET {
            return audited(route, self.id);
        }
        route
    }
}
