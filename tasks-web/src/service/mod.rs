//! A service: tasks and what surrounds them, put together.

mod build;
mod builder;
mod connection;
mod core;
mod edge;
mod error;
mod gate;
mod hooks;
mod info;
mod listen;
mod log_line;
mod management;
mod part;
mod request_id;
mod run;
mod seal;
mod server;
mod setting;
#[cfg(feature = "database")]
mod storage;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, HttpRequest};
use tasks_runtime::TaskExecutor;

use self::core::Core;
use crate::problem::Problem;
pub use builder::ServiceBuilder;
pub use error::{BuildProblems, ServiceError};
pub use info::{Contact, License, ServiceInfo};
pub(crate) use part::{Claim, Link, Part};
pub use request_id::RequestId;
#[cfg(feature = "database")]
pub use storage::{Artifacts, DatabaseSource};

/// Tasks, and all that makes them a service; made by [`Service::builder`]. Cheap to clone.
///
/// ```no_run
/// use tasks_web::prelude::*;
///
/// /// Simple task that returns a greeting.
/// #[task(tags = ["demo"])]
/// async fn greet_user(#[task(default = "World")] name: String) -> String {
///     format!("Hello, {name}!")
/// }
///
/// #[actix_web::main]
/// async fn main() -> anyhow::Result<()> {
///     Service::builder(ServiceInfo::new("task-service", "Task Service"))
///         .with_health()
///         .with_landing_page()
///         .with_logging()
///         .build()
///         .await?
///         .run()
///         .await?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Service {
    core: Arc<Core>,
}

/// Routes of the application's own that are [mounted](ServiceBuilder::mount) take the service they belong to as a parameter,
/// and with it what runs tasks, submits jobs and stores artifacts:
///
/// ```
/// use actix_web::{HttpResponse, Responder, web};
/// use tasks_web::prelude::*;
///
/// async fn count(service: Service) -> impl Responder {
///     match service.artifacts() {
///         Some(artifacts) => match artifacts.count().await {
///             Ok(count) => HttpResponse::Ok().json(count),
///             Err(_) => HttpResponse::ServiceUnavailable().finish(),
///         },
///         None => HttpResponse::NotFound().finish(),
///     }
/// }
///
/// let builder = Service::builder(ServiceInfo::new("a-service", "A service"))
///     .with_artifacts(ArtifactHierarchy::new("results"))
///     .mount(|config| {
///         config.route("/count", web::get().to(count));
///     });
/// # let _ = builder;
/// ```
impl FromRequest for Service {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.app_data::<Self>().cloned().ok_or_else(|| {
            tracing::error!(
                path = request.path(),
                "a handler asks for the `Service` outside of one: register its route by `mount`"
            );
            Problem::internal()
        }))
    }
}

impl Service {
    /// Starts to put a service together.
    #[must_use]
    pub fn builder(info: ServiceInfo) -> ServiceBuilder {
        ServiceBuilder::new(info)
    }

    /// The very same service inside an actix app of one's own, and in tests, where it needs no port.
    ///
    /// It answers every path that nothing before it does: register routes of the app's own first, or
    /// [mount](ServiceBuilder::mount) them in the service. [`startup`](Self::startup) and [`shutdown`](Self::shutdown) are
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
        let core = Arc::clone(&self.core);
        move |config| core.register(config)
    }

    /// What runs its tasks.
    #[must_use]
    pub fn executor(&self) -> &TaskExecutor {
        &self.core.executor
    }

    /// What submits background jobs, with [`with_jobs`](ServiceBuilder::with_jobs).
    #[cfg(feature = "database")]
    #[must_use]
    pub fn scheduler(&self) -> Option<&tasks_runtime::Scheduler> {
        self.core.made.scheduler.as_ref()
    }

    /// Its database, if it has one: that of [`with_database`](ServiceBuilder::with_database), or a private one.
    #[cfg(feature = "database")]
    #[must_use]
    pub fn database(&self) -> Option<&tasks_runtime::Database> {
        self.core.made.database.as_ref()
    }

    /// What stores artifacts, with [`with_artifacts`](ServiceBuilder::with_artifacts).
    #[cfg(feature = "database")]
    #[must_use]
    pub fn artifacts(&self) -> Option<&tasks_runtime::ArtifactManager> {
        self.core.made.artifacts.as_ref()
    }

    /// What a person should look at first: what it is, and where.
    fn front(&self) -> (&'static str, &str) {
        let part = |name: &str| self.core.parts.iter().any(|part| part.name == name);
        match () {
            () if self.core.docs.is_some() => ("the tasks are", "/docs"),
            () if part("landing_page") => ("the service is", "/"),
            () => ("the tasks are", self.core.tasks.prefix()),
        }
    }
}
