//! What jobs contribute to a service.

use std::sync::Arc;

use tasks_runtime::TaskExecutor;
use tasks_runtime::jobs::{Schedule, Scheduler};

use super::scope::JobScope;
use crate::health_checks::{HealthChecks, HealthState};
use crate::hooks::Hook;
use crate::part::{Claim, Part};

/// The routes of jobs, their health, and their end.
pub(crate) fn part(scope: &JobScope, scheduler: &Scheduler) -> Part {
    let (checked, drained, ended) = (scheduler.clone(), scheduler.clone(), scheduler.clone());
    let mut part = Part::new("jobs")
        .claim(Claim::below(scope.prefix()))
        .link(scope.prefix(), "Jobs")
        .provide(scheduler.clone());
    part.checks = HealthChecks::new().check("jobs", move || {
        let state = match (checked.check(), checked.warnings()) {
            (Err(reason), _) => HealthState::Unhealthy(reason),
            (Ok(()), warnings) if warnings.is_empty() => HealthState::Healthy,
            (Ok(()), warnings) => HealthState::Degraded(warnings.join("; ")),
        };
        async move { state }
    });
    let waited_for = scheduler.clone();
    part.stop_waiting = Some(Arc::new(move || waited_for.stop_waiting()));
    part.drain = Some(
        Hook::new(move || {
            let scheduler = drained.clone();
            async move {
                scheduler.drain().await;
                Ok::<(), std::convert::Infallible>(())
            }
        })
        .within(scheduler.max_drain_time()),
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
    if let Some(graphs) = scope.graphs_prefix() {
        part = part.claim(Claim::below(graphs)).link(graphs, "Graphs");
    }
    let part = scope.endpoints().iter().fold(part, Part::describe);
    let scope = scope.clone();
    part.routes(move |config| {
        config.service(scope.clone());
    })
}

/// Schedules that the code declares.
pub(crate) type Declare = Arc<dyn Fn(&Scheduler) -> Vec<Schedule> + Send + Sync>;

/// Stores the schedules that the service declares, and starts the workers.
pub(crate) fn starting(
    scheduler: &Scheduler,
    executor: &TaskExecutor,
    owner: &str,
    schedules: Vec<Declare>,
) -> Hook {
    let (scheduler, executor, owner) = (scheduler.clone(), executor.clone(), owner.to_owned());
    Hook::new(move || {
        let declares = !schedules.is_empty();
        let declared = schedules.iter().flat_map(|declare| declare(&scheduler));
        let declared = declares.then(|| declared.collect::<Vec<Schedule>>());
        let (scheduler, executor, owner) = (scheduler.clone(), executor.clone(), owner.clone());
        async move {
            match scheduler.declare_at_start(&owner, declared).await {
                Err(error) if !declares => {
                    // It is served without; the next start removes them, or not.
                    tracing::warn!(
                        %error,
                        "schedules that an earlier version of the service declared are not removed"
                    );
                }
                result => result?,
            }
            scheduler.start(&executor)
        }
    })
}
