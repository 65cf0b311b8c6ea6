//! Puts a service together, and finds everything that is wrong with it.

use std::sync::Arc;

use actix_web::http::header::HeaderName;
use tokio_util::sync::CancellationToken;

use super::builder::ServiceBuilder;
#[cfg(feature = "dashboard")]
use super::dashboard::DashboardAccess;
use super::draft::{Draft, Problems};
use super::error::{BuildProblems, ServiceError};
use super::gate::Gate;
use super::handle::Service;
use super::inner::Inner;
use super::listen::Listen;
use super::management::Management;
use super::middleware::Policy;
use super::monitoring_parts::MonitoringConfig;
use super::page_parts::PagesConfig;
use super::{documents, executor, info, keys};
use crate::auth;
use crate::http::sse::Streams;
use crate::http::{AllowedHosts, BodyLimits, TrustedProxies};
use crate::logging;
use crate::mcp::{self, EndpointConfig, ServerParts};
use crate::monitoring::{self, RouteTemplates};
use crate::part::{Part, check_claims};

impl ServiceBuilder {
    /// Connects the database, reads the keys, checks that every task gets what it needs, and makes the service.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Build`] has all that is wrong at once: values that nobody provides, ids and paths that are not
    /// well-formed or in each other's way, keys that cannot be read, a database that cannot be reached.
    pub async fn build(self) -> Result<Service, ServiceError> {
        let mut problems = Problems::new();
        if self.logging {
            logging::install(&mut problems);
        }
        self.info.check(&mut problems);
        self.check_contradictions(&mut problems);
        #[cfg(feature = "dashboard")]
        let dashboard = self.has_dashboard();
        #[cfg(not(feature = "dashboard"))]
        let dashboard = false;
        let registry = executor::registry(self.registry, &mut problems);
        let paths = self.paths.resolve(&mut problems);
        let given = self.mcp.take(&mut problems);
        let mcp = self.mcp_on.then(|| given.unwrap_or_default());
        let guard = self.auth.take(&mut problems).and_then(|auth| {
            keys::guard(
                auth,
                &paths,
                self.docs,
                dashboard,
                mcp.as_ref(),
                &mut problems,
            )
        });
        let cors = self.cors.take(&mut problems);
        if let Some(cors) = &cors {
            cors.check(&mut problems);
        }
        let caller_headers = header_names(&self.caller_headers, &mut problems);
        for host in &self.allowed_hosts {
            if host.is_empty() || host.contains([':', '/', ' ']) {
                problems.push(format!(
                    "`{}` of `allowed_hosts` is not the name of a host: leave out the scheme, the port and the path",
                    host.escape_debug()
                ));
            }
        }
        let has_proxies = !self.proxies.is_empty();
        let proxies = TrustedProxies::new(&self.proxies, &mut problems);
        let streams = Streams::new(self.streams.take(&mut problems).unwrap_or_default());
        let recorder = self
            .monitoring
            .then(|| monitoring::install(&mut problems))
            .flatten();

        let mut draft = Draft {
            problems,
            parts: Vec::new(),
            on_scrape: Vec::new(),
            prepare: self.prepare,
            startup: self.startup,
            not_made: Vec::new(),
            streams,
            stopping: CancellationToken::new(),
        };
        if self.monitoring && self.logging {
            draft.on_scrape.push(logging::on_scrape());
        }
        draft.add(info::part(&paths.info, &self.info));
        #[cfg(feature = "database")]
        let made = super::storage_parts::StorageConfig {
            database: self.database.take(&mut draft.problems),
            artifacts: self.artifacts.take(&mut draft.problems),
            jobs: self.jobs.take(&mut draft.problems),
            audit: self.audit,
            paths: &paths,
            registry: registry.as_ref(),
            monitored: recorder.is_some(),
            version: &self.info.version,
        }
        .add_to(&mut draft)
        .await;
        let executor = registry.and_then(|registry| {
            executor::executor(
                registry,
                recorder.is_some(),
                std::mem::take(&mut draft.prepare),
                &draft.not_made,
                &mut draft.problems,
            )
        });
        if let (Some(guard), Some(executor)) = (&guard, &executor) {
            keys::warn_of_tags(guard, executor.registry());
        }

        let body_limit = self.body_limit.take(&mut draft.problems);
        let mcp = mcp.zip(executor.as_ref()).map(|(settings, executor)| {
            let parts = ServerParts {
                settings,
                path: &paths.mcp,
                info: &self.info,
                executor: executor.clone(),
                has_keys: guard.is_some(),
                #[cfg(feature = "database")]
                scheduler: made.scheduler.clone(),
                #[cfg(feature = "database")]
                artifacts: made.artifacts.clone(),
                #[cfg(feature = "database")]
                audit_log: made.audit_log.clone(),
                stopping: draft.stopping.clone(),
            };
            let server = Arc::new(parts.build(&mut draft.problems));
            let config = EndpointConfig {
                limits: BodyLimits::new(body_limit),
                streams: draft.streams.clone(),
                hosts: AllowedHosts::new(&self.allowed_hosts),
                caller_headers: caller_headers.clone(),
            };
            draft.add(mcp::part(&paths.mcp, &server, config));
            server
        });
        let metrics_at = MonitoringConfig {
            paths: &paths,
            health: self.health,
            checks: self.checks,
            recorder,
            system: self.system.then_some(&self.info),
            docs: self.docs,
            dashboard,
            keys: guard.is_some(),
        }
        .add_to(&mut draft);
        let managed = self
            .management
            .take(&mut draft.problems)
            .map(|address| (address, draft.take_managed()));

        if let Some(guard) = &guard {
            draft.add(auth::part(&paths.keys, guard));
        }
        let login = PagesConfig {
            info: &self.info,
            paths: &paths,
            docs: self.docs,
            #[cfg(feature = "dashboard")]
            dashboard,
            guard: guard.as_ref(),
            landing_page: self.landing_page,
            executor: executor.as_ref(),
        }
        .add_to(&mut draft);
        let listen = Listen::new(
            self.address,
            self.http_threads,
            self.shutdown_timeout,
            &mut draft.problems,
        );
        #[cfg(feature = "dashboard")]
        if let Some(access) = self.dashboard {
            let is_proxied = !self.proxies.is_empty();
            access.check(guard.is_some(), &listen, is_proxied, &mut draft.problems);
        }
        let failure_status = self.failure_status.take(&mut draft.problems);
        check_claims(&draft.parts, &mut draft.problems);
        let Draft {
            problems,
            parts,
            startup,
            stopping,
            ..
        } = draft;
        let (Some(executor), true) = (executor, problems.is_empty()) else {
            return Err(ServiceError::Build(BuildProblems(problems)));
        };

        let mut tasks = crate::scope(&paths.tasks, executor.clone())
            .without_docs()
            .caller_headers(caller_headers);
        if let Some(bytes) = body_limit {
            tasks = tasks.body_limit(bytes);
        }
        if let Some(status) = failure_status {
            tasks = tasks.failures_as_status(status);
        }
        #[cfg(feature = "database")]
        let mut startup = startup;
        #[cfg(feature = "database")]
        if let Some(scheduler) = &made.scheduler {
            scheduler.attach(&executor);
            // After the hooks of the application's own, which may prepare what jobs need.
            startup.push(crate::jobs::starting(
                scheduler,
                &executor,
                &self.info.id,
                self.schedules,
            ));
            tasks = tasks.jobs(scheduler.clone(), &paths.jobs);
        }
        let docs = self
            .docs
            .then(|| documents::api(&self.info, &tasks, &parts, guard.as_deref()));
        if let (Some(server), Some(docs)) = (&mcp, &docs) {
            server.set_docs(docs.clone());
        }
        #[cfg(feature = "dashboard")]
        let only_loopback = self.dashboard == Some(DashboardAccess::Loopback) && guard.is_none();
        #[cfg(not(feature = "dashboard"))]
        let only_loopback = false;
        let policy = Policy {
            log: self.logging,
            monitor: metrics_at.is_some(),
            hosts: AllowedHosts::new(&self.allowed_hosts),
            routes: Arc::new(RouteTemplates::new(&paths.tasks, metrics_at)),
        };
        let gate = |parts: &[Part]| {
            let guard = Arc::clone(guard.as_ref()?);
            Some(Gate::new(guard, parts, login.clone()))
        };
        let management = managed.map(|(address, managed)| {
            let gate = gate(&managed);
            // Its addresses are others.
            let hosts = AllowedHosts::new(&self.allowed_hosts);
            let policy = Policy {
                hosts,
                ..policy.clone()
            };
            let proxies = proxies.clone();
            Arc::new(Management::new(address, managed, policy, gate, proxies))
        });
        Ok(Service {
            inner: Arc::new(Inner {
                gate: gate(&parts),
                proxies,
                policy,
                management,
                executor,
                #[cfg(feature = "database")]
                made,
                tasks,
                docs,
                mcp,
                parts,
                mounts: self.mounts,
                cors,
                startup,
                shutdown: self.shutdown,
                listen,
                only_loopback,
                is_unguarded: guard.is_none() && !has_proxies,
                stopping,
            }),
        })
    }
}

fn header_names(names: &[String], problems: &mut Problems) -> Vec<HeaderName> {
    let mut read = Vec::new();
    for name in names {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => read.push(name),
            Err(_) => problems.push(format!(
                "`{}` cannot be the name of a header that tasks see",
                name.escape_debug()
            )),
        }
    }
    read
}
