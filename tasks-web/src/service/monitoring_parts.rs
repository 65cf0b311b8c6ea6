//! What those who run a service look at: its health, its metrics, and what it runs on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::Draft;
use super::paths::ResolvedPaths;
use crate::health::{self, Health};
use crate::health_checks::HealthChecks;
use crate::monitoring::{self, Recorder};
use crate::part::Part;
use crate::service_info::ServiceInfo;
use crate::system;

/// What is asked for of it.
pub(super) struct MonitoringConfig<'a> {
    pub(super) paths: &'a ResolvedPaths,
    pub(super) health: bool,
    /// The checks of the application.
    pub(super) checks: HealthChecks,
    /// Where metrics are kept, if there are any.
    pub(super) recorder: Option<Recorder>,
    /// The service, if it says what it runs on.
    pub(super) system: Option<&'a ServiceInfo>,
    /// Whether there are documents of the tasks, a dashboard, and keys.
    pub(super) docs: bool,
    pub(super) dashboard: bool,
    pub(super) keys: bool,
}

impl MonitoringConfig<'_> {
    /// Adds it to a service of which all other parts are there. Returns the path of the metrics, if there are any.
    pub(super) fn add_to(self, draft: &mut Draft) -> Option<String> {
        let mut checks = self.checks;
        for part in &mut draft.parts {
            checks.extend(std::mem::take(&mut part.checks));
        }
        checks.check_names(&mut draft.problems);
        if self.health {
            let health = Arc::new(Health::new(checks));
            let (streams, stopping) = (draft.streams.clone(), draft.stopping.clone());
            draft.add(health::part(&self.paths.health, health, streams, stopping));
        }
        let metrics_at = self.recorder.map(|recorder| {
            let (path, on_scrape) = (&self.paths.metrics, std::mem::take(&mut draft.on_scrape));
            draft.add(monitoring::part(path, recorder, on_scrape));
            path.clone()
        });
        if let Some(info) = self.system {
            let mut capabilities = capabilities(&draft.parts, self.docs, self.keys);
            capabilities.insert("dashboard", self.dashboard);
            draft.add(system::part(
                &self.paths.system,
                &info.version,
                capabilities,
            ));
        }
        metrics_at
    }
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
