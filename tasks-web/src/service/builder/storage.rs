//! What a service stores: its database, artifacts, jobs and schedules.

use std::time::Duration;

use super::ServiceBuilder;

impl ServiceBuilder {
    /// The database of the service: a [`Database`](crate::Database), or a
    /// [`DatabaseBuilder`](crate::database::DatabaseBuilder), which [`build`](Self::build) connects.
    ///
    /// It is injected, and so are [`Session`](crate::Session)s of it; the health has a check of it; it is closed at the end.
    /// Without this call, and if something needs a database, it is a private one that is gone with the service.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<crate::DatabaseSource>) -> Self {
        self.database.set(database.into());
        self
    }

    /// Stores artifacts in the database, and serves them at `/api/v1/artifacts`: an
    /// [`ArtifactHierarchy`](crate::ArtifactHierarchy), or [`Artifacts`](crate::Artifacts) with more to say.
    ///
    /// The [`ArtifactManager`](crate::ArtifactManager) is injected. Every hour, content that nothing refers to is deleted.
    #[must_use]
    pub fn with_artifacts(mut self, artifacts: impl Into<crate::Artifacts>) -> Self {
        self.artifacts.set(artifacts.into());
        self
    }

    /// Where the artifacts are. Defaults to `/api/v1/artifacts`.
    #[must_use]
    pub fn artifacts_at(mut self, path: &str) -> Self {
        self.paths.artifacts.agree(path.to_owned());
        self
    }

    /// Runs tasks in the background: they are submitted at `…/{name}/$submit`, the jobs are at `/api/v1/jobs`, and schedules at
    /// `/api/v1/schedules`.
    ///
    /// The [`Scheduler`](crate::Scheduler) is injected. Workers start with the service and end with it: what runs may end, and
    /// what is left then is run after the next start.
    #[must_use]
    pub fn with_jobs(mut self, jobs: tasks_runtime::Jobs) -> Self {
        self.jobs.set(jobs);
        self
    }

    /// Declares schedules. They are stored when the service starts, before its workers, and are there for as long as a process that
    /// declares them: each process says once a minute that it still does, and what none has declared for three minutes, while another process
    /// of the service watched, is removed, with a line in the log, unless it is paused. So an old version and a new one may run side by side,
    /// and start in any order; where both declare a schedule of one name, it is that of the process that started later. Schedules that were
    /// made over HTTP stay, and so do those of other services that share the database: whose a schedule is, is told by the id of the service.
    ///
    /// One that cannot be, or is there twice, is an error of [`Service::run`](crate::Service::run), and the schedules stay as they were.
    ///
    /// ```
    /// use tasks_web::prelude::*;
    ///
    /// #[task]
    /// async fn report(kind: String) -> String {
    ///     format!("the {kind} report")
    /// }
    ///
    /// let builder = Service::builder(ServiceInfo::new("reports", "Reports"))
    ///     .with_jobs(Jobs::new())
    ///     .with_schedules(|scheduler| {
    ///         [
    ///             scheduler.schedule("nightly", call!(report, kind = "nightly")).cron("30 2 * * *"),
    ///             scheduler.schedule("weekly", call!(report, kind = "weekly")).cron("0 3 * * MON").timezone("Europe/Berlin"),
    ///         ]
    ///     });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn with_schedules<S>(
        mut self,
        declare: impl Fn(&tasks_runtime::Scheduler) -> S + Send + Sync + 'static,
    ) -> Self
    where
        S: IntoIterator<Item = tasks_runtime::jobs::Schedule>,
    {
        self.schedules.push(std::sync::Arc::new(move |scheduler| {
            declare(scheduler).into_iter().collect()
        }));
        self
    }

    /// Where the schedules are. Defaults to `/api/v1/schedules`.
    #[must_use]
    pub fn schedules_at(mut self, path: &str) -> Self {
        self.paths.schedules.agree(path.to_owned());
        self
    }

    /// Where the graphs of jobs are. Defaults to `/api/v1/graphs`.
    #[must_use]
    pub fn graphs_at(mut self, path: &str) -> Self {
        self.paths.graphs.agree(path.to_owned());
        self
    }

    /// Where the jobs are. Defaults to `/api/v1/jobs`.
    #[must_use]
    pub fn jobs_at(mut self, path: &str) -> Self {
        self.paths.jobs.agree(path.to_owned());
        self
    }

    /// How long the audit log keeps who has changed what; `None` for ever. Defaults to 90 days.
    ///
    /// A service that has artifacts or jobs writes down each change that is made through their endpoints: the name of the key, the address of the
    /// client, the operation, the path, and when it was. Executions and submissions are not written down; a job says itself who has submitted
    /// it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasks_web::prelude::*;
    ///
    /// let builder = Service::builder(ServiceInfo::new("a-service", "A service"))
    ///     .with_jobs(Jobs::new())
    ///     .audit_log_retention(Duration::from_secs(365 * 24 * 60 * 60));
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn audit_log_retention(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.audit.retention.set(time.into());
        self
    }

    /// Serves and writes no audit log. Each change is in the log of the program nevertheless.
    #[must_use]
    pub fn without_audit_log(mut self) -> Self {
        self.audit.is_off = true;
        self
    }

    /// Where the audit log is. Defaults to `/api/v1/audit-log`.
    #[must_use]
    pub fn audit_log_at(mut self, path: &str) -> Self {
        self.paths.audit_log.agree(path.to_owned());
        self
    }
}
