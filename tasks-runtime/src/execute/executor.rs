//! Runs tasks.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;

use super::call::Call;
use super::execution::Execution;
use super::inner::ExecutorInner;
use super::{failure_log, span};
use crate::arguments::{self, Input, InvalidArguments};
use crate::call::{CheckCall, Envelope, ExecuteError, PendingCall, Started, panic};
#[cfg(feature = "database")]
use crate::context::AttemptHandle;
use crate::context::ExecutorHandle;
use crate::inject::{Injectable, Injection, Injector, Requirements};
use crate::registry::{RegisteredTask, TaskRegistry};
use crate::task::{Caller, Outcome, TaskFailure, Traceback};

/// Runs tasks by name, with what they need injected. Cheap to clone.
///
/// ```
/// use serde_json::{Value, json};
/// use tasks_runtime::prelude::*;
///
/// #[task]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let executor = TaskExecutor::builder(TaskRegistry::builder().task(add).build()?).build()?;
///
/// let sum: Value = executor.execute("add", json!({"a": 1, "b": 2})).await?;
/// assert_eq!(sum, 3);
/// let sum: i64 = executor.run(call!(add, a = 1, b = 2)).await?;
/// assert_eq!(sum, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # What happens in an execution
///
/// Decode the arguments, wait for a permit, inject, call. Until the last step an error is an [`ExecuteError`] that says
/// why the task did not run; from then on it is [`ExecuteError::Failed`].
///
/// `async` tasks run where the future is polled; sync tasks run on threads of the executor's own. Both need a tokio
/// runtime around them, for timeouts.
///
/// Dropping the future of an execution drops an async task. A sync task runs on: its result is discarded, and its
/// [`TaskContext`](crate::TaskContext) says that it is canceled.
#[derive(Clone)]
pub struct TaskExecutor {
    inner: Arc<ExecutorInner>,
}

impl fmt::Debug for TaskExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskExecutor")
            .field("tasks", &self.inner.registry.len())
            .finish_non_exhaustive()
    }
}

/// What an execution came to, as JSON.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExecutedJson {
    /// The envelope, `{"task_name", "params", "result", "error"}`.
    pub json: Vec<u8>,
    /// Why the task failed, if it did: what `error` in the envelope says.
    pub failure: Option<Box<TaskFailure>>,
}

impl TaskExecutor {
    pub(crate) fn new(inner: ExecutorInner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The tasks it runs.
    #[must_use]
    pub fn registry(&self) -> &TaskRegistry {
        &self.inner.registry
    }

    /// Runs a task by name. `params` is anything that serializes to an object of arguments; `()` and `None` mean none.
    ///
    /// # Errors
    ///
    /// Every [`ExecuteError`].
    pub async fn execute<T: DeserializeOwned>(
        &self,
        name: &str,
        params: impl Serialize,
    ) -> Result<T, ExecuteError> {
        let entry = self.inner.registry.entry(name)?;
        let params =
            serde_json::to_string(&params).map_err(|error| ExecuteError::InvalidArguments {
                task: name.to_owned(),
                reason: InvalidArguments::malformed(error),
            })?;
        self.value(entry, &params).await
    }

    /// Runs a task by its function, with the arguments of a [`call!`](crate::call).
    ///
    /// # Errors
    ///
    /// Every [`ExecuteError`]; `UnknownTask` when the function is no task of the registry.
    pub async fn run<T: DeserializeOwned>(&self, call: Call) -> Result<T, ExecuteError> {
        let entry = self.inner.registry.entry_of(call.function, call.path)?;
        let params = call
            .arguments
            .json()
            .map_err(|reason| ExecuteError::InvalidArguments {
                task: entry.name().to_owned(),
                reason,
            })?;
        self.value(entry, &params).await
    }

    async fn value<T: DeserializeOwned>(
        &self,
        entry: &RegisteredTask,
        params: &str,
    ) -> Result<T, ExecuteError> {
        match self
            .drive(entry, Input::Params(params), Envelope::Bare, Caller::new())
            .await?
        {
            Outcome::Completed(json) => {
                serde_json::from_slice(&json).map_err(|source| ExecuteError::UnexpectedResult {
                    task: entry.name().to_owned(),
                    source,
                })
            }
            Outcome::Failed(failure) => Err(ExecuteError::Failed(failure)),
        }
    }

    /// Runs a task with a request body, `{"params": {…}}`, and writes the envelope
    /// `{"task_name", "params", "result", "error"}`, in which a failure of the task is a value like any other.
    ///
    /// No body, an empty one, `null`, `{}` and `{"params": null}` all mean no parameters; a member beside `params` is refused. This is the road that a server
    /// takes: the body is read once, straight into the parameters, and the result is written straight into the answer.
    ///
    /// # Errors
    ///
    /// Every [`ExecuteError`] but `Failed` and `UnexpectedResult`.
    pub async fn execute_json(&self, name: &str, body: &[u8]) -> Result<Vec<u8>, ExecuteError> {
        let executed = self.execute_json_for(name, body, Caller::new()).await?;
        Ok(executed.json)
    }

    /// [`execute_json`](Self::execute_json) for somebody: the task may ask who it is, and the log says it of a failure. Gives the failure
    /// beside the envelope.
    ///
    /// # Errors
    ///
    /// The same as [`execute_json`](Self::execute_json).
    pub async fn execute_json_for(
        &self,
        name: &str,
        body: &[u8],
        caller: Caller,
    ) -> Result<ExecutedJson, ExecuteError> {
        let entry = self.inner.registry.entry(name)?;
        let input = Input::OnlyParams(body);
        match self.drive(entry, input, Envelope::Full, caller).await? {
            Outcome::Completed(mut json) => {
                json.extend_from_slice(b",\"error\":null}");
                Ok(ExecutedJson {
                    json,
                    failure: None,
                })
            }
            Outcome::Failed(failure) => {
                let echo = arguments::echo(input, entry.declared());
                let mut json = Envelope::Full.begin(entry.name(), &echo);
                json.extend_from_slice(b"null,\"error\":");
                // Strings and JSON: this cannot fail, and a failure would leave a readable error all the same.
                if serde_json::to_writer(&mut json, &failure).is_err() {
                    json.extend_from_slice(b"null");
                }
                json.push(b'}');
                Ok(ExecutedJson {
                    json,
                    failure: Some(failure),
                })
            }
        }
    }

    /// Runs a task with its parameters alone, as JSON: an object, or `null` or nothing where it needs none. Gives the result alone, as JSON,
    /// or why the task failed.
    ///
    /// ```
    /// use tasks_runtime::Caller;
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task]
    /// async fn double(number: u8) -> u16 {
    ///     u16::from(number) * 2
    /// }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let executor = tasks_runtime::testing::executor([task(double)]).build()?;
    /// let result = executor.execute_params_for("double", r#"{"number": 255}"#, Caller::new()).await?;
    /// assert_eq!(result.map_err(|failure| *failure)?, b"510");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Every [`ExecuteError`] but `Failed` and `UnexpectedResult`. Where arguments are wrong, pointers begin with `/params`.
    pub async fn execute_params_for(
        &self,
        name: &str,
        params: &str,
        caller: Caller,
    ) -> Result<Result<Vec<u8>, Box<TaskFailure>>, ExecuteError> {
        let entry = self.inner.registry.entry(name)?;
        let input = Input::Params(params);
        Ok(
            match self.drive(entry, input, Envelope::Bare, caller).await? {
                Outcome::Completed(json) => Ok(json),
                Outcome::Failed(failure) => Err(failure),
            },
        )
    }

    /// Reads a request body as [`execute_json`](Self::execute_json) does, and says what is wrong with it. The task is not run, and takes no
    /// permit; rules of the task look at its arguments.
    ///
    /// ```
    /// use tasks_runtime::prelude::*;
    ///
    /// #[task]
    /// async fn double(number: u8) -> u16 {
    ///     u16::from(number) * 2
    /// }
    ///
    /// let executor = TaskExecutor::builder(TaskRegistry::builder().task(double).build()?).build()?;
    /// assert!(executor.validate_json("double", br#"{"params": {"number": 255}}"#).is_ok());
    /// assert!(executor.validate_json("double", br#"{"params": {"number": 256}}"#).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownTask`, `InvalidArguments`, and `Panicked` when code of a parameter's type panics.
    pub fn validate_json(&self, name: &str, body: &[u8]) -> Result<(), ExecuteError> {
        let entry = self.inner.registry.entry(name)?;
        self.check(entry, Input::OnlyParams(body))
    }

    #[cfg(feature = "metrics")]
    async fn drive(
        &self,
        entry: &RegisteredTask,
        input: Input<'_>,
        envelope: Envelope,
        caller: Caller,
    ) -> Result<Outcome, ExecuteError> {
        let metrics = self.inner.metrics.as_ref();
        let Some(recording) = metrics.and_then(|metrics| metrics.begin(entry.position())) else {
            return self.execution(entry, input, envelope, caller).await;
        };
        let result = self.execution(entry, input, envelope, caller).await;
        recording.end(&result);
        result
    }

    #[cfg(not(feature = "metrics"))]
    async fn drive(
        &self,
        entry: &RegisteredTask,
        input: Input<'_>,
        envelope: Envelope,
        caller: Caller,
    ) -> Result<Outcome, ExecuteError> {
        self.execution(entry, input, envelope, caller).await
    }

    async fn execution(
        &self,
        entry: &RegisteredTask,
        input: Input<'_>,
        envelope: Envelope,
        caller: Caller,
    ) -> Result<Outcome, ExecuteError> {
        let call = PendingCall {
            host: self.host(),
            resources: &self.inner.resources,
            position: entry.position(),
            input,
            envelope,
            caller: caller.clone(),
            #[cfg(feature = "database")]
            attempt: None,
        };
        let timeout = entry.timeout().or(self.inner.default_timeout);
        let result = self.follow(entry, call, timeout).await;
        match &result {
            Ok(Outcome::Completed(_)) => {}
            Ok(Outcome::Failed(failure)) => failure_log::failed(entry, &caller, failure),
            Err(refused) => failure_log::not_run(entry, &caller, refused),
        }
        result
    }

    /// Runs one attempt of a job. The executor's own timeout is not for those.
    #[cfg(feature = "database")]
    pub(crate) async fn attempt(
        &self,
        entry: &RegisteredTask,
        (params, caller): (&str, Caller),
        attempt: Arc<dyn AttemptHandle>,
        timeout: Option<Duration>,
    ) -> Result<Outcome, ExecuteError> {
        let call = PendingCall {
            host: self.host(),
            resources: &self.inner.resources,
            position: entry.position(),
            input: Input::Params(params),
            envelope: Envelope::Bare,
            caller,
            attempt: Some(attempt),
        };
        let running = self.follow(entry, call, timeout.or(entry.timeout()));
        #[cfg(feature = "metrics")]
        {
            let metrics = self.inner.metrics.as_ref();
            if let Some(recording) = metrics.and_then(|metrics| metrics.begin(entry.position())) {
                let result = running.await;
                recording.end(&result);
                return result;
            }
        }
        running.await
    }

    /// Reads the arguments, and nothing more: says what is wrong with them.
    pub(crate) fn check(
        &self,
        entry: &RegisteredTask,
        input: Input<'_>,
    ) -> Result<(), ExecuteError> {
        let call = CheckCall {
            target: entry.target(),
            providers: &self.inner.resources.providers,
            input,
        };
        guarded(entry, || entry.check(call))
    }

    fn host(&self) -> Arc<dyn ExecutorHandle> {
        Arc::<ExecutorInner>::clone(&self.inner)
    }

    async fn follow(
        &self,
        entry: &RegisteredTask,
        call: PendingCall<'_>,
        timeout: Option<Duration>,
    ) -> Result<Outcome, ExecuteError> {
        let Started { running, context } = guarded(entry, || entry.start(call))?;
        let span = span::begin(self.inner.span_level, &context);
        let execution = Execution::new(&self.inner, running, context, timeout);
        if span.is_disabled() {
            return execution.await;
        }
        let began = Instant::now();
        let result = execution.instrument(span.clone()).await;
        span::end(&span, &result, began.elapsed());
        result
    }
}

/// To run another task from within a task. That one takes places of its own, while the task that waits for it keeps its own:
/// where a limit leaves no place, it is refused after [`permit_timeout`](crate::ExecutorBuilder::permit_timeout).
// Not recommended so that the compiler lists all other injectable types: of more than nine it leaves out some, and
// which ones depends on the path of the workspace.
#[diagnostic::do_not_recommend]
impl Injectable for TaskExecutor {
    fn requires(_: &mut Requirements) {}

    fn inject(injector: &Injector<'_>) -> Injection<Self> {
        let host: Arc<dyn Any + Send + Sync> =
            Arc::<dyn ExecutorHandle>::clone(injector.context().host());
        match host.downcast() {
            Ok(inner) => Injection::Ready(Self { inner }),
            Err(_) => Injection::Absent,
        }
    }
}

/// Reads arguments: code of the task's own may run there, and panic.
fn guarded<T>(
    entry: &RegisteredTask,
    read: impl FnOnce() -> Result<T, InvalidArguments>,
) -> Result<T, ExecuteError> {
    match panic::catch(Traceback::Off, read) {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(reason)) => Err(ExecuteError::InvalidArguments {
            task: entry.name().to_owned(),
            reason,
        }),
        Err(caught) => Err(ExecuteError::Panicked {
            task: entry.name().to_owned(),
            // The message may quote an argument.
            message: if entry.has_secrets() {
                "(not shown: the task has secret parameters)".to_owned()
            } else {
                caught.message
            },
        }),
    }
}
