//! What is known of a queue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pause::Pause;

/// A queue: who serves it, what waits in it, and whether it is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct QueueRecord {
    /// Name of the queue.
    pub name: String,
    /// Number of its jobs that are pending, counted up to 10,000 that are ready and 10,000 that wait for their time.
    pub pending: u64,
    /// Whether there may be more pending jobs than `pending` says.
    pub more_pending: bool,
    /// Number of its jobs that run.
    pub running: u64,
    /// Number of workers that serve it.
    pub workers: u64,
    /// Number of its jobs that each worker runs at once, as the process that answers has it; null where the queue has no limit of its own.
    pub concurrency: Option<u64>,
    /// Number of its jobs that all workers together run at once, as the process that answers has it; null where there is no such limit.
    pub global_concurrency: Option<u64>,
    /// Number of attempts of its jobs that begin in a period, and the period, such as `100/1m`, as the process that answers has it; null where there is no such limit.
    pub rate: Option<String>,
    /// Since when it is paused, by whom and why; null if it is not.
    pub paused: Option<Pause>,
}

impl QueueRecord {
    /// A queue of which nothing is known but its name.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            pending: 0,
            more_pending: false,
            running: 0,
            workers: 0,
            concurrency: None,
            global_concurrency: None,
            rate: None,
            paused: None,
        }
    }
}
