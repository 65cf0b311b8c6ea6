//! What a task knows about its own execution.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use crate::task::Caller;
#[cfg(feature = "database")]
use crate::task::EventType;

/// The execution a task runs in. Injected into every task that has a parameter of this type.
///
/// ```
/// use tasks_runtime::prelude::*;
///
/// #[task]
/// fn count(context: TaskContext, to: u64) -> u64 {
///     // A thread cannot be stopped from outside: long work asks now and then.
///     (0..to).take_while(|_| !context.is_cancelled()).count() as u64
/// }
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct TaskContext(Arc<ExecutionState>);

/// What a context asks of the executor that it belongs to.
pub(crate) trait ExecutorHandle: Any + Send + Sync {
    /// The name of a task, by its position in the registry.
    fn task_name(&self, position: usize) -> &str;
    /// Whether it has secret parameters.
    #[cfg(feature = "database")]
    fn has_secrets(&self, position: usize) -> bool;
    /// The events that it says it waits for.
    #[cfg(feature = "database")]
    fn events(&self, position: usize) -> &'static [EventType];
    /// The level of spans.
    #[cfg(feature = "database")]
    fn span_level(&self) -> tracing::Level;
}

/// The attempt of a job that an execution is, as far as executions know of jobs.
#[cfg(feature = "database")]
pub(crate) trait AttemptHandle: Any + Send + Sync {
    /// Code of the attempt begins to run.
    fn begin_run(&self);
    /// That code no longer runs.
    fn end_run(&self);
}

struct ExecutionState {
    host: Arc<dyn ExecutorHandle>,
    /// The task, by its position in the registry: one count less to keep than of a pointer.
    position: usize,
    // Made on demand: it takes the time of day and random bits, and most executions are over before anybody asks.
    id: OnceLock<Ulid>,
    phase: AtomicU8,
    /// The parameter that is being resolved, by position.
    injecting: AtomicUsize,
    /// When it got its permit, from which its time counts.
    admitted: OnceLock<Instant>,
    /// When the task's own code began, if that was later.
    started: OnceLock<Instant>,
    /// Wall-clock start time, computed when it is asked for.
    started_at: OnceLock<SystemTime>,
    cancelled: AtomicBool,
    /// The attempt of a job that it is, if it is one.
    #[cfg(feature = "database")]
    attempt: Option<Arc<dyn AttemptHandle>>,
    caller: Caller,
    // Made on demand: few tasks look at it, and it costs an allocation.
    cancellation: OnceLock<CancellationToken>,
}

thread_local! {
    static CURRENT: RefCell<Option<TaskContext>> = const { RefCell::new(None) };
}

/// Says whose code runs on this thread, until it is dropped.
pub(crate) struct Current(Option<TaskContext>);

impl Current {
    pub(crate) fn set(context: &TaskContext) -> Self {
        Self(CURRENT.replace(Some(context.clone())))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// How far an execution has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    /// For a permit.
    Waiting = 0,
    /// Dependencies are being resolved.
    Injecting = 1,
    /// The task's own code runs.
    Running = 2,
}

impl TaskContext {
    pub(crate) fn new(
        host: Arc<dyn ExecutorHandle>,
        position: usize,
        caller: Caller,
        #[cfg(feature = "database")] attempt: Option<Arc<dyn AttemptHandle>>,
    ) -> Self {
        Self(Arc::new(ExecutionState {
            host,
            position,
            id: OnceLock::new(),
            phase: AtomicU8::new(Phase::Waiting as u8),
            injecting: AtomicUsize::new(0),
            admitted: OnceLock::new(),
            started: OnceLock::new(),
            started_at: OnceLock::new(),
            cancelled: AtomicBool::new(false),
            #[cfg(feature = "database")]
            attempt,
            caller,
            cancellation: OnceLock::new(),
        }))
    }

    /// Context of the task whose code runs on this thread now: for loggers, which add to an event what it is about. `None` outside
    /// of tasks, and in what a task has spawned.
    #[must_use]
    pub fn current() -> Option<Self> {
        // A logger may ask while the thread ends.
        CURRENT
            .try_with(|current| {
                current
                    .try_borrow()
                    .ok()
                    .and_then(|current| current.clone())
            })
            .ok()
            .flatten()
    }

    /// Who asked for this execution.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.0.caller
    }

    #[cfg(feature = "database")]
    pub(crate) fn attempt_handle(&self) -> Option<&Arc<dyn AttemptHandle>> {
        self.0.attempt.as_ref()
    }

    pub(crate) fn host(&self) -> &Arc<dyn ExecutorHandle> {
        &self.0.host
    }

    /// Where its task is in the registry.
    pub(crate) fn position(&self) -> usize {
        self.0.position
    }

    /// The task's name.
    #[must_use]
    pub fn task_name(&self) -> &str {
        self.0.host.task_name(self.0.position)
    }

    /// Whether the task has secret parameters.
    #[cfg(feature = "database")]
    pub(crate) fn has_secrets(&self) -> bool {
        self.0.host.has_secrets(self.0.position)
    }

    /// The events that the task says it waits for.
    #[cfg(feature = "database")]
    pub(crate) fn events(&self) -> &'static [EventType] {
        self.0.host.events(self.0.position)
    }

    /// Identifies this execution, in logs for example.
    #[must_use]
    pub fn execution_id(&self) -> Ulid {
        *self.0.id.get_or_init(Ulid::new)
    }

    /// When the task's own code began; the present before that.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        let now = SystemTime::now();
        let started = self.0.started.get().or(self.0.admitted.get());
        match started.filter(|_| self.phase() == Phase::Running) {
            Some(started) => *(self.0.started_at)
                .get_or_init(|| now.checked_sub(started.elapsed()).unwrap_or(now)),
            None => now,
        }
    }

    /// The wait for a permit is over.
    pub(crate) fn admit(&self) {
        self.0.admitted.get_or_init(Instant::now);
    }

    pub(crate) fn admitted(&self) -> Option<Instant> {
        self.0.admitted.get().copied()
    }

    /// Whether nobody waits for the result any more: the client hung up, the caller was dropped or the timeout ran out.
    ///
    /// An `async` task is dropped then. A sync task runs on until it returns, and its result is discarded.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// A token that is canceled when [`is_cancelled`](Self::is_cancelled) turns true, to wait for or to pass on.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        let token = self
            .0
            .cancellation
            .get_or_init(CancellationToken::new)
            .clone();
        // Canceled before there was a token to cancel: either `cancel` sees the token or this sees the flag.
        fence(Ordering::SeqCst);
        if self.is_cancelled() {
            token.cancel();
        }
        token
    }

    pub(crate) fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if let Some(token) = self.0.cancellation.get() {
            token.cancel();
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.0.phase.load(Ordering::Acquire) {
            0 => Phase::Waiting,
            1 => Phase::Injecting,
            _ => Phase::Running,
        }
    }

    /// The dependency of the parameter at `index` is not there yet.
    pub(crate) fn injecting(&self, index: usize) {
        self.0.injecting.store(index, Ordering::Relaxed);
        self.0
            .phase
            .store(Phase::Injecting as u8, Ordering::Release);
    }

    pub(crate) fn injecting_parameter(&self) -> usize {
        self.0.injecting.load(Ordering::Relaxed)
    }

    /// The task's own code begins.
    pub(crate) fn begin(&self) {
        if self.phase() == Phase::Injecting {
            self.0.started.get_or_init(Instant::now);
        }
        self.0.phase.store(Phase::Running as u8, Ordering::Release);
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext")
            .field("task_name", &self.task_name())
            .field("execution_id", &self.execution_id())
            .field("phase", &self.phase())
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}
