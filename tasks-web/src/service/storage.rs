//! The database of a service, its artifacts and its jobs.

use std::any::type_name;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use tasks_runtime::artifacts::{ArtifactHooks, ArtifactManagerBuilder, ContentStore, StoreReport};
use tasks_runtime::database::DatabaseBuilder;
use tasks_runtime::jobs::{JobError, Schedule};
use tasks_runtime::{
    ArtifactHierarchy, ArtifactManager, Database, DatabaseError, Jobs, Scheduler, TaskExecutor,
    TaskRegistry,
};
use tokio_util::sync::CancellationToken;

use super::draft::Draft;
use crate::artifacts::{ArtifactScope, artifacts};
use crate::checks::{HealthChecks, HealthState};
use crate::hooks::Hook;
use crate::jobs::JobScope;
use crate::part::{Claim, Part};

/// A database, or how to open one.
#[derive(Debug)]
pub enum DatabaseSource {
    /// One that is open.
    Open(Database),
    /// One that is opened when the service is built.
    Builder(Box<DatabaseBuilder>),
}

impl From<Database> for DatabaseSource {
    fn from(database: Database) -> Self {
        Self::Open(database)
    }
}

impl From<DatabaseBuilder> for DatabaseSource {
    fn from(builder: DatabaseBuilder) -> Self {
        Self::Builder(Box::new(builder))
    }
}

impl DatabaseSource {
    async fn connect(self, problems: &mut Vec<String>) -> Option<Database> {
        match self {
            Self::Open(database) => Some(database),
            Self::Builder(builder) => builder
                .connect()
                .await
                .map_err(|error| problems.push(error.to_string()))
                .ok(),
        }
    }
}

/// How artifacts are stored and served; an [`ArtifactHierarchy`] alone is one.
///
/// ```
/// use tasks_web::prelude::*;
/// use tasks_web::Artifacts;
///
/// let artifacts = Artifacts::new(ArtifactHierarchy::new("results").level(0, "run"))
///     .routes(|routes| routes.without_delete().upload_limit(100 * 1024 * 1024));
/// # let _ = artifacts;
/// ```
pub struct Artifacts {
    set: Vec<Box<dyn FnOnce(ArtifactManagerBuilder) -> ArtifactManagerBuilder + Send>>,
    routes: Vec<Box<dyn FnOnce(ArtifactScope) -> ArtifactScope + Send>>,
    store: bool,
}

impl std::fmt::Debug for Artifacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artifacts").finish_non_exhaustive()
    }
}

impl From<ArtifactHierarchy> for Artifacts {
    fn from(hierarchy: ArtifactHierarchy) -> Self {
        Self::new(hierarchy)
    }
}

impl Artifacts {
    /// With names for the levels of trees.
    #[must_use]
    pub fn new(hierarchy: ArtifactHierarchy) -> Self {
        Self {
            set: vec![Box::new(|manager| manager.hierarchy(hierarchy))],
            routes: Vec::new(),
            store: false,
        }
    }

    /// Where large content goes, in place of the directory that `ARTIFACTS_DIR` names, or one beside the file of SQLite. With PostgreSQL and
    /// neither of the two, content of more than 1 MiB is refused.
    #[must_use]
    pub fn store(mut self, store: ContentStore) -> Self {
        self.store = true;
        self.set.push(Box::new(|manager| manager.store(store)));
        self
    }

    /// Code that runs before and after changes.
    #[must_use]
    pub fn hooks(mut self, hooks: impl ArtifactHooks) -> Self {
        self.set.push(Box::new(|manager| manager.hooks(hooks)));
        self
    }

    /// What is served, and how much of it.
    #[must_use]
    pub fn routes(
        mut self,
        set: impl FnOnce(ArtifactScope) -> ArtifactScope + Send + 'static,
    ) -> Self {
        self.routes.push(Box::new(set));
        self
    }

    /// The manager, and the routes at a path.
    fn build(
        self,
        database: &Database,
        path: &str,
        problems: &mut Vec<String>,
    ) -> Option<(ArtifactManager, ArtifactScope)> {
        let mut builder = ArtifactManager::builder(database.clone());
        if let Some(directory) = std::env::var_os("ARTIFACTS_DIR").filter(|_| !self.store) {
            builder = builder.store(ContentStore::local(directory));
        }
        for set in self.set {
            builder = set(builder);
        }
        let manager = builder
            .build()
            .and_then(|manager| manager.check_writable().map(|()| manager))
            .map_err(|error| problems.push(format!("the artifacts: {error}")))
            .ok()?;
        let scope = artifacts(path, manager.clone());
        let scope = self.routes.into_iter().fold(scope, |scope, set| set(scope));
        Some((manager, scope))
    }
}

/// What is asked for of the database and of what is in it.
pub(super) struct Wanted<'a> {
    pub(super) database: Option<DatabaseSource>,
    pub(super) artifacts: Option<Artifacts>,
    pub(super) artifacts_path: String,
    pub(super) jobs: Option<Jobs>,
    pub(super) jobs_path: String,
    pub(super) schedules_path: String,
    pub(super) registry: Option<&'a TaskRegistry>,
    /// Whether there are metrics.
    pub(super) monitored: bool,
}

/// What there is of it.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) database: Option<Database>,
    pub(crate) artifacts: Option<ArtifactManager>,
    pub(crate) scheduler: Option<Scheduler>,
}

impl Wanted<'_> {
    /// Connects, and adds what is there to the service.
    pub(super) async fn add_to(self, draft: &mut Draft) -> Made {
        let needed = self.artifacts.is_some()
            || self.jobs.is_some()
            || self.registry.is_some_and(TaskRegistry::needs::<Database>);
        let source = self.database.or_else(|| default_database(needed));
        if source.is_none() && needed {
            draft.problems.push(
                "something needs a database, and there is none: give the service one by `with_database`".to_owned(),
            );
        }
        let Some(source) = source else {
            return Made::default();
        };
        let Some(database) = source.connect(&mut draft.problems).await else {
            // What depends on it is not missing for a reason of its own.
            draft.not_made.push(type_name::<Database>());
            if self.artifacts.is_some() {
                draft.not_made.push(type_name::<ArtifactManager>());
            }
            if self.jobs.is_some() {
                draft.not_made.push(type_name::<Scheduler>());
            }
            return Made::default();
        };
        draft.parts.push(database_part(&database));
        if self.monitored {
            draft.probes.push(probe(&database));
        }
        let artifacts = self.artifacts.and_then(|artifacts| {
            let built = artifacts.build(&database, &self.artifacts_path, &mut draft.problems);
            if built.is_none() {
                draft.not_made.push(type_name::<ArtifactManager>());
            }
            built
        });
        let artifacts = artifacts.map(|(manager, scope)| {
            let fit = StoreFit::default();
            draft.parts.push(artifacts_part(&scope, &fit));
            draft
                .startup
                .push(sweeping(&manager, &fit, &draft.stopping));
            draft.provide(manager.clone());
            manager
        });
        let scheduler = self.jobs.map(|jobs| {
            let jobs = if self.monitored {
                jobs.record_metrics()
            } else {
                jobs
            };
            let scheduler = Scheduler::new(&database, jobs);
            let scope = crate::jobs(&self.jobs_path, scheduler.clone());
            let scope = scope
                .schedules(&self.schedules_path)
                .streams(draft.streams.clone())
                .stopping(draft.stopping.clone());
            draft.parts.push(jobs_part(&scope, &scheduler));
            draft.provide(scheduler.clone());
            scheduler
        });
        draft.provide(database.clone());
        Made {
            database: Some(database),
            artifacts,
            scheduler,
        }
    }
}

/// Where there is SQLite, a private database that is gone with the service.
fn default_database(needed: bool) -> Option<DatabaseSource> {
    #[cfg(feature = "sqlite")]
    return needed.then(|| Database::sqlite_in_memory().into());
    #[cfg(not(feature = "sqlite"))]
    {
        let _ = needed;
        None
    }
}

/// Whether artifacts lack their content, as it was found when it was last looked at.
#[derive(Clone, Default)]
struct StoreFit(Arc<AtomicBool>);

/// Starts to look after the content of artifacts.
fn sweeping(manager: &ArtifactManager, fit: &StoreFit, stopping: &CancellationToken) -> Hook {
    let (manager, fit, stopping) = (manager.clone(), fit.clone(), stopping.clone());
    Hook::new(move || {
        // On the database's own threads: a worker's runtime is not there yet.
        let kept = keep_swept(manager.clone(), fit.clone(), stopping.clone());
        manager.database().spawn(kept);
        async { Ok::<(), std::convert::Infallible>(()) }
    })
}

/// The health of the database, and its end.
fn database_part(database: &Database) -> Part {
    let (checked, closed) = (database.clone(), database.clone());
    let mut part = Part::new("database");
    part.checks = HealthChecks::new().check("database", move || {
        let database = checked.clone();
        async move {
            database
                .ping()
                .await
                .map_err(|error| words_for(&error).to_owned())?;
            match database.write_failure().await {
                None => Ok(()),
                Some(failure) => {
                    let since = DateTime::<Utc>::from(failure.since);
                    let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
                    Err(format!("{}, since {since}", failure.reason))
                }
            }
        }
    });
    part.shutdown = Some(Hook::new(move || {
        let database = closed.clone();
        async move {
            database.close().await;
            Ok::<(), std::convert::Infallible>(())
        }
    }));
    part
}

/// What everybody may know of an error of the database: where it is, is for the log.
fn words_for(error: &DatabaseError) -> &'static str {
    tracing::warn!(%error, "the database is not healthy");
    match error {
        DatabaseError::Unavailable { .. } => "the database cannot be reached",
        DatabaseError::Busy { .. } => "all connections of the database are in use",
        DatabaseError::Closed => "the database is closed",
        DatabaseError::Locked { .. } => "the database is locked by another program",
        _ => "the database fails",
    }
}

/// The routes of artifacts, and the health of their content.
fn artifacts_part(scope: &ArtifactScope, fit: &StoreFit) -> Part {
    let mut part = Part::new("artifacts")
        .claim(Claim::below(scope.prefix()))
        .link(scope.prefix(), "Artifacts");
    let fit = fit.clone();
    part.checks = HealthChecks::new().check("artifacts", move || {
        let state = if fit.0.load(Ordering::Relaxed) {
            HealthState::Degraded(
                "content of artifacts is not in the content store: the log says what to do"
                    .to_owned(),
            )
        } else {
            HealthState::Healthy
        };
        async move { state }
    });
    let part = part.describe(&scope.endpoints());
    let scope = scope.clone();
    part.routes(move |config| {
        config.service(scope.clone());
    })
}

/// The routes of jobs, their health, and their end.
fn jobs_part(scope: &JobScope, scheduler: &Scheduler) -> Part {
    let (checked, drained, ended) = (scheduler.clone(), scheduler.clone(), scheduler.clone());
    let mut part = Part::new("jobs")
        .claim(Claim::below(scope.prefix()))
        .link(scope.prefix(), "Jobs");
    part.checks = HealthChecks::new().check("jobs", move || {
        let state = match (checked.check(), checked.warnings()) {
            (Err(reason), _) => HealthState::Unhealthy(reason),
            (Ok(()), warnings) if warnings.is_empty() => HealthState::Healthy,
            (Ok(()), warnings) => HealthState::Degraded(warnings.join("; ")),
        };
        async move { state }
    });
    part.drain = Some(
        Hook::new(move || {
            let scheduler = drained.clone();
            async move {
                scheduler.drain().await;
                Ok::<(), std::convert::Infallible>(())
            }
        })
        .within(scheduler.shutdown_timeout()),
    );
    part.shutdown = Some(Hook::new(move || {
        let scheduler = ended.clone();
        async move {
            scheduler.shutdown().await;
            Ok::<(), std::convert::Infallible>(())
        }
    }));
    if let Some(schedules) = scope.schedules_prefix() {
        part = part
            .claim(Claim::below(schedules))
            .link(schedules, "Schedules");
    }
    let part = scope.endpoints().iter().fold(part, Part::describe);
    let scope = scope.clone();
    part.routes(move |config| {
        config.service(scope.clone());
    })
}

/// Schedules that the code declares.
pub(super) type Declare = Arc<dyn Fn(&Scheduler) -> Vec<Schedule> + Send + Sync>;

/// Stores the schedules that the service declares, and starts the workers.
pub(super) fn starting(
    scheduler: &Scheduler,
    executor: &TaskExecutor,
    owner: &str,
    schedules: Vec<Declare>,
) -> Hook {
    let (scheduler, executor, owner) = (scheduler.clone(), executor.clone(), owner.to_owned());
    Hook::new(move || {
        let declared: Vec<Schedule> = schedules
            .iter()
            .flat_map(|declare| declare(&scheduler))
            .collect();
        let (scheduler, executor, owner) = (scheduler.clone(), executor.clone(), owner.clone());
        let declares = !schedules.is_empty();
        async move {
            if declares {
                match scheduler.declare_schedules(&owner, declared).await {
                    Ok(_) => {}
                    // It is served as it is; the next start finds one that can be written, or not.
                    Err(JobError::Database(error)) if error.is_read_only() => {
                        tracing::warn!(
                            %error,
                            "the schedules that the service declares were not stored: the database is read-only"
                        );
                    }
                    Err(error) => return Err(error),
                }
            } else if let Err(error) = scheduler.declare_no_schedules(&owner).await {
                // It is served without; the next start removes them, or not.
                tracing::warn!(
                    %error,
                    "schedules that an earlier version of the service declared are not removed"
                );
            }
            scheduler.start(&executor)
        }
    })
}

/// Looks whether the content store is the one of the database, and sweeps it, now and every hour.
async fn keep_swept(manager: ArtifactManager, fit: StoreFit, stopping: CancellationToken) {
    const HOUR: Duration = Duration::from_secs(3600);
    let mut said = StoreReport::default();
    loop {
        match manager.check_store().await {
            Ok(report) => {
                fit.0.store(!report.broken.is_empty(), Ordering::Relaxed);
                if report != said {
                    for what in report.broken.iter().chain(&report.doubtful) {
                        tracing::warn!("{what}");
                    }
                    said = report;
                }
            }
            Err(error) => tracing::warn!(%error, "the content store was not looked at"),
        }
        if let Err(error) = manager.sweep(HOUR).await {
            tracing::warn!(%error, "the content of artifacts was not swept");
        }
        tokio::select! {
            () = tokio::time::sleep(HOUR) => {}
            () = stopping.cancelled() => return,
        }
    }
}

/// Shows the connections.
fn probe(database: &Database) -> crate::monitoring::Probe {
    let database = database.clone();
    let gauge =
        |state: &'static str| metrics::gauge!("tasks_database_connections", "state" => state);
    let (idle, lent, waiting) = (gauge("idle"), gauge("lent"), gauge("waiting"));
    Arc::new(move || {
        let pool = database.pool_status();
        let set = |gauge: &metrics::Gauge, count: usize| gauge.set(count as f64);
        set(&idle, pool.idle);
        set(&lent, pool.size.saturating_sub(pool.idle));
        set(&waiting, pool.waiting);
    })
}
