//! Errors of jobs, as problems.

use actix_web::http::StatusCode;
use tasks_runtime::jobs::JobError;

use crate::problem::Problem;

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        let detail = error.to_string();
        match error {
            JobError::ScheduleNotFound(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown-schedule", detail)
            }
            JobError::ScheduleExists(_) => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                detail,
            ),
            JobError::JobNotFound(_) => Self::new(StatusCode::NOT_FOUND, "unknown-job", detail),
            JobError::WrongState { status, .. } | JobError::Unsuccessful { status, .. } => {
                Self::wrong_state(status.as_str(), detail)
            }
            JobError::Call(error) => error.into(),
            JobError::Invalid(errors) => Self::invalid_body(errors),
            JobError::Schedule { source, .. } => (*source).into(),
            JobError::Duplicate { .. } => Self::new(StatusCode::CONFLICT, "duplicate-job", detail),
            JobError::KeyReused { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key", detail)
            }
            JobError::Undecryptable(_) => {
                tracing::error!(error = %detail, "an encryption key is missing");
                Self::unavailable(
                    "an encryption key is missing: the job that has this idempotency key cannot be read",
                )
            }
            JobError::NotRunning => Self::unavailable("the jobs are not running"),
            JobError::Database(error) => error.into(),
            error => {
                tracing::error!(%error, "a job could not be handled");
                Self::internal()
            }
        }
    }
}

impl Problem {
    /// What was asked cannot be done with a job that is like this.
    fn wrong_state(status: &str, detail: String) -> Self {
        let mut problem = Self::new(StatusCode::CONFLICT, "wrong-state", detail);
        problem.job_status = Some(status.into());
        problem
    }
}
