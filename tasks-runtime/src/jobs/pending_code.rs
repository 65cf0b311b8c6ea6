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
    /// It waits for the end of a job that it has submitted.
    WaitingForChild,
    /// Its queue is paused.
    QueuePaused,
    /// Its task is paused.
    TaskPaused,
    /// No worker has its task.
    NoWorkerForTask,
    /// No worker serves its queue.
    NoWorkerForQueue,
    /// No worker that has its task serves its queue.
    NoWorkerForBoth,
    /// As many jobs of its task run as the task allows: on each worker, or on all of them together.
    TaskLimit,
    /// As many jobs of its queue run as the queue allows: on each worker, or on all of them together.
    QueueLimit,
    /// As many jobs with its key run as its task allows.
    KeyLimit,
    /// As many attempts have begun as a rate allows: of its task, of its key or of its queue.
    RateLimit,
    /// Its process died more than once while it ran, so it runs alone, and all workers run such a job.
    Quarantine,
    /// Other jobs are before it.
    WorkersBusy,
    /// No other job is before it.
    Next,
}
