//! What is known of a step of a job.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::JobId;
use super::record::{optional_time, time};

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StepKind {
    /// Code whose result is stored: [`TaskContext::step`](crate::TaskContext::step).
    Step,
    /// A pause: [`TaskContext::sleep`](crate::TaskContext::sleep).
    Sleep,
    /// A wait for an event: [`TaskContext::wait_for`](crate::TaskContext::wait_for).
    Event,
    /// Another job, from its submission to its end: [`TaskContext::spawn_child`](crate::TaskContext::spawn_child).
    Child,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StepStatus {
    /// It sleeps, waits for its event, or its job has not ended.
    Waiting,
    /// It is done, and no later attempt does it again.
    Completed,
    /// It failed: the next attempt does it again, or this one, where the step has retries. The event of a wait did not come in time. Its job failed or was canceled: the next attempt looks at it
    /// again.
    Failed,
}

/// A step of a job. One that runs is not listed before it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobStep {
    /// Name of the step; `#2` and so on are added where a name came more than once.
    pub name: String,
    /// What it is.
    pub kind: StepKind,
    /// How far it is.
    pub status: StepStatus,
    /// Number of the attempt that did it, or began to wait.
    pub attempt: u32,
    /// When it began.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: DateTime<Utc>,
    /// When it ended; null while it waits.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_at: Option<DateTime<Utc>>,
    /// Until when it sleeps, or waits for its event at most.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub waits_until: Option<DateTime<Utc>>,
    /// Name of the event that it waits for.
    pub event: Option<String>,
    /// The job that it submitted. It may be deleted by now.
    pub child_id: Option<JobId>,
    /// How long its result is, in bytes of JSON. The result itself is not shown.
    pub result_bytes: Option<u64>,
    /// Message of its error.
    pub error: Option<String>,
}
