//! The executor of a service, and what it is not given.

use tasks_runtime::{BuildError, TaskExecutor, TaskRegistry};

use super::draft::{Prepare, Problems};
use super::setting::Setting;

/// The tasks that were named, or all that are linked.
pub(super) fn registry(
    setting: Setting<TaskRegistry>,
    problems: &mut Problems,
) -> Option<TaskRegistry> {
    setting.take(problems).or_else(|| {
        TaskRegistry::discover()
            .map_err(|error| problems.extend(lines(&error)))
            .ok()
    })
}

/// Makes the executor. What it is not given is said with what to do about it.
pub(super) fn executor(
    registry: TaskRegistry,
    monitored: bool,
    prepare: Vec<Prepare>,
    not_made: &[&'static str],
    problems: &mut Problems,
) -> Option<TaskExecutor> {
    let mut builder = TaskExecutor::builder(registry);
    if monitored {
        builder = builder.record_metrics();
    }
    let builder = prepare
        .into_iter()
        .fold(builder, |builder, set| set(builder));
    builder
        .build()
        .map_err(|error| problems.extend(missing(&error, not_made)))
        .ok()
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
        .chain(error.unknown_limits().iter().map(ToString::to_string))
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

/// The lines of an error that has several.
fn lines(error: &impl std::fmt::Display) -> Vec<String> {
    error.to_string().lines().map(str::to_owned).collect()
}
