//! Where the parts of a service are.

use super::draft::Problems;
use super::setting::Setting;

/// Where the parts are.
pub(super) struct Paths {
    pub(super) tasks: Setting<String>,
    pub(super) info: Setting<String>,
    pub(super) health: Setting<String>,
    pub(super) system: Setting<String>,
    pub(super) metrics: Setting<String>,
    pub(super) keys: Setting<String>,
    pub(super) mcp: Setting<String>,
    #[cfg(feature = "dashboard")]
    pub(super) dashboard: Setting<String>,
    #[cfg(feature = "database")]
    pub(super) artifacts: Setting<String>,
    #[cfg(feature = "database")]
    pub(super) jobs: Setting<String>,
    #[cfg(feature = "database")]
    pub(super) schedules: Setting<String>,
    #[cfg(feature = "database")]
    pub(super) graphs: Setting<String>,
    #[cfg(feature = "database")]
    pub(super) audit_log: Setting<String>,
}

/// The same with the defaults, and without slashes at their ends.
pub(super) struct ResolvedPaths {
    pub(super) tasks: String,
    pub(super) info: String,
    pub(super) health: String,
    pub(super) system: String,
    pub(super) metrics: String,
    pub(super) keys: String,
    pub(super) mcp: String,
    #[cfg(feature = "dashboard")]
    pub(super) dashboard: String,
    #[cfg(feature = "database")]
    pub(super) artifacts: String,
    #[cfg(feature = "database")]
    pub(super) jobs: String,
    #[cfg(feature = "database")]
    pub(super) schedules: String,
    #[cfg(feature = "database")]
    pub(super) graphs: String,
    #[cfg(feature = "database")]
    pub(super) audit_log: String,
}

impl Paths {
    pub(super) fn new() -> Self {
        Self {
            tasks: Setting::new("tasks_at"),
            info: Setting::new("info_at"),
            health: Setting::new("health_at"),
            system: Setting::new("system_at"),
            metrics: Setting::new("metrics_at"),
            keys: Setting::new("keys_at"),
            mcp: Setting::new("mcp_at"),
            #[cfg(feature = "dashboard")]
            dashboard: Setting::new("dashboard_at"),
            #[cfg(feature = "database")]
            artifacts: Setting::new("artifacts_at"),
            #[cfg(feature = "database")]
            jobs: Setting::new("jobs_at"),
            #[cfg(feature = "database")]
            schedules: Setting::new("schedules_at"),
            #[cfg(feature = "database")]
            graphs: Setting::new("graphs_at"),
            #[cfg(feature = "database")]
            audit_log: Setting::new("audit_log_at"),
        }
    }

    /// Reads each, and says which are not well-formed.
    pub(super) fn resolve(self, problems: &mut Problems) -> ResolvedPaths {
        ResolvedPaths {
            tasks: path(self.tasks, "/api/v1/tasks", problems),
            info: path(self.info, "/api/v1/info", problems),
            health: path(self.health, "/health", problems),
            system: path(self.system, "/api/v1/system", problems),
            metrics: path(self.metrics, "/metrics", problems),
            keys: path(self.keys, "/api/v1/keys", problems),
            mcp: path(self.mcp, "/mcp", problems),
            #[cfg(feature = "dashboard")]
            dashboard: path(self.dashboard, "/dashboard", problems),
            #[cfg(feature = "database")]
            artifacts: path(self.artifacts, "/api/v1/artifacts", problems),
            #[cfg(feature = "database")]
            jobs: path(self.jobs, "/api/v1/jobs", problems),
            #[cfg(feature = "database")]
            schedules: path(self.schedules, "/api/v1/schedules", problems),
            #[cfg(feature = "database")]
            graphs: path(self.graphs, "/api/v1/graphs", problems),
            #[cfg(feature = "database")]
            audit_log: path(self.audit_log, "/api/v1/audit-log", problems),
        }
    }
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
