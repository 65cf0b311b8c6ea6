//! Errors of jobs, as problems.

use actix_web::http::StatusCode;
use tasks_runtime::jobs::JobError;
use tasks_runtime::shared::JobErrorClass;

use crate::problem::Problem;

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        let detail = error.to_string();
        match JobErrorClass::of(error) {
            JobErrorClass::QueueNotFound => {
                Self::new(StatusCode::NOT_FOUND, "unknown-queue", detail)
            }
            JobErrorClass::WorkerNotFound => {
                Self::new(StatusCode::NOT_FOUND, "unknown-worker", detail)
            }
            JobErrorClass::StepNotFound => Self::new(StatusCode::NOT_FOUND, "unknown-step", detail),
            JobErrorClass::OperationNotFound => {
                Self::new(StatusCode::NOT_FOUND, "unknown-operation", detail)
            }
            JobErrorClass::GraphNotFound => {
                Self::new(StatusCode::NOT_FOUND, "unknown-graph", detail)
            }
            JobErrorClass::GraphNodeNotFound => {
                Self::new(StatusCode::NOT_FOUND, "unknown-node", detail)
            }
            JobErrorClass::GraphNotEnded => {
                Self::new(StatusCode::CONFLICT, "graph-running", detail)
            }
            JobErrorClass::TooManyOperations => {
                Self::new(StatusCode::CONFLICT, "too-many-operations", detail)
            }
            JobErrorClass::ScheduleNotFound => {
                Self::new(StatusCode::NOT_FOUND, "unknown-schedule", detail)
            }
            JobErrorClass::ScheduleExists => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                detail,
            ),
            JobErrorClass::JobNotFound => Self::new(StatusCode::NOT_FOUND, "unknown-job", detail),
            JobErrorClass::WrongState(status) => Self::wrong_state(status.as_str(), detail),
            JobErrorClass::Execute(error) => error.into(),
            JobErrorClass::Invalid(errors) => Self::invalid_body(errors),
            JobErrorClass::InvalidSchedule(source) => (*source).into(),
            JobErrorClass::TooManyEvents => {
                Self::new(StatusCode::CONFLICT, "too-many-events", detail)
            }
            JobErrorClass::Duplicate => Self::new(StatusCode::CONFLICT, "duplicate-job", detail),
            JobErrorClass::Stopping => Self::new(StatusCode::CONFLICT, "job-stopping", detail),
            JobErrorClass::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key", detail)
            }
            JobErrorClass::Undecryptable => {
                tracing::error!(error = %detail, "an encryption key is missing");
                Self::unavailable(
                    "an encryption key is missing: the job that has this idempotency key cannot be read",
                )
            }
            JobErrorClass::NotRunning => Self::unavailable("the jobs are not running"),
            JobErrorClass::Database(error) => error.into(),
            JobErrorClass::ProgrammingError => {
                tracing::error!(error = %detail, "a job could not be handled");
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
