//! Drives one execution: panics, the timeout, cancellation.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::inner::ExecutorInner;
use crate::call::{CallTarget, ExecuteError, Running, panic};
use crate::context::{Current, Phase, TaskContext};
use crate::task::{Outcome, TaskFailure};

/// The future of one execution. Dropping it cancels.
pub(crate) struct Execution<'a> {
    inner: &'a ExecutorInner,
    /// `None` once it was dropped.
    running: Option<Running>,
    context: TaskContext,
    timeout: Option<Duration>,
    /// Made when the task is first seen to wait: most are done before.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<'a> Execution<'a> {
    pub(crate) fn new(
        inner: &'a ExecutorInner,
        running: Running,
        context: TaskContext,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            inner,
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
        let inner = self.inner;
        let Some(watch) = &inner.slow_polls else {
            return;
        };
        let Some(took) =
            (began.or_else(|| self.context.admitted())).and_then(|began| watch.exceeded(began))
        else {
            return;
        };
        let task = &inner.registry.entries()[self.context.position()];
        if task.blocking() {
            return;
        }
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &inner.metrics {
            metrics.slow_poll(task.position());
        }
        watch.report(task, took);
    }

    /// Drops what is left of the task: code of its own that may panic like the rest of it.
    fn stop(&mut self) {
        let traceback = self.inner.resources.traceback;
        let running = self.running.take();
        if let Err(caught) = panic::catch(traceback, || drop(running)) {
            tracing::error!(
                task = self.context.task_name(),
                message = caught.message,
                "a task panicked while it was dropped"
            );
        }
    }

    fn target(&self) -> &CallTarget {
        &self.inner.resources.targets[self.context.position()]
    }

    fn timed_out(&self, timeout: Duration) -> Result<Outcome, ExecuteError> {
        let target = self.target();
        if self.context.phase() == Phase::Running {
            let message = format!(
                "task `{}` ran longer than its timeout of {timeout:?}",
                target.name
            );
            return Ok(Outcome::Failed(Box::new(TaskFailure::timeout(message))));
        }
        Err(target.unavailable(
            self.context.injecting_parameter(),
            format!("not resolved within {timeout:?}"),
        ))
    }
}

impl Future for Execution<'_> {
    type Output = Result<Outcome, ExecuteError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let traceback = self.inner.resources.traceback;
        // The first poll sets the time of admission, and needs no other clock.
        let began = (self.inner.slow_polls.as_ref())
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
                Ok(Outcome::Failed(Box::new(caught.into_failure(traceback))))
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

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        if self.running.is_some() {
            let _current = Current::set(&self.context);
            self.context.cancel();
            self.stop();
        }
    }
}
