//! How many executions run at once.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::error::Refusal;

/// The executor's limits.
#[derive(Debug)]
pub(crate) struct Limits {
    executor: Arc<Semaphore>,
    blocking: Arc<Semaphore>,
    tasks: HashMap<String, Arc<Semaphore>>,
    permit_timeout: Duration,
}

/// Permits held by one execution; released explicitly with [`Limits::release`], because the execution already owns the semaphores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permits {
    blocking: bool,
}

/// A wait for places.
pub(crate) type Waiting = Pin<Box<dyn Future<Output = Result<Permits, Refusal>> + Send>>;

impl Limits {
    pub(crate) fn new(
        executor: usize,
        blocking: usize,
        tasks: HashMap<String, usize>,
        permit_timeout: Duration,
    ) -> Self {
        let semaphore =
            |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            executor: semaphore(executor),
            blocking: semaphore(blocking),
            tasks: tasks
                .into_iter()
                .map(|(name, count)| (name, semaphore(count)))
                .collect(),
            permit_timeout,
        }
    }

    pub(crate) fn permit_timeout(&self) -> Duration {
        self.permit_timeout
    }

    /// The limits that concern one execution: the narrowest first, so that a busy task does not keep places that others
    /// could use while it waits for its own.
    fn of(&self, task: &str, blocking: bool) -> [Option<(&Arc<Semaphore>, Refusal)>; 3] {
        let own = if self.tasks.is_empty() {
            None
        } else {
            self.tasks.get(task)
        };
        [
            own.map(|semaphore| (semaphore, Refusal::TaskLimit)),
            blocking.then_some((&self.blocking, Refusal::BlockingThreads)),
            Some((&self.executor, Refusal::ServerLimit)),
        ]
    }

    /// Takes the places at once, or starts to wait for them.
    pub(crate) fn acquire(&self, task: &str, blocking: bool) -> Result<Permits, Waiting> {
        let limits = self.of(task, blocking);
        let mut held = [None, None, None];
        for (place, limit) in held.iter_mut().zip(&limits) {
            let Some((semaphore, _)) = limit else {
                continue;
            };
            match semaphore.try_acquire() {
                Ok(permit) => *place = Some(permit),
                // Those taken so far are given back: who waits holds nothing but its place in the narrowest queue.
                Err(_) => {
                    drop(held);
                    return Err(self.wait(limits, blocking));
                }
            }
        }
        held.into_iter().flatten().for_each(SemaphorePermit::forget);
        Ok(Permits { blocking })
    }

    /// Gives the places back that the execution of a task took.
    pub(crate) fn release(&self, task: &str, permits: Permits) {
        for (semaphore, _) in self.of(task, permits.blocking).into_iter().flatten() {
            semaphore.add_permits(1);
        }
    }

    fn wait(&self, limits: [Option<(&Arc<Semaphore>, Refusal)>; 3], blocking: bool) -> Waiting {
        let limits =
            limits.map(|limit| limit.map(|(semaphore, refusal)| (Arc::clone(semaphore), refusal)));
        let permit_timeout = self.permit_timeout;
        Box::pin(async move {
            // A wait too long for the clock is one without end.
            let deadline = tokio::time::Instant::now().checked_add(permit_timeout);
            let mut held = [None, None, None];
            for (place, limit) in held.iter_mut().zip(limits) {
                let Some((semaphore, refusal)) = limit else {
                    continue;
                };
                let permit = semaphore.acquire_owned();
                let permit = match deadline {
                    Some(deadline) => tokio::time::timeout_at(deadline, permit).await,
                    None => Ok(permit.await),
                };
                match permit {
                    Ok(Ok(permit)) => *place = Some(permit),
                    _ => return Err(refusal),
                }
            }
            held.into_iter()
                .flatten()
                .for_each(OwnedSemaphorePermit::forget);
            Ok(Permits { blocking })
        })
    }
}

/// Polls a wait.
pub(crate) fn poll(waiting: &mut Waiting, cx: &mut Context<'_>) -> Poll<Result<Permits, Refusal>> {
    waiting.as_mut().poll(cx)
}
