//! Drives one execution: panics, the timeout, cancellation.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::error::ExecuteError;
use super::panic;
use super::running::Running;
use crate::task::{Current, Outcome, Phase, TaskContext, TaskFailure};

/// The future of one execution. Dropping it cancels.
pub(crate) struct Execution {
    /// `None` once it was dropped.
    running: Option<Running>,
    context: TaskContext,
    timeout: Option<Duration>,
    /// Made when the task is first seen to wait: most are done before.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Execution {
    pub(crate) fn new(running: Running, context: TaskContext, timeout: Option<Duration>) -> Self {
        Self {
            running: Some(running),
            context,
            timeout,
            deadline: None,
        }
    }

    /// Whether the time is up. It counts from the end of the wait for a permit, which has a limit of its own, also where
    /// the first poll blocked the thread.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(timeout) = self.timeout else {
            return Poll::Pending;
        };
        let Some(admitted) = self.context.admitted() else {
            return Poll::Pending;
        };
        let deadline = match &mut self.deadline {
            Some(deadline) => deadline,
            none => {
                // A time too long for the clock is no limit.
                let Some(end) = admitted.checked_add(timeout) else {
                    return Poll::Pending;
                };
                none.insert(Box::pin(tokio::time::sleep_until(end)))
            }
        };
        deadline.as_mut().poll(cx).map(|()| timeout)
    }

    /// Reports a poll that held the thread for too long. One that is the first began before anything was admitted.
    fn watch(&self, began: Option<Instant>) {
        let shared = &self.context.0.shared;
        let Some(watch) = &shared.slow_polls else {
            return;
        };
        let Some(took) =
            (began.or_else(|| self.context.admitted())).and_then(|began| watch.exceeded(began))
        else {
            return;
        };
        let task = self.context.entry();
        if task.blocking() {
            return;
        }
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &shared.metrics {
            metrics.slow_poll(task.position());
        }
        watch.report(task, took);
    }

    /// Drops what is left of the task: code of its own that may panic like the rest of it.
    fn stop(&mut self) {
        let traceback = self.context.0.shared.traceback;
        let running = self.running.take();
        if let Err(caught) = panic::catch(traceback, || drop(running)) {
            tracing::error!(
                task = self.context.task_name(),
                message = caught.message,
                "a task panicked while it was dropped"
            );
        }
    }

    fn timed_out(&self, timeout: Duration) -> Result<Outcome, ExecuteError> {
        let entry = self.context.entry();
        if self.context.phase() == Phase::Running {
            let message = format!(
                "task `{}` ran longer than its timeout of {timeout:?}",
                entry.name()
            );
            return Ok(Outcome::Failed(TaskFailure::timeout(message)));
        }
        Err(entry.unavailable(
            self.context.injecting_parameter(),
            format!("not resolved within {timeout:?}"),
        ))
    }
}

impl Future for Execution {
    type Output = Result<Outcome, ExecuteError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let traceback = self.context.0.shared.traceback;
        // The first poll sets the time of admission, and needs no other clock.
        let began = (self.context.0.shared.slow_polls.as_ref())
            .and(self.context.admitted())
            .map(|_| Instant::now());
        let _current = Current::set(&self.context);
        let Some(running) = self.running.as_mut() else {
            return Poll::Pending;
        };
        let polled = panic::catch(traceback, || running.as_mut().poll(cx));
        self.watch(began);
        let result = match polled {
            Ok(Poll::Ready(Ok(outcome))) => Ok(outcome),
            Ok(Poll::Ready(Err(error))) => Err(*error),
            Ok(Poll::Pending) => match self.poll_deadline(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(timeout) => {
                    self.context.cancel();
                    self.timed_out(timeout)
                }
            },
            Err(caught) if self.context.phase() == Phase::Running => {
                Ok(Outcome::Failed(caught.into_failure(traceback)))
            }
            Err(caught) => Err(ExecuteError::Panicked {
                task: self.context.task_name().to_owned(),
                message: caught.message,
            }),
        };
        self.stop();
        Poll::Ready(result)
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if self.running.is_some() {
            let _current = Current::set(&self.context);
            self.context.cancel();
            self.stop();
        }
    }
}
