//! What is known of a queue.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::time;

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
    /// Since when it is paused, by whom and why; null if it is not.
    pub paused: Option<QueuePause>,
}

/// A pause of a queue: its jobs do not begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct QueuePause {
    /// When the queue was paused.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: DateTime<Utc>,
    /// Name of the API key that it was paused with.
    pub by: Option<String>,
    /// Why, in the words of whoever paused it.
    pub reason: Option<String>,
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
            paused: None,
        }
    }
}
