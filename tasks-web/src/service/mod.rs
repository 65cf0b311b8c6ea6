//! A service: tasks and what surrounds them, put together.

mod build;
mod builder;
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
mod setting;
#[cfg(feature = "database")]
mod storage;

use std::sync::Arc;

use actix_web::web::ServiceConfig;
use tasks_runtime::TaskExecutor;

use self::core::Core;
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
        self.core.scheduler.as_ref()
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
