//! Settings of a builder that contradict each other.

use super::builder::ServiceBuilder;
use super::draft::Problems;
use super::setting::Setting;

/// What actix can have.
const MAX_HTTP_THREADS: usize = 512;

impl ServiceBuilder {
    /// Finds paths and schedules of parts that are off, a status of failures that is none of errors, and more threads for requests than there
    /// can be.
    pub(super) fn check_contradictions(&self, problems: &mut Problems) {
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
            check(&paths.mcp, self.mcp_on, "with_mcp"),
            #[cfg(feature = "dashboard")]
            check(&paths.dashboard, self.dashboard.is_some(), "with_dashboard"),
            #[cfg(feature = "database")]
            check(&paths.artifacts, self.artifacts.is_set(), "with_artifacts"),
            #[cfg(feature = "database")]
            check(&paths.jobs, self.jobs.is_set(), "with_jobs"),
            #[cfg(feature = "database")]
            check(&paths.schedules, self.jobs.is_set(), "with_jobs"),
            #[cfg(feature = "database")]
            check(&paths.graphs, self.jobs.is_set(), "with_jobs"),
        ];
        problems.extend(wrong.into_iter().flatten());
        #[cfg(feature = "database")]
        if !self.schedules.is_empty() && !self.jobs.is_set() {
            problems.push(
                "`with_schedules` declares schedules of jobs, and there are no jobs: call `with_jobs` as well"
                    .to_owned(),
            );
        }
        let status = self.failure_status.value();
        if let Some(status) = status.filter(|status| !(400..600).contains(&status.as_u16())) {
            problems.push(format!(
                "`failures_as_status` is given {}, which is not the status of an error: from 400 to 599",
                status.as_u16()
            ));
        }
        if let Some(count) = self
            .http_threads
            .value()
            .filter(|count| **count > MAX_HTTP_THREADS)
        {
            problems.push(format!(
                "{count} threads for requests are more than the {MAX_HTTP_THREADS} that the server can have"
            ));
        }
    }
}
