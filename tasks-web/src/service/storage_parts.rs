//! The parts of a service that store: its database, and what is in it.

use std::any::type_name;
use std::time::Duration;

use tasks_runtime::audit::AuditLog;
use tasks_runtime::{ArtifactManager, Database, Jobs, Scheduler, TaskRegistry};

use super::draft::Draft;
use super::paths::ResolvedPaths;
use super::setting::Setting;
use crate::artifacts::{self, Artifacts};
use crate::audit;
use crate::database::{self, DatabaseSource};
use crate::jobs;

/// What is asked for of the database and of what is in it.
pub(super) struct StorageConfig<'a> {
    pub(super) database: Option<DatabaseSource>,
    pub(super) artifacts: Option<Artifacts>,
    pub(super) jobs: Option<Jobs>,
    pub(super) audit: AuditConfig,
    pub(super) paths: &'a ResolvedPaths,
    pub(super) registry: Option<&'a TaskRegistry>,
    /// Whether there are metrics.
    pub(super) monitored: bool,
    /// That of the program.
    pub(super) version: &'a str,
}

/// What is asked for of the audit log.
pub(super) struct AuditConfig {
    pub(super) is_off: bool,
    pub(super) retention: Setting<Option<Duration>>,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            is_off: false,
            retention: Setting::new("audit_log_retention"),
        }
    }
}

impl AuditConfig {
    fn build(self, database: &Database, draft: &mut Draft) -> Option<AuditLog> {
        let log = AuditLog::new(database);
        let log = match self.retention.take(&mut draft.problems) {
            Some(_) if self.is_off => {
                draft.problems.push("`audit_log_retention` says how long an audit log is kept, and `without_audit_log` that there is none: leave one of them out".to_owned());
                log
            }
            Some(time) => log.retention(time),
            None => log,
        };
        (!self.is_off).then_some(log)
    }
}

/// What there is of it.
#[derive(Default)]
pub(crate) struct StorageParts {
    pub(crate) database: Option<Database>,
    pub(crate) artifacts: Option<ArtifactManager>,
    pub(crate) scheduler: Option<Scheduler>,
    pub(crate) audit_log: Option<AuditLog>,
}

impl StorageConfig<'_> {
    /// Connects, and adds what is there to the service.
    pub(super) async fn add_to(self, draft: &mut Draft) -> StorageParts {
        let needed = self.artifacts.is_some()
            || self.jobs.is_some()
            || self.registry.is_some_and(TaskRegistry::needs::<Database>);
        let private = || needed.then(DatabaseSource::private).flatten();
        let source = self.database.or_else(private);
        if source.is_none() && needed {
            draft.problems.push(
                "something needs a database, and there is none: give the service one by `with_database`".to_owned(),
            );
        }
        let Some(source) = source else {
            return StorageParts::default();
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
            return StorageParts::default();
        };
        draft.add(database::part(&database));
        let artifacts = self.artifacts.and_then(|artifacts| {
            let built = artifacts.build(&database, &self.paths.artifacts, &mut draft.problems);
            if built.is_none() {
                draft.not_made.push(type_name::<ArtifactManager>());
            }
            built
        });
        let artifacts = artifacts.map(|(manager, scope)| {
            draft.add(artifacts::part(&scope, &manager, &draft.stopping));
            manager
        });
        let scheduler = self.jobs.map(|jobs| {
            let jobs = if self.monitored {
                jobs.record_metrics()
            } else {
                jobs
            };
            let jobs = jobs.default_version(self.version);
            let scheduler = Scheduler::new(&database, jobs);
            let scope = crate::jobs(&self.paths.jobs, scheduler.clone());
            let scope = scope
                .schedules(&self.paths.schedules)
                .graphs(&self.paths.graphs)
                .streams(draft.streams.clone())
                .stopping(draft.stopping.clone());
            draft.add(jobs::part(&scope, &scheduler));
            scheduler
        });
        let audited = artifacts.is_some() || scheduler.is_some();
        let audit_log = self.audit.build(&database, draft).filter(|_| audited);
        if let Some(log) = &audit_log {
            draft.add(audit::part(&self.paths.audit_log, log));
        }
        StorageParts {
            database: Some(database),
            artifacts,
            scheduler,
            audit_log,
        }
    }
}
