//! Resources that answer to some methods, and refuse the others in our words.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::guard;
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, HttpRequest, Resource, web};

use super::Takes;
use super::answer::{Answer, handled_by};
use super::query::Parameter;
use crate::problem::Problem;

/// A resource, and which methods it answers to.
pub(crate) struct Verbs {
    resource: Resource,
    allowed: Vec<String>,
}

impl Verbs {
    pub(crate) fn at(resource: Resource) -> Self {
        Self {
            resource,
            allowed: Vec::new(),
        }
    }

    /// A method other than `GET`, unless it is off.
    #[cfg(feature = "database")]
    pub(crate) fn on<F, Args>(self, on: bool, method: Method, takes: Takes, handler: F) -> Self
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        if !on {
            return self;
        }
        let route = web::method(method.clone());
        self.route(&[method], takes.guard(handled_by(route, handler)))
    }

    /// `GET` with these parameters in its query, and with it `HEAD`; unless it is off.
    pub(crate) fn get<F, Args>(self, on: bool, query: &'static [Parameter], handler: F) -> Self
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        if !on {
            return self;
        }
        let route = handled_by(read(), handler);
        self.route(
            &[Method::GET, Method::HEAD],
            Takes::query(query).guard(route),
        )
    }

    /// A page or one of its files, which browsers and people ask for with whatever they like in the query.
    pub(crate) fn page<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output = Answer>,
        Args: FromRequest + 'static,
    {
        self.route(&[Method::GET, Method::HEAD], handled_by(read(), handler))
    }

    fn route(mut self, methods: &[Method], route: actix_web::Route) -> Self {
        let methods = methods.iter().map(|method| method.as_str().to_owned());
        self.allowed.extend(methods);
        self.resource = self.resource.route(route);
        self
    }
}

/// A route of what is read.
fn read() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

impl HttpServiceFactory for Verbs {
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
