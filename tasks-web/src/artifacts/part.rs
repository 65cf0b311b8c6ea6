//! What artifacts contribute to a service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tasks_runtime::ArtifactManager;
use tasks_runtime::artifacts::StoreReport;
use tokio_util::sync::CancellationToken;

use super::scope::ArtifactScope;
use super::store_probe::StoreProbe;
use crate::health_checks::{HealthChecks, HealthState};
use crate::hooks::Hook;
use crate::part::{Claim, Part};

/// The routes of artifacts, and the health of their content, which is looked after from the start on.
pub(crate) fn part(
    scope: &ArtifactScope,
    manager: &ArtifactManager,
    stopping: &CancellationToken,
) -> Part {
    let mismatch = StoreMismatch::default();
    let mut part = Part::new("artifacts")
        .claim(Claim::below(scope.prefix()))
        .link(scope.prefix(), "Artifacts")
        .provide(manager.clone());
    part.startup = Some(sweeping(manager, &mismatch, stopping));
    let checked = manager.clone();
    let probe = Arc::new(StoreProbe::new(manager.clone()));
    part.checks = HealthChecks::new().check("artifacts", move || {
        let state = if let Err(error) = checked.check_directory() {
            tracing::warn!(%error, "content of artifacts cannot be written");
            HealthState::Unhealthy(
                "the directory for the content of artifacts was removed, replaced or unmounted"
                    .to_owned(),
            )
        } else if mismatch.0.load(Ordering::Relaxed) {
            HealthState::Degraded(
                "content of artifacts is not in the content store: the log says what to do"
                    .to_owned(),
            )
        } else {
            HealthState::Healthy
        };
        let probe = Arc::clone(&probe);
        async move {
            if matches!(state, HealthState::Unhealthy(_)) {
                return state;
            }
            match probe.problem().await {
                Some(problem) => HealthState::Degraded(format!(
                    "the content store is away, so large content is neither read nor written: {problem}"
                )),
                None => state,
            }
        }
    });
    let part = part.describe(&scope.endpoints());
    let scope = scope.clone();
    part.routes(move |config| {
        config.service(scope.clone());
    })
}

/// Whether artifacts lack their content, as it was found when it was last looked at.
#[derive(Clone, Default)]
struct StoreMismatch(Arc<AtomicBool>);

/// Starts to look after the content of artifacts.
fn sweeping(
    manager: &ArtifactManager,
    mismatch: &StoreMismatch,
    stopping: &CancellationToken,
) -> Hook {
    let (manager, mismatch, stopping) = (manager.clone(), mismatch.clone(), stopping.clone());
    Hook::new(move || {
        // On the database's own threads: a worker's runtime is not there yet.
        let kept = keep_swept(manager.clone(), mismatch.clone(), stopping.clone());
        manager.database().spawn(kept);
        async { Ok::<(), std::convert::Infallible>(()) }
    })
}

/// Looks whether the content store is the one of the database, and sweeps it, now and every hour.
async fn keep_swept(
    manager: ArtifactManager,
    mismatch: StoreMismatch,
    stopping: CancellationToken,
) {
    const HOUR: Duration = Duration::from_secs(3600);
    let mut said = StoreReport::default();
    loop {
        match manager.check_store().await {
            Ok(report) => {
                mismatch
                    .0
                    .store(!report.errors.is_empty(), Ordering::Relaxed);
                if report != said {
                    for what in report.errors.iter().chain(&report.warnings) {
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
