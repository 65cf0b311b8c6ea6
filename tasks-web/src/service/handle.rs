//! A service that is put together.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use tasks_runtime::TaskExecutor;

use super::inner::Inner;
use crate::problem::Problem;

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
    pub(super) inner: Arc<Inner>,
}

/// Routes of the application's own that are [mounted](crate::ServiceBuilder::mount) take the service they belong to as a parameter,
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
    /// What runs its tasks.
    #[must_use]
    pub fn executor(&self) -> &TaskExecutor {
        &self.inner.executor
    }

    /// What submits background jobs, with [`with_jobs`](crate::ServiceBuilder::with_jobs).
    #[cfg(feature = "database")]
    #[must_use]
    pub fn scheduler(&self) -> Option<&tasks_runtime::Scheduler> {
        self.inner.made.scheduler.as_ref()
    }

    /// Its database, if it has one: that of [`with_database`](crate::ServiceBuilder::with_database), or a private one.
    #[cfg(feature = "database")]
    #[must_use]
    pub fn database(&self) -> Option<&tasks_runtime::Database> {
        self.inner.made.database.as_ref()
    }

    /// What stores artifacts, with [`with_artifacts`](crate::ServiceBuilder::with_artifacts).
    #[cfg(feature = "database")]
    #[must_use]
    pub fn artifacts(&self) -> Option<&tasks_runtime::ArtifactManager> {
        self.inner.made.artifacts.as_ref()
    }

    /// What a person should look at first: what it is, and where.
    pub(super) fn front(&self) -> (&'static str, &str) {
        let part = |name: &str| self.inner.parts.iter().any(|part| part.name == name);
        match () {
            () if self.inner.docs.is_some() => ("the tasks are", "/docs"),
            () if part("landing_page") => ("the service is", "/"),
            () => ("the tasks are", self.inner.tasks.prefix()),
        }
    }
}
