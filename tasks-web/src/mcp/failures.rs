//! Errors of what the server calls, as errors of the protocol.

use tasks_runtime::{ArgumentError, ExecuteError, InvalidArguments};

/// What is wrong with arguments, where that is why a task did not run.
pub(super) fn argument_errors(error: &ExecuteError) -> Option<&[ArgumentError]> {
    match error {
        ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        } => Some(errors),
        _ => None,
    }
}

/// An error of artifacts that is not the client's.
#[cfg(feature = "database")]
pub(super) fn artifact_failed(error: tasks_runtime::ArtifactError) -> super::error::McpError {
    let problem = crate::problem::Problem::from(error);
    super::error::McpError::new(super::error::ErrorCode::Internal, problem.detail)
}
