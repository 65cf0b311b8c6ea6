//! One execution, from the moment its arguments are decoded.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::error::{ExecuteError, Refusal};
use super::limits::{self, Permits, Waiting};
use super::panic;
use super::resources::Resources;
use super::target::CallTarget;
use crate::arguments::{AnyArgCells, NotInjected};
use crate::context::{Current, TaskContext};
use crate::inject::Injector;
use crate::task::{Outcome, TaskFailure, TaskOutput, Traceback};

/// The rest of an execution. Its error means that the task's own code never began.
pub type Running = Pin<Box<dyn Future<Output = Result<Outcome, Box<ExecuteError>>> + Send>>;

/// An execution whose arguments were read.
pub struct Started {
    pub(crate) running: Running,
    pub(crate) context: TaskContext,
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// What an execution carries along.
pub struct Run {
    resources: Arc<Resources>,
    pub(crate) context: TaskContext,
    /// What comes before the result.
    json: Vec<u8>,
    admission: Admission,
}

enum Admission {
    Asked,
    Waiting(Waiting),
    Granted(Permits),
}

impl Drop for Run {
    fn drop(&mut self) {
        #[cfg(feature = "database")]
        if let Some(attempt) = self.context.attempt_handle() {
            attempt.end_run();
        }
        if let Admission::Granted(permits) = &self.admission {
            let limits = &self.resources.limits;
            limits.release(&self.target().name, *permits);
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl Run {
    pub(super) fn new(resources: Arc<Resources>, context: TaskContext, json: Vec<u8>) -> Self {
        #[cfg(feature = "database")]
        if let Some(attempt) = context.attempt_handle() {
            attempt.begin_run();
        }
        Self {
            resources,
            context,
            json,
            admission: Admission::Asked,
        }
    }

    fn target(&self) -> &CallTarget {
        &self.resources.targets[self.context.position()]
    }

    /// Waits for a permit, then for the injected values; the task's code follows.
    pub fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
        cells: &mut dyn AnyArgCells,
    ) -> Poll<Result<(), Box<ExecuteError>>> {
        if let Err(refusal) = ready!(self.poll_admission(cx)) {
            return Poll::Ready(Err(Box::new(ExecuteError::Refused {
                task: self.target().name.to_string(),
                refusal,
                waited: self.resources.limits.permit_timeout(),
            })));
        }
        self.context.admit();
        let target = self.target();
        let injector = Injector::new(&self.resources.providers, &self.context);
        for (index, parameter) in target.parameters.iter().enumerate() {
            if !parameter.injected {
                continue;
            }
            match cells.at(index).poll_inject(cx, &injector) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(problem)) => {
                    let reason = match problem {
                        NotInjected::Absent => "it was never provided to the executor".to_owned(),
                        NotInjected::Failed(error) => error.to_string(),
                    };
                    return Poll::Ready(Err(Box::new(target.unavailable(index, reason))));
                }
                Poll::Pending => {
                    self.context.injecting(index);
                    return Poll::Pending;
                }
            }
        }
        self.context.begin();
        Poll::Ready(Ok(()))
    }

    fn poll_admission(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        let granted = match &mut self.admission {
            Admission::Granted(_) => return Poll::Ready(Ok(())),
            Admission::Waiting(waiting) => ready!(limits::poll(waiting, cx)),
            Admission::Asked => {
                let target = self.target();
                let limits = &self.resources.limits;
                match limits.acquire(&target.name, target.blocking) {
                    Ok(permits) => Ok(permits),
                    Err(mut waiting) => match limits::poll(&mut waiting, cx) {
                        Poll::Ready(granted) => granted,
                        Poll::Pending => {
                            self.admission = Admission::Waiting(waiting);
                            return Poll::Pending;
                        }
                    },
                }
            }
        };
        Poll::Ready(granted.map(|permits| self.admission = Admission::Granted(permits)))
    }

    /// Runs a sync task on the blocking pool. The permits stay with the thread: it cannot be stopped, and counts until
    /// it ends.
    pub async fn blocking(self, task: Box<dyn FnOnce(Self) -> Outcome + Send>) -> Outcome {
        let traceback = self.traceback();
        let span = tracing::Span::current();
        let thread = self.context.clone();
        let resources = Arc::clone(&self.resources);
        let spawned = resources.blocking.spawn(move || {
            if thread.is_cancelled() {
                return Ok(Outcome::Failed(Box::new(TaskFailure::internal(
                    "canceled before it began".to_owned(),
                ))));
            }
            let _span = span.enter();
            let _current = Current::set(&thread);
            panic::catch(traceback, move || task(self))
        });
        let failure = match spawned {
            Ok(handle) => match handle.await {
                Ok(Ok(outcome)) => return outcome,
                Ok(Err(caught)) => caught.into_failure(traceback),
                Err(error) => {
                    TaskFailure::internal(format!("the thread of the task is gone: {error}"))
                }
            },
            Err(error) => {
                TaskFailure::internal(format!("no thread could be started for the task: {error}"))
            }
        };
        Outcome::Failed(Box::new(failure))
    }

    pub(crate) fn traceback(&self) -> Traceback {
        self.resources.traceback
    }

    pub(crate) fn completed(mut self, value: &impl TaskOutput) -> Outcome {
        match value.write(&mut self.json) {
            Ok(()) => Outcome::Completed(std::mem::take(&mut self.json)),
            Err(error) => {
                Outcome::Failed(Box::new(TaskFailure::of_output(&error, self.traceback())))
            }
        }
    }
}
