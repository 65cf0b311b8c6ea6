//! Runs the checks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::health_checks::{Check, HealthChecks, HealthState};
use crate::open_files;

/// How long an answer is good for others who ask: a flood of questions is one look now and then.
const MAX_AGE: Duration = Duration::from_millis(200);

/// How well something is, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Healthy,
    Degraded,
    Unhealthy,
}

/// The health of the service, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub(crate) struct Report {
    /// Status of the worst check.
    pub(crate) status: Status,
    /// Each check by its name.
    pub(crate) checks: BTreeMap<String, CheckReport>,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "HealthCheck")]
pub(crate) struct CheckReport {
    state: Status,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// The checks of a service, of which one run at a time is under way.
pub(crate) struct Health {
    checks: Vec<Check>,
    /// The runs that are under way, of each check.
    running: Vec<Mutex<Option<JoinHandle<HealthState>>>>,
    latest: Mutex<Option<(Instant, Arc<Report>)>>,
}

impl Health {
    pub(crate) fn new(checks: HealthChecks) -> Self {
        Self {
            running: checks.0.iter().map(|_| Mutex::default()).collect(),
            checks: checks.0,
            latest: Mutex::new(None),
        }
    }

    /// The state now, or that of a moment ago. Who asks while somebody else looks gets what that one finds.
    pub(crate) async fn report(&self) -> Arc<Report> {
        let mut latest = self.latest.lock().await;
        if let Some((at, report)) = &*latest
            && at.elapsed() < MAX_AGE
        {
            return Arc::clone(report);
        }
        let looks = self.checks.iter().enumerate();
        let checked = join_all(looks.map(|(index, check)| self.look(index, check))).await;
        let mut checks: BTreeMap<String, CheckReport> = checked.into_iter().collect();
        if let Some(message) = open_files::shortage() {
            let report = CheckReport {
                state: Status::Degraded,
                message: Some(message),
            };
            checks.entry("open_files".to_owned()).or_insert(report);
        }
        let worst = checks.values().map(|check| check.state).max();
        let report = Arc::new(Report {
            status: worst.unwrap_or(Status::Healthy),
            checks,
        });
        *latest = Some((Instant::now(), Arc::clone(&report)));
        report
    }
}

impl Health {
    /// Runs a check on a thread of its own, which it may block, for as long as it may take.
    async fn look(&self, index: usize, check: &Check) -> (String, CheckReport) {
        let mut running = self.running[index].lock().await;
        // One that has not ended is not begun again: it would hold another thread.
        let handle = running.get_or_insert_with(|| {
            let run = Arc::clone(&check.run);
            let runtime = Handle::current();
            tokio::task::spawn_blocking(move || runtime.block_on(run()))
        });
        let ended = tokio::time::timeout(check.timeout, handle).await;
        let state = match ended {
            Ok(ended) => {
                *running = None;
                ended.unwrap_or_else(|_| HealthState::Unhealthy("the check panicked".to_owned()))
            }
            Err(_) => HealthState::Unhealthy(format!("no answer within {:?}", check.timeout)),
        };
        let (state, message) = match state {
            HealthState::Healthy => (Status::Healthy, None),
            HealthState::Degraded(message) => (Status::Degraded, Some(message)),
            HealthState::Unhealthy(message) => (Status::Unhealthy, Some(message)),
        };
        (check.name.clone(), CheckReport { state, message })
    }
}
