//! Puts a service together, and finds everything that is wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::HeaderName;
use tasks_runtime::{BuildError, TaskExecutor, TaskRegistry};
use tokio_util::sync::CancellationToken;

use super::builder::ServiceBuilder;
use super::draft::{Draft, Problems};
use super::error::{BuildProblems, ServiceError};
use super::gate::Gate;
use super::handle::Service;
use super::inner::Inner;
use super::listen::{self, Listen};
use super::management::Management;
use super::middleware::Policy;
use super::setting::Setting;
use crate::auth::{Guard, Login};
use crate::endpoint::{Endpoint, Endpoints, Response};
use crate::health::Health;
use crate::hooks::Hook;
use crate::http::TrustedProxies;
use crate::http::sse::Streams;
use crate::info::ServiceInfo;
use crate::monitoring::{self, Routes};
use crate::openapi::OpenApi;
use crate::part::{Claim, Link, Part, check_claims};
use crate::{health, landing, logging, system};

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
        self.check_paths(&mut problems);
        let registry = registry(self.registry, &mut problems);
        let tasks_path = path(self.paths.tasks, "/api/v1/tasks", &mut problems);
        let info_path = path(self.paths.info, "/api/v1/info", &mut problems);
        let health_path = path(self.paths.health, "/health", &mut problems);
        let system_path = path(self.paths.system, "/api/v1/system", &mut problems);
        let metrics_path = path(self.paths.metrics, "/metrics", &mut problems);
        let guard = self
            .auth
            .take(&mut problems)
            .and_then(|keys| keys.load(&mut problems))
            .map(|guard| match guard.has_limits() && self.docs {
                // Who cannot send a header could not see what is closed then.
                true => guard.with_sessions(),
                false => guard,
            })
            .map(Arc::new);
        let cors = self.cors.take(&mut problems);
        if let Some(cors) = &cors {
            cors.check(&mut problems);
        }
        let caller_headers = header_names(&self.caller_headers, &mut problems);
        let proxies = TrustedProxies::new(&self.proxies, &mut problems);
        let streams = Streams::new(self.streams.take(&mut problems).unwrap_or_default());
        let lost_lines = self.monitoring && self.logging;
        let recorder = self
            .monitoring
            .then(|| monitoring::install(&mut problems))
            .flatten();
        #[cfg_attr(
            not(feature = "database"),
            allow(unused_mut, reason = "nothing is added")
        )]
        let mut draft = Draft {
            problems,
            parts: vec![info_part(&info_path, &self.info)],
            probes: if lost_lines {
                vec![logging::probe()]
            } else {
                Vec::new()
            },
            prepare: self.prepare,
            startup: self.startup,
            not_made: Vec::new(),
            streams,
            stopping: CancellationToken::new(),
        };
        #[cfg(feature = "database")]
        let jobs_path = path(self.paths.jobs, "/api/v1/jobs", &mut draft.problems);
        #[cfg(feature = "database")]
        let made = {
            let schedules_path = path(
                self.paths.schedules,
                "/api/v1/schedules",
                &mut draft.problems,
            );
            let artifacts_path = path(
                self.paths.artifacts,
                "/api/v1/artifacts",
                &mut draft.problems,
            );
            let wanted = super::storage::Wanted {
                database: self.database.take(&mut draft.problems),
                artifacts: self.artifacts.take(&mut draft.problems),
                artifacts_path,
                jobs: self.jobs.take(&mut draft.problems),
                jobs_path: jobs_path.clone(),
                schedules_path,
                registry: registry.as_ref(),
                monitored: recorder.is_some(),
            };
            wanted.add_to(&mut draft).await
        };
        let Draft {
            mut problems,
            mut parts,
            probes,
            prepare,
            startup,
            not_made,
            streams,
            stopping,
        } = draft;

        let executor = registry.and_then(|registry| {
            let mut builder = TaskExecutor::builder(registry);
            if recorder.is_some() {
                builder = builder.record_metrics();
            }
            let builder = prepare
                .into_iter()
                .fold(builder, |builder, set| set(builder));
            builder
                .build()
                .map_err(|error| problems.extend(missing(&error, &not_made)))
                .ok()
        });
        if let (Some(guard), Some(executor)) = (&guard, &executor) {
            warn_of_tags(guard, executor.registry());
        }

        let mut checks = self.checks;
        for part in &mut parts {
            checks.extend(std::mem::take(&mut part.checks));
        }
        checks.check_names(&mut problems);
        let health = self.health.then(|| {
            health::part(
                &health_path,
                Arc::new(Health::new(checks)),
                streams,
                stopping.clone(),
            )
        });
        parts.extend(health);
        let metrics_at = recorder.as_ref().map(|_| metrics_path.clone());
        parts.extend(recorder.map(|recorder| monitoring::part(&metrics_path, recorder, probes)));
        if self.system {
            let capabilities = capabilities(&parts, self.docs, guard.is_some());
            parts.push(system::part(&system_path, &self.info.version, capabilities));
        }

        let managed = self.management.take(&mut problems).map(|address| {
            let (managed, rest): (Vec<Part>, Vec<Part>) =
                parts.drain(..).partition(|part| part.management);
            parts = rest;
            if managed.is_empty() {
                problems.push(
                    "`management_bind` opens a port, and there is nothing to serve on it: call `with_health`, \
                     `with_monitoring` or `with_system` as well, or leave it out"
                        .to_owned(),
                );
            }
            check_claims(&managed, &mut problems);
            (address, managed)
        });

        let mut claims = Part::new("tasks").claim(Claim::below(&tasks_path));
        let limited = guard.as_ref().is_some_and(|guard| guard.has_limits());
        if self.docs {
            for claim in [Claim::exact("/openapi.json"), Claim::below("/docs")] {
                claims = claims.claim(if limited { claim } else { claim.open() });
            }
        }
        parts.push(claims);
        let login = guard
            .as_ref()
            .filter(|_| limited && self.docs)
            .map(|guard| Login::new(guard, &self.info.display_name, vec![Claim::below("/docs")]));
        parts.extend(login.as_ref().map(Login::part));

        let address = self.address.take(&mut problems);
        let (host, port) = address.unwrap_or_else(|| listen::from_env(&mut problems));
        let listen = Listen {
            host,
            port,
            workers: self.workers.take(&mut problems),
            drain: self
                .drain
                .take(&mut problems)
                .unwrap_or(Duration::from_secs(30)),
        };
        let body_limit = self.body_limit.take(&mut problems);
        if self.landing_page
            && let Some(executor) = &executor
        {
            let links = links(&parts, &tasks_path, self.docs);
            let shown = (!limited).then(|| executor.registry());
            parts.push(landing::part(&self.info, &tasks_path, shown, &links));
        }
        check_claims(&parts, &mut problems);
        let (Some(executor), true) = (executor, problems.is_empty()) else {
            return Err(ServiceError::Build(BuildProblems(problems)));
        };

        #[cfg_attr(
            not(feature = "database"),
            allow(unused_mut, reason = "there are no jobs")
        )]
        let mut workers: Option<Hook> = None;
        let mut tasks = crate::scope(&tasks_path, executor.clone())
            .without_docs()
            .caller_headers(caller_headers);
        #[cfg(feature = "database")]
        if let Some(scheduler) = &made.scheduler {
            scheduler.attach(&executor);
            // After the hooks of the application's own, which may prepare what jobs need.
            workers = Some(super::storage::starting(
                scheduler,
                &executor,
                &self.info.id,
                self.schedules,
            ));
            tasks = tasks.jobs(scheduler.clone(), &jobs_path);
        }
        if let Some(bytes) = body_limit {
            tasks = tasks.body_limit(bytes);
        }
        let docs = self.docs.then(|| {
            let operations = parts
                .iter()
                .flat_map(|part| part.operations.clone())
                .collect();
            let mut docs = OpenApi::new(&self.info.display_name, &self.info.version)
                .scope(&tasks)
                .service(self.info.clone(), operations);
            if let Some(text) = &self.info.description {
                docs = docs.description(text);
            }
            match &guard {
                Some(guard) => docs.keys(guard.header(), limited),
                None => docs,
            }
        });
        let policy = Policy {
            log: self.logging,
            monitor: metrics_at.is_some(),
            routes: Arc::new(Routes::new(&tasks_path, metrics_at)),
        };
        let gate = |parts: &[Part]| {
            guard
                .as_ref()
                .map(|guard| Gate::new(Arc::clone(guard), parts, login.clone()))
        };
        let management = managed.map(|(address, managed)| {
            let gate = gate(&managed);
            Arc::new(Management::new(
                address,
                managed,
                policy.clone(),
                gate,
                proxies.clone(),
            ))
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
                parts,
                mounts: self.mounts,
                cors,
                startup: startup.into_iter().chain(workers).collect(),
                shutdown: self.shutdown,
                listen,
                stopping,
            }),
        })
    }
}

impl ServiceBuilder {
    /// Finds paths of parts that are off.
    fn check_paths(&self, problems: &mut Problems) {
        let paths = &self.paths;
        let check = |path: &Setting<String>, on: bool, part: &str| {
            (path.is_set() && !on).then(|| {
                format!(
                    "`{}` says where something is that is off: call `{part}` as well, or leave it out",
                    path.call()
                )
            })
        };
        let wrong = [
            check(&paths.health, self.health, "with_health"),
            check(&paths.system, self.system, "with_system"),
            check(&paths.metrics, self.monitoring, "with_monitoring"),
            #[cfg(feature = "database")]
            check(&paths.artifacts, self.artifacts.is_set(), "with_artifacts"),
            #[cfg(feature = "database")]
            check(&paths.jobs, self.jobs.is_set(), "with_jobs"),
            #[cfg(feature = "database")]
            check(&paths.schedules, self.jobs.is_set(), "with_jobs"),
        ];
        problems.extend(wrong.into_iter().flatten());
        #[cfg(feature = "database")]
        if !self.schedules.is_empty() && !self.jobs.is_set() {
            problems.push(
                "`with_schedules` declares schedules of jobs, and there are no jobs: call `with_jobs` as well"
                    .to_owned(),
            );
        }
        if let Some(count) = self.workers.value().filter(|count| **count > MOST_WORKERS) {
            problems.push(format!(
                "{count} workers are more than the {MOST_WORKERS} that the server can have"
            ));
        }
    }
}

/// What actix can have.
const MOST_WORKERS: usize = 512;

fn registry(setting: Setting<TaskRegistry>, problems: &mut Problems) -> Option<TaskRegistry> {
    setting.take(problems).or_else(|| {
        TaskRegistry::discover()
            .map_err(|error| problems.extend(lines(&error)))
            .ok()
    })
}

/// A path without a slash at its end.
fn path(setting: Setting<String>, default: &str, problems: &mut Problems) -> String {
    let Some(path) = setting.take(problems) else {
        return default.to_owned();
    };
    let trimmed = path.trim_end_matches('/');
    let well_formed = trimmed.starts_with('/')
        && trimmed.split('/').skip(1).all(|part| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.~$".contains(&b))
        });
    if !well_formed {
        problems.push(format!(
            "`{}` cannot be a path of the service: write it like `/api/v2/things`",
            path.escape_debug()
        ));
    }
    trimmed.to_owned()
}

/// What the executor is not given, each with what to do about it; but for what is not there because of another error, which is
/// said already.
fn missing(error: &BuildError, not_made: &[&'static str]) -> Vec<String> {
    let missing = error
        .missing()
        .iter()
        .filter(|missing| !not_made.contains(&missing.type_name));
    missing
        .map(|missing| format!("{missing}: {}", advice(missing.type_name)))
        .chain(error.other().iter().cloned())
        .collect()
}

fn advice(type_name: &str) -> &'static str {
    #[cfg(feature = "database")]
    {
        use std::any::type_name as of;
        if type_name == of::<tasks_runtime::Scheduler>() {
            return "call `.with_jobs(…)`";
        }
        if type_name == of::<tasks_runtime::ArtifactManager>() {
            return "call `.with_artifacts(…)`";
        }
        if type_name == of::<tasks_runtime::Database>() {
            return "call `.with_database(…)`";
        }
    }
    let _ = type_name;
    "give one to `.provide(…)`"
}

/// A key that reaches nothing is a slip of the pen more often than a wish.
fn warn_of_tags(guard: &Guard, registry: &TaskRegistry) {
    for access in guard.accesses() {
        for tag in access.tags().unwrap_or_default() {
            if registry.list_by_tags([tag]).is_empty() {
                tracing::warn!(key = access.key_name(), %tag, "a key is limited to a tag that no task carries");
            }
        }
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

/// The lines of an error that has several.
fn lines(error: &impl std::fmt::Display) -> Vec<String> {
    error.to_string().lines().map(str::to_owned).collect()
}

/// `GET {path}`: what the service says about itself.
fn info_part(path: &str, info: &ServiceInfo) -> Part {
    let info = info.clone();
    let get = move || {
        let response = HttpResponse::Ok().json(&info);
        async move { Ok(response) }
    };
    let endpoint = Endpoint::get("", "get_info", get)
        .summary("What the service is")
        .responds(Response::json::<ServiceInfo>(200));
    Part::new("info").serve(Endpoints::of_service(path, vec![endpoint]))
}

/// Which parts there are, by their names.
fn capabilities(parts: &[Part], docs: bool, auth: bool) -> BTreeMap<&'static str, bool> {
    let part = |name: &str| parts.iter().any(|part| part.name == name);
    BTreeMap::from([
        ("tasks", true),
        ("docs", docs),
        ("auth", auth),
        ("health", part("health")),
        ("monitoring", part("monitoring")),
        ("database", part("database")),
        ("artifacts", part("artifacts")),
        ("jobs", part("jobs")),
    ])
}

fn links(parts: &[Part], tasks: &str, docs: bool) -> Vec<Link> {
    let link = |path: &str, text| Link {
        path: path.to_owned(),
        text,
    };
    let mut links = Vec::new();
    if docs {
        links.push(link("/docs", "Try it out"));
        links.push(link("/openapi.json", "OpenAPI"));
    }
    links.push(link(tasks, "Tasks"));
    links.extend(parts.iter().flat_map(|part| part.links.iter().cloned()));
    links
}
