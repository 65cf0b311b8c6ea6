//! What handlers return, and how a problem becomes the response.

use std::pin::Pin;

use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Route};

use crate::problem::Problem;

/// What a handler returns: a response, or the problem in its place.
pub(crate) type HandlerResult = Result<HttpResponse, Problem>;

/// Has a route call a handler. Of a problem, the response names the path of the request.
pub(crate) fn handled_by<F, Args>(route: Route, handler: F) -> Route
where
    F: Handler<Args, Output = HandlerResult>,
    Args: FromRequest + 'static,
{
    route.to(ProblemsAnswered(handler))
}

/// A handler whose problems are rendered for the request.
#[derive(Clone)]
struct ProblemsAnswered<F>(F);

impl<F, Args> Handler<(HttpRequest, Args)> for ProblemsAnswered<F>
where
    F: Handler<Args, Output = HandlerResult>,
    Args: 'static,
{
    type Output = HttpResponse;
    type Future = Pin<Box<dyn Future<Output = HttpResponse>>>;

    fn call(&self, (request, args): (HttpRequest, Args)) -> Self::Future {
        let answer = self.0.call(args);
        Box::pin(async move {
            answer
                .await
                .unwrap_or_else(|problem| problem.answer(&request))
        })
    }
}
