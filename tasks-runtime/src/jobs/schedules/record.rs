//! What is shown of a schedule.

use crate::jobs::id::JobId;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::artifacts::JsonText;
use crate::jobs::record::{optional_time, time};

/// What is known of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ScheduleRecord {
    /// Name of the schedule.
    pub name: String,
    /// Name of the task that it submits.
    pub task_name: String,
    /// Parameters of its jobs, with secret ones masked.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub params: JsonText,
    /// Free text, given when the schedule was made.
    pub description: Option<String>,
    /// Cron pattern, if the schedule has one.
    pub cron: Option<String>,
    /// Time zone of the cron pattern.
    pub timezone: String,
    /// Interval between two runs in seconds, if the schedule has one.
    pub interval: Option<u64>,
    /// The only time it runs, if it has neither a pattern nor an interval.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub run_at: Option<DateTime<Utc>>,
    /// When it runs in plain English, such as `every 5 minutes` or `at 03:00 on weekdays, Europe/Berlin`. Null for a pattern that no short sentence
    /// says.
    pub recurrence: Option<String>,
    /// Queue of its jobs, if not the task's own.
    pub queue: Option<String>,
    /// Priority of its jobs, if not the task's own.
    pub priority: Option<i32>,
    /// Maximum number of attempts of its jobs, if not the task's own.
    pub max_attempts: Option<u32>,
    /// Timeout of an attempt in seconds, if not the task's own.
    pub timeout: Option<f64>,
    /// The id of the service whose code declares it; null if it was made by hand.
    pub declared_by: Option<String>,
    /// Whether the schedule is paused: its times pass without a run.
    pub paused: bool,
    /// When the schedule was made.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: DateTime<Utc>,
    /// Time of the latest run.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_run_at: Option<DateTime<Utc>>,
    /// Job of the latest run.
    pub last_job_id: Option<JobId>,
    /// Why the schedule submits no job although its time has come: no worker has its task.
    pub pending_reason: Option<String>,
    /// Times of the next runs; empty while the schedule is paused and after its last run.
    #[schemars(with = "Vec<String>")]
    pub next_runs: Vec<DateTime<Utc>>,
    /// Names of the fields that are left out: `params` of a task that the process does not have, which does not know what is secret in them.
    pub truncated: Vec<&'static str>,
}
