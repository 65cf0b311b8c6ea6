//! Resources that answer to some methods, and refuse the others in our words.

use actix_web::dev::{AppService, HttpServiceFactory as _};
use actix_web::{HttpRequest, Resource, web};

use super::Takes;
use super::query::Parameter;
use crate::problem::Problem;

/// A resource, and which methods it answers to.
pub(crate) struct Verbs {
    resource: Resource,
    allowed: Vec<&'static str>,
}

impl Verbs {
    pub(crate) fn new<T: 'static>(path: &str, state: &web::Data<T>) -> Self {
        Self {
            resource: web::resource(path).app_data(state.clone()),
            allowed: Vec::new(),
        }
    }

    pub(crate) fn on(
        mut self,
        on: bool,
        method: &'static str,
        takes: Takes,
        route: actix_web::Route,
    ) -> Self {
        if on {
            self.allowed.push(method);
            self.resource = self.resource.route(takes.guard(route));
        }
        self
    }

    /// `GET`, and with it `HEAD`.
    pub(crate) fn get(
        mut self,
        on: bool,
        query: &'static [Parameter],
        route: actix_web::Route,
    ) -> Self {
        use actix_web::guard::{Any, Get, Head};
        if on {
            self.allowed.extend(["GET", "HEAD"]);
            let route = route.guard(Any(Get()).or(Head()));
            self.resource = self.resource.route(Takes::query(query).guard(route));
        }
        self
    }

    pub(crate) fn register(self, config: &mut AppService) {
        let allowed = self.allowed.join(", ");
        let refuse = move |request: HttpRequest| {
            let problem = if allowed.is_empty() {
                Problem::not_found()
            } else {
                Problem::method_not_allowed(&allowed)
            };
            let response = problem.answer(&request);
            async move { response }
        };
        self.resource
            .default_service(web::to(refuse))
            .register(config);
    }
}
