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
    /// Its name.
    pub name: String,
    /// The task that it submits.
    pub task_name: String,
    /// The parameters, secret ones masked.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub params: JsonText,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// Its pattern of cron, if it has one.
    pub cron: Option<String>,
    /// The time zone of the pattern.
    pub timezone: String,
    /// How many seconds are between two runs, if it is one with an interval.
    pub interval: Option<u64>,
    /// The one time that it runs, if it is one without an interval or a pattern.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub run_at: Option<DateTime<Utc>>,
    /// The queue that its jobs wait in, if that is not the task's own.
    pub queue: Option<String>,
    /// The priority of its jobs, if that is not the task's own.
    pub priority: Option<i32>,
    /// How many attempts its jobs may have, if they are not those of the task.
    pub max_attempts: Option<u32>,
    /// How many seconds an attempt may take, if that is not as the task says.
    pub timeout: Option<f64>,
    /// The id of the service whose code declares it; null if it was made by hand.
    pub declared_by: Option<String>,
    /// Whether it rests: its times pass without a run.
    pub paused: bool,
    /// When it was made.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: DateTime<Utc>,
    /// The time of the latest run.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_run_at: Option<DateTime<Utc>>,
    /// The job of the latest run.
    pub last_job_id: Option<JobId>,
    /// The next runs; none while it is paused, or when it is over.
    #[schemars(with = "Vec<String>")]
    pub next_runs: Vec<DateTime<Utc>>,
}
