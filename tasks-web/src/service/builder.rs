//! What goes into a service.

#[cfg(feature = "dashboard")]
mod dashboard;
mod mcp;
mod server;
#[cfg(feature = "database")]
mod storage;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use tasks_runtime::{ExecutorBuilder, TaskRegistry};

#[cfg(feature = "dashboard")]
use super::dashboard::DashboardAccess;
use super::draft::Prepare;
use super::handle::Service;
use super::inner::Mount;
use super::paths::Paths;
use super::setting::Setting;
use crate::auth::ApiKeys;
use crate::cors::Cors;
use crate::health_checks::HealthChecks;
use crate::hooks::Hook;
use crate::http::sse::StreamLimits;
use crate::mcp::Mcp;
use crate::service_info::ServiceInfo;

/// Puts a [`Service`](crate::Service) together. Made by [`Service::builder`](crate::Service::builder).
///
/// The order of calls does not matter. What contradicts itself, or something else, is an error of [`build`](Self::build),
/// which says everything that is wrong at once.
pub struct ServiceBuilder {
    pub(super) info: ServiceInfo,
    pub(super) registry: Setting<TaskRegistry>,
    pub(super) prepare: Vec<Prepare>,
    pub(super) paths: Paths,
    pub(super) health: bool,
    pub(super) checks: HealthChecks,
    pub(super) system: bool,
    pub(super) landing_page: bool,
    #[cfg(feature = "dashboard")]
    pub(super) dashboard: Option<DashboardAccess>,
    pub(super) logging: bool,
    pub(super) monitoring: bool,
    pub(super) docs: bool,
    pub(super) auth: Setting<ApiKeys>,
    pub(super) cors: Setting<Cors>,
    /// Whether there is an MCP server.
    pub(super) mcp_on: bool,
    pub(super) mcp: Setting<Mcp>,
    #[cfg(feature = "database")]
    pub(super) database: Setting<crate::DatabaseSource>,
    #[cfg(feature = "database")]
    pub(super) artifacts: Setting<crate::Artifacts>,
    #[cfg(feature = "database")]
    pub(super) jobs: Setting<tasks_runtime::Jobs>,
    #[cfg(feature = "database")]
    pub(super) schedules: Vec<crate::jobs::Declare>,
    #[cfg(feature = "database")]
    pub(super) audit: super::storage_parts::AuditConfig,
    pub(super) mounts: Vec<Mount>,
    pub(super) startup: Vec<Hook>,
    pub(super) shutdown: Vec<Hook>,
    pub(super) address: Setting<(String, u16)>,
    pub(super) management: Setting<String>,
    pub(super) http_threads: Setting<usize>,
    pub(super) shutdown_timeout: Setting<Duration>,
    pub(super) body_limit: Setting<usize>,
    pub(super) failure_status: Setting<StatusCode>,
    pub(super) streams: Setting<StreamLimits>,
    pub(super) proxies: Vec<String>,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) caller_headers: Vec<String>,
}

impl fmt::Debug for ServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceBuilder")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Starts to put a service together.
    #[must_use]
    pub fn builder(info: ServiceInfo) -> ServiceBuilder {
        ServiceBuilder::new(info)
    }
}

impl ServiceBuilder {
    pub(super) fn new(info: ServiceInfo) -> Self {
        Self {
            info,
            registry: Setting::new("with_tasks"),
            prepare: Vec::new(),
            paths: Paths::new(),
            health: false,
            checks: HealthChecks::new(),
            system: false,
            landing_page: false,
            #[cfg(feature = "dashboard")]
            dashboard: None,
            logging: false,
            monitoring: false,
            docs: true,
            auth: Setting::new("with_auth"),
            cors: Setting::new("with_cors"),
            mcp_on: false,
            mcp: Setting::new("with_mcp_settings"),
            #[cfg(feature = "database")]
            database: Setting::new("with_database"),
            #[cfg(feature = "database")]
            artifacts: Setting::new("with_artifacts"),
            #[cfg(feature = "database")]
            jobs: Setting::new("with_jobs"),
            #[cfg(feature = "database")]
            schedules: Vec::new(),
            #[cfg(feature = "database")]
            audit: super::storage_parts::AuditConfig::default(),
            mounts: Vec::new(),
            startup: Vec::new(),
            shutdown: Vec::new(),
            address: Setting::new("bind"),
            management: Setting::new("management_bind"),
            http_threads: Setting::new("http_threads"),
            shutdown_timeout: Setting::new("shutdown_timeout"),
            body_limit: Setting::new("body_limit"),
            failure_status: Setting::new("failures_as_status"),
            streams: Setting::new("max_streams"),
            proxies: Vec::new(),
            allowed_hosts: Vec::new(),
            caller_headers: Vec::new(),
        }
    }

    /// The tasks to serve, in place of those that [`TaskRegistry::discover`] finds.
    #[must_use]
    pub fn with_tasks(mut self, registry: TaskRegistry) -> Self {
        self.registry.set(registry);
        self
    }

    /// Where the tasks are. Defaults to `/api/v1/tasks`.
    #[must_use]
    pub fn tasks_at(mut self, path: &str) -> Self {
        self.paths.tasks.agree(path.to_owned());
        self
    }

    /// Where the description of the service is. Defaults to `/api/v1/info`.
    #[must_use]
    pub fn info_at(mut self, path: &str) -> Self {
        self.paths.info.agree(path.to_owned());
        self
    }

    /// Serves neither `/openapi.json` nor `/docs`.
    #[must_use]
    pub fn without_docs(mut self) -> Self {
        self.docs = false;
        self
    }

    /// How many bytes the body of an execution may have; more is answered by 413. Defaults to 2 MiB.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit.agree(bytes);
        self
    }

    /// Serves the health of the service at `/health`, and as it changes at `/health/$stream`. Its parts bring checks of
    /// their own; the answer is 503 while one is unhealthy.
    #[must_use]
    pub fn with_health(mut self) -> Self {
        self.health = true;
        self
    }

    /// Adds checks of the application's own, and serves the health.
    #[must_use]
    pub fn with_health_checks(mut self, checks: HealthChecks) -> Self {
        self.checks.extend(checks);
        self.with_health()
    }

    /// Where the health is. Defaults to `/health`.
    #[must_use]
    pub fn health_at(mut self, path: &str) -> Self {
        self.paths.health.agree(path.to_owned());
        self
    }

    /// Serves what the service runs on and which parts it has, at `/api/v1/system`.
    #[must_use]
    pub fn with_system(mut self) -> Self {
        self.system = true;
        self
    }

    /// Where that is. Defaults to `/api/v1/system`.
    #[must_use]
    pub fn system_at(mut self, path: &str) -> Self {
        self.paths.system.agree(path.to_owned());
        self
    }

    /// Serves a page for people at `/`, which leads to everything that there is.
    #[must_use]
    pub fn with_landing_page(mut self) -> Self {
        self.landing_page = true;
        self
    }

    /// Writes a log to standard error, with a line for each request.
    ///
    /// `LOG_LEVEL` says what is logged, in the words of `RUST_LOG`. Defaults to `info`. `LOG_FORMAT` is `console` or `json`.
    /// A subscriber that the program has installed stays.
    #[must_use]
    pub fn with_logging(mut self) -> Self {
        self.logging = true;
        self
    }

    /// Serves metrics for Prometheus at `/metrics`: requests, executions of tasks, connections of the database.
    ///
    /// They go through the facade of the `metrics` crate, so those of the application are there, too.
    #[must_use]
    pub fn with_monitoring(mut self) -> Self {
        self.monitoring = true;
        self
    }

    /// Where the metrics are. Defaults to `/metrics`.
    #[must_use]
    pub fn metrics_at(mut self, path: &str) -> Self {
        self.paths.metrics.agree(path.to_owned());
        self
    }

    /// Asks for a key everywhere but at `/`, `/health`, `/docs` and `/openapi.json`. The last two are closed as well as soon
    /// as a key is limited to some tags, and then show a key only its tasks. Where a page is closed, the dashboard among them, a browser gets
    /// a page to enter a key, and a session of 12 hours.
    #[must_use]
    pub fn with_auth(mut self, keys: ApiKeys) -> Self {
        self.auth.set(keys);
        self
    }

    /// Where keys are listed, by name, with what they reach and without their secrets. Defaults to `/api/v1/keys`; it is there
    /// where [`with_auth`](Self::with_auth) is.
    #[must_use]
    pub fn keys_at(mut self, path: &str) -> Self {
        self.paths.keys.agree(path.to_owned());
        self
    }

    /// Lets pages of other sites use the service in a browser.
    #[must_use]
    pub fn with_cors(mut self, cors: Cors) -> Self {
        self.cors.agree(cors);
        self
    }

    /// Adds routes of the application's own, which the service's keys, log and metrics cover. Called once per worker.
    ///
    /// ```
    /// use actix_web::web;
    /// use tasks_web::prelude::*;
    ///
    /// let builder = Service::builder(ServiceInfo::new("a-service", "A service"))
    ///     .mount(|config| {
    ///         config.service(web::scope("/reports").route("/latest", web::get().to(async || "none yet")));
    ///     });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn mount(mut self, routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static) -> Self {
        self.mounts.push(std::sync::Arc::new(routes));
        self
    }

    /// Provides a value for every injected parameter of its type. The last one of a type counts.
    #[must_use]
    pub fn provide<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.configure_executor(|executor| executor.provide(value))
    }

    /// Sets anything else of the executor: timeouts, limits, values that are made per call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_web::prelude::*;
    ///
    /// let builder = Service::builder(ServiceInfo::new("a-service", "A service"))
    ///     .configure_executor(|executor| executor.default_timeout(Duration::from_secs(10)).max_concurrency(100));
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn configure_executor(
        mut self,
        set: impl FnOnce(ExecutorBuilder) -> ExecutorBuilder + Send + 'static,
    ) -> Self {
        self.prepare.push(Box::new(set));
        self
    }

    /// Runs before the first request is answered; an error is that of [`Service::run`](crate::Service::run). In the order given.
    #[must_use]
    pub fn on_startup<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.startup.push(Hook::new(hook));
        self
    }

    /// Runs after the last request, each within 10 seconds; an error is logged. The last one given comes first.
    #[must_use]
    pub fn on_shutdown<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.shutdown.push(Hook::new(hook));
        self
    }

    /// Answers a task that failed by an error, in place of 200 with `error` in the envelope: a [`Problem`](crate::Problem) of the kind
    /// `task-failed`, whose `error` is what the envelope would have. Its status is that of the error's [code](crate::FailureCodes), and
    /// this one, from 400 to 599, for all other errors; a panic has 500, a timeout 504. This is for `$execute`; `$result` of a job, which
    /// reads a record, stays as it is. Defaults to off.
    ///
    /// ```
    /// use actix_web::http::StatusCode;
    /// use tasks_web::prelude::*;
    ///
    /// # async fn build() -> anyhow::Result<()> {
    /// let service = Service::builder(ServiceInfo::new("shop", "Shop"))
    ///     .failures_as_status(StatusCode::UNPROCESSABLE_ENTITY)
    ///     .build()
    ///     .await?;
    /// # drop(service);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn failures_as_status(mut self, status: StatusCode) -> Self {
        self.failure_status.agree(status);
        self
    }

    /// Headers of requests that tasks find in the [`Caller`](crate::Caller), beside the id of the request and the name of its
    /// key. Defaults to none.
    #[must_use]
    pub fn caller_headers<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.caller_headers
            .extend(names.into_iter().map(Into::into));
        self
    }
}
