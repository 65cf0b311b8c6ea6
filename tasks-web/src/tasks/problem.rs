//! Errors of executions, as problems.

use std::time::Duration;

use actix_web::http::StatusCode;
use tasks_runtime::{ExecuteError, InvalidArguments, Refusal, TaskFailure};

use crate::problem::{Problem, capped};

impl Problem {
    /// The task ran, and failed.
    pub(super) fn task_failed(task: &str, failure: TaskFailure, usual: StatusCode) -> Self {
        let own = failure.status().map(StatusCode::from_u16);
        let status = own.and_then(Result::ok).unwrap_or(usual);
        let detail = format!("task `{task}` failed: {}", failure.message);
        let mut problem = Self::new(status, "task-failed", detail);
        if let Some(time) = failure.retry_after() {
            // In whole seconds, and not too early.
            let whole = time
                .as_secs()
                .saturating_add(u64::from(time.subsec_nanos() > 0));
            problem = problem.retry_after(Duration::from_secs(whole));
        }
        problem.error = Some(Box::new(failure));
        problem
    }
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        /// A client that was refused for want of a place may try again after this long.
        const AGAIN: Duration = Duration::from_secs(1);
        let detail = error.to_string();
        match error {
            ExecuteError::UnknownTask { nearest, .. } => {
                let mut problem = Self::new(StatusCode::NOT_FOUND, "unknown-task", detail);
                problem.nearest = nearest;
                problem
            }
            ExecuteError::InvalidArguments {
                reason: InvalidArguments::Mismatch(errors),
                task,
            } => {
                let errors = capped(errors);
                let detail = match errors.as_slice() {
                    [error] => format!(
                        "task `{task}`: {}: {}",
                        if error.pointer.is_empty() {
                            "the body"
                        } else {
                            &error.pointer
                        },
                        error.detail
                    ),
                    errors => format!(
                        "task `{task}`: {} things are wrong with the arguments",
                        errors.len()
                    ),
                };
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "invalid-arguments",
                    detail,
                )
                .with_errors(errors)
            }
            ExecuteError::InvalidArguments { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "malformed-json", detail)
            }
            ExecuteError::Unavailable { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "dependency-unavailable",
                detail,
            )
            .retry_after(AGAIN),
            ExecuteError::Refused {
                refusal: Refusal::TaskLimit,
                ..
            } => Self::new(StatusCode::TOO_MANY_REQUESTS, "task-busy", detail).retry_after(AGAIN),
            ExecuteError::Refused { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "server-busy", detail).retry_after(AGAIN)
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail),
        }
    }
}
