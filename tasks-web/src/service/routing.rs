//! The routes of a service, and what is around them.

use actix_web::web::{self, ServiceConfig};

use super::fallback::not_found;
use super::handle::Service;
use super::middleware::RequestMiddleware;
use crate::part::Part;

impl Service {
    /// The very same service inside an actix app of one's own, and in tests, where it needs no port.
    ///
    /// It answers every path that nothing before it does: register routes of the app's own first, or
    /// [mount](crate::ServiceBuilder::mount) them in the service. [`startup`](Self::startup) and [`shutdown`](Self::shutdown) are
    /// the app's to call.
    ///
    /// ```
    /// use actix_web::{App, test};
    /// use tasks_web::prelude::*;
    ///
    /// #[actix_web::main]
    /// async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let registry = TaskRegistry::builder().build()?;
    ///     let service = Service::builder(ServiceInfo::new("a-test", "A test"))
    ///         .with_tasks(registry)
    ///         .with_health()
    ///         .build()
    ///         .await?;
    ///     let app = test::init_service(App::new().configure(service.configure())).await;
    ///     let request = test::TestRequest::get().uri("/health").to_request();
    ///     assert!(test::call_service(&app, request).await.status().is_success());
    ///     Ok(())
    /// }
    /// ```
    pub fn configure(&self) -> impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static {
        let service = self.clone();
        move |config| service.register(config)
    }

    /// Registers the whole service.
    fn register(&self, config: &mut ServiceConfig) {
        let inner = &self.inner;
        config
            .app_data(inner.proxies.clone())
            .app_data(self.clone());
        if let Some(cors) = &inner.cors {
            config.app_data(cors.clone());
        }
        let scope = web::scope("")
            .default_service(web::to(not_found))
            // After it, so that the application may have another.
            .configure(|config| self.routes(config));
        let gate = inner.gate.clone();
        match &inner.cors {
            None => config.service(scope.wrap(RequestMiddleware::new(inner.policy.clone(), gate))),
            Some(cors) => {
                let header = inner.gate.as_ref().map(|gate| gate.guard.header());
                // Preflight requests have no key, and a page is to read why it was refused.
                config.service(
                    scope
                        .wrap(RequestMiddleware::inner(gate))
                        .wrap(cors.middleware(header))
                        .wrap(RequestMiddleware::new(inner.policy.clone(), None)),
                )
            }
        };
    }

    fn routes(&self, config: &mut ServiceConfig) {
        let inner = &self.inner;
        let (last, first): (Vec<&Part>, Vec<&Part>) =
            inner.parts.iter().partition(|part| part.last);
        let register = |parts: Vec<&Part>, config: &mut ServiceConfig| {
            for routes in parts.into_iter().filter_map(|part| part.routes.as_ref()) {
                routes(config);
            }
        };
        register(first, config);
        config.service(inner.tasks.clone());
        if let Some(docs) = &inner.docs {
            config.service(docs.clone());
        }
        for mount in &inner.mounts {
            mount(config);
        }
        register(last, config);
    }
}
