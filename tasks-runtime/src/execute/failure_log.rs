//! What the log says of executions that failed: one event each.

use crate::call::ExecuteError;
use crate::registry::RegisteredTask;
use crate::task::{Caller, FailureKind, TaskFailure};

/// How much of a message is logged, in bytes.
const MAX_LENGTH: usize = 2048;

/// The beginning of a text that may be long.
fn clip(text: &str) -> &str {
    if text.len() <= MAX_LENGTH {
        return text;
    }
    let end = (0..=MAX_LENGTH)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// What is logged of an error of a task: a task with secret parameters may quote one.
pub(crate) fn loggable(message: &str, has_secrets: bool) -> &str {
    if has_secrets {
        "(not shown: the task has secret parameters)"
    } else {
        clip(message)
    }
}

/// A task that was executed has failed.
#[cold]
pub(super) fn failed(entry: &RegisteredTask, caller: &Caller, failure: &TaskFailure) {
    let (task, request_id) = (entry.name(), caller.request_id());
    let error = loggable(&failure.message, entry.has_secrets());
    let error_location = failure.location.as_deref();
    if failure.kind == FailureKind::Panic {
        tracing::error!(task, request_id, error, error_location, "a task panicked");
    } else {
        let (error_type, error_code) = (failure.r#type.as_str(), failure.code.as_deref());
        tracing::warn!(
            task,
            request_id,
            error_type,
            error_code,
            error,
            error_location,
            "a task failed"
        );
    }
}

/// Code that runs before the task panicked. Other refusals are the caller's to know.
#[cold]
pub(super) fn not_run(entry: &RegisteredTask, caller: &Caller, refused: &ExecuteError) {
    if let ExecuteError::Panicked { message, .. } = refused {
        let (task, request_id) = (entry.name(), caller.request_id());
        tracing::error!(
            task,
            request_id,
            error = clip(message),
            "what comes before a task panicked"
        );
    }
}
