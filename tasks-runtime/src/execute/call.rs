//! A call that has not been decoded yet.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::executor::Shared;
use super::running::Run;
use crate::arguments::{self, AnyPlaces, ArgumentError, Echo, Fields, Input, InvalidArguments};
use crate::registry::RegisteredTask;
use crate::task::{Caller, TaskContext};

/// What is written before the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// Nothing: the result alone is wanted.
    Bare,
    /// `{"task_name":…,"params":…,"result":`.
    Full,
}

/// The arguments of one execution on their way into a task's parameters. Made by the executor, used by generated code.
pub struct Call<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) entry: &'a RegisteredTask,
    pub(crate) input: Input<'a>,
    pub(crate) envelope: Envelope,
    /// Who asks.
    pub(crate) caller: Caller,
    /// The attempt of a job that this is.
    #[cfg(feature = "database")]
    pub(crate) job: Option<Arc<crate::jobs::Attempt>>,
    /// The context of the execution once the arguments were read, or why they were refused.
    pub(crate) outcome: Result<TaskContext, Option<InvalidArguments>>,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("task", &self.entry.name())
            .finish_non_exhaustive()
    }
}

impl<'a> Call<'a> {
    /// Reads the arguments into their places. `None` when they were refused; the executor knows why.
    pub fn decode(&mut self, places: &mut dyn AnyPlaces) -> Option<Run> {
        let parameters = self.entry.declared();
        let echo = arguments::read(self.input, parameters, places);
        self.run(echo)
    }

    pub(crate) fn decode_whole<P: DeserializeOwned>(
        &mut self,
        fields: &Fields,
    ) -> Option<(P, Run)> {
        match fields.read(self.input) {
            Ok((params, echo)) => Some((params, self.run(Ok(echo))?)),
            Err(error) => {
                self.outcome = Err(Some(error));
                None
            }
        }
    }

    fn run(&mut self, echo: Result<Echo<'a>, InvalidArguments>) -> Option<Run> {
        match echo {
            Ok(echo) => {
                let context = TaskContext::new(
                    Arc::clone(self.shared),
                    self.entry,
                    std::mem::take(&mut self.caller),
                    #[cfg(feature = "database")]
                    self.job.clone(),
                );
                self.outcome = Ok(context.clone());
                Some(Run::new(
                    context,
                    self.envelope.begin(self.entry.name(), &echo),
                ))
            }
            Err(error) => {
                self.outcome = Err(Some(error));
                None
            }
        }
    }
}

impl Envelope {
    /// Writes what comes before the result.
    pub(crate) fn begin(self, name: &str, echo: &Echo<'_>) -> Vec<u8> {
        /// Room for the keys and a small result.
        const ROOM: usize = 192;
        if self == Self::Bare {
            return Vec::new();
        }
        let mut json = Vec::with_capacity(name.len() + echo.text.len() + ROOM);
        // A task's name needs no escapes: its characters are letters, digits, `_` and `-`.
        json.extend_from_slice(b"{\"task_name\":\"");
        json.extend_from_slice(name.as_bytes());
        json.extend_from_slice(b"\",\"params\":");
        echo.write(&mut json);
        json.extend_from_slice(b",\"result\":");
        json
    }
}

/// A call of a task by its function, made by [`call!`](crate::call): run it with
/// [`TaskExecutor::run`](crate::TaskExecutor::run).
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until an executor runs it: `executor.run(call!(…)).await`"]
pub struct Invocation {
    pub(crate) function: TypeId,
    pub(crate) path: &'static str,
    pub(crate) arguments: NamedArguments,
}

/// Arguments as JSON.
#[derive(Clone, Debug)]
pub(crate) struct NamedArguments {
    json: Vec<u8>,
    errors: Vec<ArgumentError>,
}

impl Invocation {
    #[doc(hidden)]
    pub fn new<F: Copy + 'static>(_function: F) -> Self {
        let arguments = NamedArguments {
            json: b"{".to_vec(),
            errors: Vec::new(),
        };
        Self {
            function: TypeId::of::<F>(),
            path: std::any::type_name::<F>(),
            arguments,
        }
    }

    /// Adds an argument. One that does not serialize is reported when the call runs, with everything else that is wrong.
    #[doc(hidden)]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "an argument is passed as to the function itself"
    )]
    pub fn with<V: Serialize>(mut self, name: &str, value: V) -> Self {
        let NamedArguments { json, errors } = &mut self.arguments;
        let name = name.strip_prefix("r#").unwrap_or(name);
        let start = json.len();
        if start > 1 {
            json.push(b',');
        }
        let key = serde_json::to_writer(&mut *json, name);
        json.push(b':');
        if let Err(error) = key.and_then(|()| serde_json::to_writer(&mut *json, &value)) {
            json.truncate(start);
            errors.push(ArgumentError {
                pointer: format!("/params/{name}"),
                detail: format!("cannot be written as JSON: {error}"),
            });
        }
        self
    }
}

impl NamedArguments {
    pub(crate) fn json(mut self) -> Result<String, InvalidArguments> {
        if !self.errors.is_empty() {
            return Err(InvalidArguments::Mismatch(self.errors));
        }
        self.json.push(b'}');
        String::from_utf8(self.json).map_err(InvalidArguments::malformed)
    }
}
