//! Pauses of queues and of tasks.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::time;

/// A pause of a queue or of a task: its jobs do not begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Pause {
    /// When it was paused.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: DateTime<Utc>,
    /// Name of the API key that it was paused with.
    pub by: Option<String>,
    /// Why, in the words of whoever paused it.
    pub reason: Option<String>,
}

/// A task, and whether its jobs are paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TaskPause {
    /// Name of the task.
    pub task: String,
    /// Since when its jobs are paused, by whom and why; null if they are not.
    pub paused: Option<Pause>,
}
