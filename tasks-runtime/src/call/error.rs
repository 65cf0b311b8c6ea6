//! Why an execution did not even begin, or how it failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::arguments::InvalidArguments;
use crate::task::{CodedError, Reading, TaskFailure};

/// Why there is no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExecuteError {
    /// No task of this name is registered.
    UnknownTask {
        /// The name asked for.
        name: String,
        /// Names that resemble it, the closest first.
        nearest: Vec<String>,
        /// How many tasks are registered.
        registered: usize,
    },
    /// The arguments do not fit the task.
    InvalidArguments {
        /// The task.
        task: String,
        /// All that is wrong.
        reason: InvalidArguments,
    },
    /// An injected parameter has no value now.
    Unavailable {
        /// The task.
        task: String,
        /// The parameter.
        parameter: String,
        /// Its type as written.
        annotation: String,
        /// Why there is none.
        reason: String,
    },
    /// A limit was reached, and the wait for a free place was too long.
    Refused {
        /// The task.
        task: String,
        /// Which limit.
        refusal: Refusal,
        /// How long it waited.
        waited: Duration,
    },
    /// Code that runs before the task panicked: a default's expression, `Deserialize`, a rule of `validate` or `Injectable`.
    Panicked {
        /// The task.
        task: String,
        /// The panic's message.
        message: String,
    },
    /// The task ran and failed.
    Failed(Box<TaskFailure>),
    /// The task ran, and its result is not of the type asked for.
    UnexpectedResult {
        /// The task.
        task: String,
        /// How the result differs.
        source: serde_json::Error,
    },
}

/// Which limit refused an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The task's own: [`ExecutorBuilder::task_max_concurrency`](crate::ExecutorBuilder::task_max_concurrency).
    TaskLimit,
    /// The executor's: [`ExecutorBuilder::max_concurrency`](crate::ExecutorBuilder::max_concurrency).
    ServerLimit,
    /// All threads for sync tasks are busy: [`ExecutorBuilder::blocking_threads`](crate::ExecutorBuilder::blocking_threads).
    BlockingThreads,
}

impl fmt::Display for ExecuteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTask {
                name,
                nearest,
                registered,
            } => {
                write!(f, "no task is named `{name}`")?;
                match nearest.split_first() {
                    Some((first, rest)) => {
                        write!(f, "; did you mean `{first}`")?;
                        for name in rest {
                            write!(f, " or `{name}`")?;
                        }
                        f.write_str("?")?;
                    }
                    None if *registered == 0 => {
                        f.write_str("; none is registered: is the crate with the tasks linked?")?;
                    }
                    None => {}
                }
                write!(f, " ({registered} registered)")
            }
            Self::InvalidArguments { task, reason } => {
                write!(f, "invalid arguments for task `{task}`: {reason}")
            }
            Self::Unavailable {
                task,
                parameter,
                annotation,
                reason,
            } => {
                write!(
                    f,
                    "task `{task}` cannot run now: its dependency `{parameter}: {annotation}` is not available: {reason}"
                )
            }
            Self::Refused {
                task,
                refusal,
                waited,
            } => {
                let limit = match refusal {
                    Refusal::TaskLimit => "as many executions of it as it may have are running",
                    Refusal::ServerLimit => "the server is running as many tasks as it may",
                    Refusal::BlockingThreads => "all threads for sync tasks are busy",
                };
                write!(
                    f,
                    "task `{task}` was not run: {limit}, and no place became free within {waited:?}"
                )
            }
            Self::Panicked { task, message } => write!(
                f,
                "task `{task}` was not run: preparing the call panicked: {message}"
            ),
            Self::Failed(failure) => write!(f, "{}: {}", failure.r#type, failure.message),
            Self::UnexpectedResult { task, source } => write!(
                f,
                "the result of task `{task}` is not of the type asked for: {source}"
            ),
        }
    }
}

impl Error for ExecuteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::InvalidArguments { reason, .. } => Some(reason),
            Self::UnexpectedResult { source, .. } => Some(source),
            _ => None,
        }
    }
}

// A task that runs another one, and fails as that does, has its code.
inventory::submit! {
    CodedError::of_failures::<ExecuteError>(|error| {
        match error.downcast_ref()? {
            ExecuteError::Failed(failure) => Some(Reading::Failed(failure.passed_on(), failure.permanent)),
            _ => None,
        }
    })
}
