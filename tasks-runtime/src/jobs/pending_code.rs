//! The kinds of reasons why a pending job does not run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a pending job does not run, for programs: `pending_reason` says the same in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PendingCode {
    /// It is not to begin before a time.
    Scheduled,
    /// An attempt failed, and the time of the next one has not come.
    Retry,
    /// It sleeps until a time.
    Sleeping,
    /// It waits for an event.
    WaitingForEvent,
    /// Its queue is paused.
    QueuePaused,
    /// No worker has its task.
    NoWorkerForTask,
    /// No worker serves its queue.
    NoWorkerForQueue,
    /// No worker that has its task serves its queue.
    NoWorkerForBoth,
    /// All workers run as many jobs of its task as the task allows.
    TaskLimit,
    /// All workers run as many jobs of its queue as the queue allows.
    QueueLimit,
    /// Its process died more than once while it ran, so it runs alone, and all workers run such a job.
    Quarantine,
    /// Other jobs are before it.
    WorkersBusy,
    /// No other job is before it.
    Next,
}
