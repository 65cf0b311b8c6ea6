//! Kinds of errors, for those who must not miss one.

use super::error::JobError;
use super::record::JobStatus;
use crate::arguments::ArgumentError;
use crate::call::ExecuteError;
use crate::database::DatabaseError;

/// What a caller from outside can do about a [`JobError`]. Unlike that one it is matched without a last arm for all others, so whoever adds a
/// kind of error here decides what is answered.
#[derive(Debug)]
pub enum JobErrorClass {
    /// There is no such job.
    JobNotFound,
    /// There is no such queue.
    QueueNotFound,
    /// There is no such worker.
    WorkerNotFound,
    /// The job has no such step.
    StepNotFound,
    /// There is no such operation.
    OperationNotFound,
    /// Too many operations are not over.
    TooManyOperations,
    /// There is no such graph.
    GraphNotFound,
    /// The graph has no such node.
    GraphNodeNotFound,
    /// The graph has not ended.
    GraphNotEnded,
    /// There is no such schedule.
    ScheduleNotFound,
    /// There is a schedule of the name, and only a new one was to be made.
    ScheduleExists,
    /// The job is in a state that does not allow it.
    WrongState(JobStatus),
    /// The task is not known, or cannot be called like this.
    Execute(ExecuteError),
    /// Options cannot be.
    Invalid(Vec<ArgumentError>),
    /// One schedule cannot be, for this reason.
    InvalidSchedule(Box<JobError>),
    /// Too many events wait for the job.
    TooManyEvents,
    /// Another job with the same parameters waits or runs.
    Duplicate,
    /// A job that is the same is being canceled.
    Stopping,
    /// The idempotency key came before with something else.
    KeyReused,
    /// An encryption key is missing.
    Undecryptable,
    /// This process runs no jobs.
    NotRunning,
    /// The database failed.
    Database(DatabaseError),
    /// An error of the code that calls, which no request leads to.
    ProgrammingError,
}

impl JobErrorClass {
    /// The kind of an error.
    #[must_use]
    pub fn of(error: JobError) -> Self {
        match error {
            JobError::JobNotFound(_) => Self::JobNotFound,
            JobError::QueueNotFound(_) => Self::QueueNotFound,
            JobError::WorkerNotFound(_) => Self::WorkerNotFound,
            JobError::StepNotFound { .. } => Self::StepNotFound,
            JobError::OperationNotFound(_) => Self::OperationNotFound,
            JobError::TooManyOperations => Self::TooManyOperations,
            JobError::GraphNotFound(_) => Self::GraphNotFound,
            JobError::GraphNodeNotFound { .. } => Self::GraphNodeNotFound,
            JobError::GraphNotEnded(_) => Self::GraphNotEnded,
            JobError::ScheduleNotFound(_) => Self::ScheduleNotFound,
            JobError::ScheduleExists(_) => Self::ScheduleExists,
            JobError::WrongState { status, .. } | JobError::Unsuccessful { status, .. } => {
                Self::WrongState(status)
            }
            JobError::Execute(error) => Self::Execute(error),
            JobError::Invalid(errors) => Self::Invalid(errors),
            JobError::InvalidSchedule { source, .. } => Self::InvalidSchedule(source),
            JobError::TooManyEvents(_) => Self::TooManyEvents,
            JobError::Duplicate { .. } => Self::Duplicate,
            JobError::Stopping(_) => Self::Stopping,
            JobError::KeyReused { .. } | JobError::GraphKeyReused { .. } => Self::KeyReused,
            JobError::Undecryptable(_) => Self::Undecryptable,
            JobError::NotRunning => Self::NotRunning,
            JobError::Database(error) => Self::Database(error),
            // Of declarations, of waiting, and of what a task does with its own job.
            JobError::InvalidSchedules(_)
            | JobError::Timeout { .. }
            | JobError::GraphTimeout { .. }
            | JobError::UnserializableResult { .. }
            | JobError::ResultTooLarge { .. }
            | JobError::UnexpectedResult { .. }
            | JobError::Superseded(_)
            | JobError::AlreadyCompleted(_)
            | JobError::InvalidStepName { .. }
            | JobError::NestedStep { .. }
            | JobError::OwnChild { .. }
            | JobError::ChildNotFound { .. }
            | JobError::TooManySteps(_)
            | JobError::UnserializableStepResult { .. }
            | JobError::StepResultTooLarge { .. }
            | JobError::UndeclaredEvent { .. }
            | JobError::UnexpectedStepResult { .. }
            | JobError::UnexpectedEvent { .. }
            | JobError::EventMissed { .. }
            | JobError::NotAJob => Self::ProgrammingError,
        }
    }
}
