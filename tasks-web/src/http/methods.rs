//! Resources that answer to some methods, and refuse the others.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::guard;
use actix_web::http::Method;
use actix_web::{HttpRequest, Resource, Route, web};

use crate::problem::Problem;

/// A resource, and which methods it answers to.
pub(crate) struct Methods {
    resource: Resource,
    allowed: Vec<String>,
}

impl Methods {
    pub(crate) fn at(resource: Resource) -> Self {
        Self {
            resource,
            allowed: Vec::new(),
        }
    }

    /// A method, and what makes its route. With `GET` comes `HEAD`.
    pub(crate) fn route(mut self, method: &Method, make: impl FnOnce(Route) -> Route) -> Self {
        let mut route = web::route();
        if *method == Method::GET {
            self.allowed.extend(["GET".to_owned(), "HEAD".to_owned()]);
            route = route.guard(guard::Any(guard::Get()).or(guard::Head()));
        } else {
            self.allowed.push(method.as_str().to_owned());
            route = route.method(method.clone());
        }
        self.resource = self.resource.route(make(route));
        self
    }
}

impl HttpServiceFactory for Methods {
    fn register(self, config: &mut AppService) {
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
