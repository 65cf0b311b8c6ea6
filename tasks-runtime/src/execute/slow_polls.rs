//! Reports `async` tasks that hold their thread.
//!
//! The thread that polls a task also serves other requests, and other tasks: while one poll lasts, none of them goes
//! on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::registry::{RegisteredTask, TaskRegistry};

/// How long nothing more is said of a task that was reported.
const QUIET: Duration = Duration::from_secs(60);

/// What is slow, and when it was last reported of each task, by its position in the registry.
pub(crate) struct SlowPolls {
    threshold: Duration,
    began: Instant,
    /// Milliseconds since `began`, plus one; 0 is never.
    reported: Vec<AtomicU64>,
}

impl SlowPolls {
    pub(crate) fn new(threshold: Duration, registry: &TaskRegistry) -> Self {
        Self {
            threshold,
            began: Instant::now(),
            reported: registry.names().map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Whether a poll that began then is slow, and if so how long it took.
    pub(crate) fn exceeded(&self, poll_began: Instant) -> Option<Duration> {
        let took = poll_began.elapsed();
        (took > self.threshold).then_some(took)
    }

    /// Warns, unless it was done within the last minute.
    #[cold]
    pub(crate) fn report(&self, task: &RegisteredTask, took: Duration) {
        let Some(reported) = self.reported.get(task.position()) else {
            return;
        };
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = millis(self.began.elapsed()).saturating_add(1);
        let last = reported.load(Ordering::Relaxed);
        if last != 0 && now.saturating_sub(last) < millis(QUIET) {
            return;
        }
        // Of several at the same moment one is enough.
        if reported
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            return;
        }
        tracing::warn!(
            task = task.name(),
            held_ms = millis(took),
            location = task.location(),
            "the async task `{}` held its thread for {} ms without an `.await` that waits; requests and jobs on that thread \
             stood still. Make it a plain `fn`, which runs on a thread of its own, or move what computes or blocks into \
             `tokio::task::spawn_blocking`",
            task.name(),
            millis(took),
        );
    }
}
