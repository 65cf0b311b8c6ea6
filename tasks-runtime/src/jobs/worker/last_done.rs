//! When the driver did last what it does periodically.

use tokio::time::Instant;

/// When the driver did last what it does periodically, by the steady clock.
pub(super) struct LastDone {
    /// Wrote its heartbeat.
    pub(super) heartbeat: Instant,
    /// Looked for jobs and workers of other processes.
    pub(super) poll: Instant,
    /// Looked for jobs that somebody asked to stop.
    pub(super) cancel: Instant,
    /// Looked for jobs that it was given and that never began.
    pub(super) held: Instant,
    /// Looked for workers that have the tasks that it does not have.
    pub(super) tasks: Instant,
    /// Looked for schedules that were planned while a clock was ahead.
    pub(super) plans: Option<Instant>,
    /// Counted the jobs that wait.
    #[cfg(feature = "metrics")]
    pub(super) count: Option<Instant>,
}

impl LastDone {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            heartbeat: now,
            poll: now,
            cancel: now,
            held: now,
            tasks: now,
            plans: None,
            #[cfg(feature = "metrics")]
            count: None,
        }
    }
}
