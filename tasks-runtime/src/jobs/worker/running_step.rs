//! Whose code is polled: that of a step, and of which.

use crate::jobs::error::JobError;
use crate::jobs::step_name::StepName;

tokio::task_local! {
    /// The step whose code is polled.
    pub(super) static RUNNING_STEP: String;
}

/// The name of the step whose code this is.
pub(super) fn running_step() -> Option<String> {
    RUNNING_STEP.try_with(Clone::clone).ok()
}

/// A step inside of another one would be done again whenever that one is.
pub(super) fn check_not_nested(name: &StepName) -> Result<(), JobError> {
    match running_step() {
        Some(outer) => Err(JobError::NestedStep {
            step: name.to_string(),
            outer,
        }),
        None => Ok(()),
    }
}
