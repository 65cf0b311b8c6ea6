//! What can be wrong with a job.

use std::fmt;
use std::time::Duration;

use crate::jobs::id::{GraphId, JobId, OperationId};
use crate::task::{Coded, CodedError, Reading};
use thiserror::Error;

use super::record::JobStatus;
use crate::arguments::{ArgumentError, InvalidArguments};
use crate::artifacts::ArtifactError;
use crate::call::ExecuteError;
use crate::database::DatabaseError;

fn one_per_line(errors: &[JobError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn in_words(errors: &[ArgumentError]) -> String {
    let words = |error: &ArgumentError| match error.pointer.as_str() {
        "" => error.detail.clone(),
        pointer => format!("{pointer}: {}", error.detail),
    };
    errors.iter().map(words).collect::<Vec<_>>().join("; ")
}

fn ended(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Canceled => "was canceled",
        status => status.as_str(),
    }
}

/// A message behind other words, if there is one.
fn after_colon(message: &str) -> String {
    if message.is_empty() {
        return String::new();
    }
    format!(": {message}")
}

/// What a call wanted of a job, in [`JobError::WrongState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobAction {
    /// Queue it again. Only a job that failed or was canceled can be retried.
    Retry,
    /// Run it again from one of its steps. Only a job that has ended can be forked.
    Fork,
    /// Send it an event. Only a job that is pending or running takes one.
    SendEvent,
    /// Read its result. Only a job that is completed or failed has one.
    ReadResult,
}

impl fmt::Display for JobAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retry => "only a job that failed or was canceled can be retried",
            Self::Fork => "only a job that has ended can be run again from a step",
            Self::SendEvent => "only a job that is pending or running takes events",
            Self::ReadResult => "it has no result",
        })
    }
}

/// Why a call about a job failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JobError {
    /// There is no such job, or not any more.
    #[error("there is no job {0}")]
    JobNotFound(JobId),
    /// The job is not in a state for that.
    #[error("job {id} is {status}: {action}")]
    WrongState {
        /// The job.
        id: JobId,
        /// Its current status.
        status: JobStatus,
        /// What the status does not allow.
        action: JobAction,
    },
    /// There is no queue of this name: no worker serves it, this process does not have it, and no job that has not ended is in it.
    #[error("there is no queue `{0}`: no worker serves it, and no job waits in it")]
    QueueNotFound(String),
    /// The job has no step of this name that is done, has failed or waits.
    #[error("job {id} has no step `{step}`")]
    StepNotFound {
        /// The job.
        id: JobId,
        /// The name, its beginning if it is long.
        step: String,
    },
    /// There is no worker of this id, or not any more.
    #[error("there is no worker `{0}`")]
    WorkerNotFound(String),
    /// There is no such operation on many jobs, or not any more.
    #[error("there is no operation {0}")]
    OperationNotFound(OperationId),
    /// So many operations on many jobs are not over that no other one is begun.
    #[error("20 operations are not over yet: wait for them, or cancel some")]
    TooManyOperations,
    /// There is no such graph, or not any more.
    #[error("there is no graph {0}")]
    GraphNotFound(GraphId),
    /// The graph has no node of this name.
    #[error("graph {id} has no node `{node}`")]
    GraphNodeNotFound {
        /// The graph.
        id: GraphId,
        /// The name, its beginning if it is long.
        node: String,
    },
    /// The graph has not ended, so it cannot be retried.
    #[error("graph {0} is running: only a graph that has ended can be retried")]
    GraphNotEnded(GraphId),
    /// The graph did not end within that time.
    #[error("graph {id} had not ended after {after:?}")]
    GraphTimeout {
        /// The graph.
        id: GraphId,
        /// How long was waited.
        after: Duration,
    },
    /// There is no schedule of this name.
    #[error("there is no schedule `{0}`")]
    ScheduleNotFound(String),
    /// There is a schedule of this name, and only a new one was to be made.
    #[error("there is a schedule `{0}` already")]
    ScheduleExists(String),
    /// The task is not known, or its parameters do not fit: nothing was stored.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// Options of a submission or of a schedule cannot be, each with its JSON pointer; parameters that do not fit are among them.
    #[error("{}", in_words(.0))]
    Invalid(Vec<ArgumentError>),
    /// A schedule that the code declares cannot be.
    #[error("the schedule `{name}`: {source}")]
    InvalidSchedule {
        /// Its name.
        name: String,
        /// Why not.
        source: Box<Self>,
    },
    /// Several schedules that the code declares cannot be: a [`Schedule`](Self::InvalidSchedule) for each.
    #[error("{}", one_per_line(.0))]
    InvalidSchedules(Vec<Self>),
    /// The key came before, for a call with other parameters, with another option of the submission, or from another caller.
    #[error(
        "the idempotency key `{key}` came before with other `{other}`, for job {id}: send the same again, or another key"
    )]
    #[non_exhaustive]
    KeyReused {
        /// The key.
        key: String,
        /// The job that has it.
        id: JobId,
        /// What was other: `parameters`, `caller`, or the name of an option.
        other: &'static str,
    },
    /// The key came before, from the same caller, for a graph with other nodes or parameters, or with another option.
    #[error(
        "the idempotency key `{key}` came before with other `{other}`, for graph {id}: send the same again, or another key"
    )]
    #[non_exhaustive]
    GraphKeyReused {
        /// The key.
        key: String,
        /// The graph that has it.
        id: GraphId,
        /// What was other: `nodes`, `parameters`, `description` or `deadline`.
        other: &'static str,
    },
    /// The parameters of a job that was submitted before cannot be compared with these: the key that they were encrypted with is missing.
    #[error("the job that has this idempotency key cannot be compared: {0}")]
    Undecryptable(String),
    /// The task runs once at a time with the same parameters, and another job with them waits or runs.
    #[error(
        "job {id} cannot be queued again: job {other} has the same parameters, of which the task allows one at a time"
    )]
    Duplicate {
        /// The job that was to be queued.
        id: JobId,
        /// The one that is there.
        other: JobId,
    },
    /// The job that has the same parameters, or the same idempotency key, was canceled or deleted, and its code has not returned yet: it will not do
    /// what is submitted, and nothing else may run beside it. Nothing was stored: submit again when it has ended.
    #[error(
        "job {0}, which this would be the same as, was canceled and has not ended yet: nothing was stored, submit again when it has ended"
    )]
    Stopping(JobId),
    /// The job did not end within that time.
    #[error("job {id} had not ended after {after:?}")]
    Timeout {
        /// The job.
        id: JobId,
        /// How long was waited.
        after: Duration,
    },
    /// The result given to [`TaskContext::complete`](crate::TaskContext::complete) does not serialize to JSON.
    #[error("the result of job {id} cannot be written as JSON: {source}")]
    UnserializableResult {
        /// The job.
        id: JobId,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The result given to [`TaskContext::complete`](crate::TaskContext::complete) is larger than
    /// [`Jobs::max_result_size`](crate::jobs::Jobs::max_result_size) allows.
    #[error(
        "the result of job {id} has {bytes} bytes, and {max} are allowed: store it as an artifact and return its id, or set `Jobs::max_result_size`"
    )]
    ResultTooLarge {
        /// The job.
        id: JobId,
        /// How large the result is, as JSON.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// The result is not of the type that was asked for.
    #[error("the result of job {id} is of another type: {source}")]
    UnexpectedResult {
        /// The job.
        id: JobId,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The job has no result: it failed or was canceled.
    #[error("job {id} {}{}", ended(*.status), after_colon(.message))]
    Unsuccessful {
        /// The job.
        id: JobId,
        /// Status that it ended in.
        status: JobStatus,
        /// Code of the failure, if it has one.
        code: Option<String>,
        /// Message of the failure.
        message: String,
    },
    /// This attempt does not count any more: it was ended, by its timeout for example, or the job was given to another worker.
    #[error(
        "this attempt of job {0} does not count any more: it was ended, or the job was given to another worker"
    )]
    Superseded(JobId),
    /// This attempt has completed its job before.
    #[error("this attempt has completed job {0} already: call `complete` once")]
    AlreadyCompleted(JobId),
    /// The name of a step cannot be one.
    #[error("`{name}` cannot be the name of a step: {reason}")]
    InvalidStepName {
        /// The name, its beginning if it is long.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A job that the code of another one has submitted, and waits for, was deleted.
    #[error(
        "job {id} was deleted, which is the child `{step}`: fork the parent from this step to submit another one"
    )]
    #[non_exhaustive]
    ChildNotFound {
        /// The child.
        id: JobId,
        /// Name of the step.
        step: String,
    },
    /// A job was to wait for itself: its task runs once at a time with the same parameters, and so the job that was to be submitted is the job itself.
    #[error(
        "the child `{step}` of job {id} would be that job itself, which runs once at a time with its parameters or has this idempotency key: give the child other ones"
    )]
    #[non_exhaustive]
    OwnChild {
        /// The job.
        id: JobId,
        /// Name of the step.
        step: String,
    },
    /// A step began inside of another one: it would be done again whenever that one is.
    #[error(
        "the step `{step}` began inside of the step `{outer}`: begin it after that one, or beside it"
    )]
    NestedStep {
        /// The step.
        step: String,
        /// The one that it is in.
        outer: String,
    },
    /// A job has more steps than [`MAX_STEPS`](crate::jobs::MAX_STEPS), or longer results than [`MAX_STEPS_BYTES`](crate::jobs::MAX_STEPS_BYTES).
    #[error(
        "job {0} has more than {max} steps, or their results have more than {bytes} bytes: let jobs of their own do a part of them",
        max = crate::jobs::MAX_STEPS,
        bytes = crate::jobs::MAX_STEPS_BYTES
    )]
    TooManySteps(JobId),
    /// The result of a step does not serialize to JSON.
    #[error("the result of the step `{step}` of job {id} cannot be written as JSON: {source}")]
    UnserializableStepResult {
        /// The job.
        id: JobId,
        /// The step.
        step: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The result of a step is longer than [`MAX_STEP_RESULT`](crate::jobs::MAX_STEP_RESULT).
    #[error(
        "the result of the step `{step}` of job {id} has {bytes} bytes, and {max} are allowed: store it as an artifact and return its id",
        max = crate::jobs::MAX_STEP_RESULT
    )]
    StepResultTooLarge {
        /// The job.
        id: JobId,
        /// The step.
        step: String,
        /// How large the result is, as JSON.
        bytes: usize,
    },
    /// What is stored of a step, or was sent as an event, is not of the type that is asked for: the type has changed since, or the sender means another.
    #[error("what is stored of the step `{step}` of job {id} is of another type: {source}")]
    UnexpectedStepResult {
        /// The job.
        id: JobId,
        /// The step.
        step: String,
        /// What serde says.
        source: serde_json::Error,
    },
    /// A task waits for an event that it does not declare: nobody could send it.
    #[error(
        "task `{task}` waits for the event `{event}`, which its `#[task(events(…))]` does not have: add it there"
    )]
    UndeclaredEvent {
        /// The task.
        task: String,
        /// Name of the event.
        event: String,
    },
    /// The event that a job waited for is not of the type that it waited for. A job that is retried by hand waits again.
    #[error("the event `{event}` for job {id} is of another type: {reason}")]
    UnexpectedEvent {
        /// The job.
        id: JobId,
        /// Name of the event.
        event: String,
        /// What serde says.
        reason: String,
    },
    /// The event that a job waited for did not come in time.
    #[error("the event `{event}` for job {id} did not come in time")]
    EventMissed {
        /// The job.
        id: JobId,
        /// Name of the event.
        event: String,
    },
    /// [`MAX_EVENTS`](crate::jobs::MAX_EVENTS) events wait for the job.
    #[error(
        "{max} events wait for job {0} already: it takes one with each `wait_for`",
        max = crate::jobs::MAX_EVENTS
    )]
    TooManyEvents(JobId),
    /// What was called works inside of a job alone.
    #[error("this is not the attempt of a job")]
    NotAJob,
    /// The scheduler has not started yet, was shut down, or has no workers in this process.
    #[error(
        "this process runs no jobs: it has not started them, has shut them down, or is one without workers (`Jobs::run_workers`)"
    )]
    NotRunning,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for JobError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<JobError> for DatabaseError {
    /// So that a transaction whose errors are those of the database may submit jobs.
    fn from(error: JobError) -> Self {
        match error {
            JobError::Database(error) => error,
            other => Self::Closure(Box::new(other)),
        }
    }
}

impl From<JobError> for ArtifactError {
    fn from(error: JobError) -> Self {
        Self::Database(error.into())
    }
}

impl JobError {
    /// One option that cannot be.
    pub(in crate::jobs) fn option(pointer: &str, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![ArgumentError::new(pointer.to_owned(), reason.into())])
    }
}

/// What is wrong with a submission or a schedule, all of it.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct ValidationErrors(Vec<ArgumentError>);

impl ValidationErrors {
    pub(in crate::jobs) fn push(&mut self, pointer: &str, reason: impl Into<String>) {
        self.0
            .push(ArgumentError::new(pointer.to_owned(), reason.into()));
    }

    pub(in crate::jobs) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::jobs) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::jobs) fn into_iter(self) -> impl Iterator<Item = ArgumentError> {
        self.0.into_iter()
    }

    /// All of it, as one error.
    pub(in crate::jobs) fn into_error(self) -> JobError {
        JobError::Invalid(self.0)
    }

    pub(in crate::jobs) fn extend(&mut self, errors: impl IntoIterator<Item = ArgumentError>) {
        self.0.extend(errors);
    }

    /// What was made, if it could be made. An error of another kind is one at once.
    pub(in crate::jobs) fn take<T>(
        &mut self,
        made: Result<T, JobError>,
    ) -> Result<Option<T>, JobError> {
        match made {
            Ok(made) => Ok(Some(made)),
            Err(JobError::Invalid(errors)) => {
                self.extend(errors);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What a call has come to, if nothing is wrong at all. Its parameters are reported together with the rest.
    pub(in crate::jobs) fn finish<T>(mut self, call: Result<T, JobError>) -> Result<T, JobError> {
        match call {
            call if self.0.is_empty() => call,
            Err(JobError::Execute(ExecuteError::InvalidArguments {
                reason: InvalidArguments::Mismatch(errors),
                ..
            })) => {
                self.extend(errors);
                Err(JobError::Invalid(self.0))
            }
            Err(error) => Err(error),
            Ok(_) => Err(JobError::Invalid(self.0)),
        }
    }
}

// A task that waits for another job, and fails as that has, has its code.
inventory::submit! {
    CodedError::of_failures::<JobError>(|error| {
        let JobError::Unsuccessful { code, .. } = error.downcast_ref()? else {
            return None;
        };
        Some(Reading::Failed(Coded::passed_on(code.as_deref()), false))
    })
}
