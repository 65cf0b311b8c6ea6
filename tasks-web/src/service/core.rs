//! A service that is put together.

use std::fmt;
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use tasks_runtime::TaskExecutor;
use tokio_util::sync::CancellationToken;

use super::Service;
use super::edge::{Edge, Policy};
use super::gate::Gate;
use super::hooks::Hook;
use super::listen::Listen;
use super::management::Management;
use super::part::Part;
use super::request_id::{RequestId, X_REQUEST_ID};
use crate::cors::Cors;
use crate::http::TrustedProxies;
use crate::openapi::OpenApi;
use crate::problem::Problem;
use crate::tasks::TaskScope;

/// Registers routes of the application's own, once per worker.
pub(crate) type Mount = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// What all clones and workers of a service share.
pub(crate) struct Core {
    pub(crate) executor: TaskExecutor,
    #[cfg(feature = "database")]
    pub(crate) made: super::storage::Made,
    pub(crate) tasks: TaskScope,
    pub(crate) docs: Option<OpenApi>,
    pub(crate) parts: Vec<Part>,
    /// Its port, unless everything is on one.
    pub(crate) management: Option<Arc<Management>>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) policy: Policy,
    /// Where keys are asked for.
    pub(crate) gate: Option<Gate>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) cors: Option<Cors>,
    pub(crate) startup: Vec<Hook>,
    pub(crate) shutdown: Vec<Hook>,
    pub(crate) listen: Listen,
    /// Canceled when the service is to stop, so that streams end.
    pub(crate) stopping: CancellationToken,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// Registers the whole service.
    pub(crate) fn register(self: &Arc<Self>, config: &mut ServiceConfig) {
        config.app_data(self.proxies.clone()).app_data(Service {
            core: Arc::clone(self),
        });
        let scope = web::scope("")
            .default_service(web::to(not_found))
            // After it, so that the application may have another.
            .configure(|config| self.routes(config));
        let gate = self.gate.clone();
        match &self.cors {
            None => config.service(scope.wrap(Edge::new(self.policy.clone(), gate))),
            Some(cors) => {
                let header = self.gate.as_ref().map(|gate| gate.guard.header());
                // Preflight requests have no key, and a page is to read why it was refused.
                config.service(
                    scope
                        .wrap(Edge::inner(gate))
                        .wrap(cors.middleware(header))
                        .wrap(Edge::new(self.policy.clone(), None)),
                )
            }
        };
    }

    fn routes(&self, config: &mut ServiceConfig) {
        for part in &self.parts {
            if let Some(routes) = &part.routes {
                routes(config);
            }
        }
        config.service(self.tasks.clone());
        if let Some(docs) = &self.docs {
            config.service(docs.clone());
        }
        for mount in &self.mounts {
            mount(config);
        }
    }
}

pub(super) async fn not_found(request: HttpRequest) -> HttpResponse {
    Problem::not_found().answer(&request)
}

/// Answers what no scope can: a request for `*`, say.
pub(crate) async fn outside(request: HttpRequest) -> HttpResponse {
    let id = RequestId::of(request.headers());
    let mut problem = Problem::not_found();
    problem.request_id = Some(id.as_str().to_owned());
    let mut response = problem.answer(&request);
    response.headers_mut().insert(X_REQUEST_ID, id.header());
    response
}
