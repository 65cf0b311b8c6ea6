//! What is shown of the past.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::jobs::record::time;

/// What jobs came to over a span of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobHistory {
    /// Beginning of the first step. It is later than what was asked for if older figures are not kept any more.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: DateTime<Utc>,
    /// End of the last step.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub to: DateTime<Utc>,
    /// Length of a step in seconds: 60, 600, 3600 or 86400. Steps begin at whole minutes, hours and days of UTC.
    pub step: u32,
    /// Figures of each step, in order, also of those in which nothing happened.
    #[schemars(length(max = 1000))]
    pub points: Vec<JobHistoryPoint>,
    /// Figures of the whole span.
    pub total: JobHistoryPoint,
}

/// What jobs came to from a time on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobHistoryPoint {
    /// When it begins.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: DateTime<Utc>,
    /// Number of jobs that were submitted.
    pub submitted: u64,
    /// Number of jobs that completed.
    pub completed: u64,
    /// Number of jobs that failed.
    pub failed: u64,
    /// Number of jobs that were canceled.
    pub canceled: u64,
    /// Number of attempts that failed and that another attempt follows.
    pub retried: u64,
    /// Number of attempts whose process died.
    pub crashed: u64,
    /// How long attempts that ended had waited for a worker, from when they were due.
    pub wait: JobLatency,
    /// How long attempts that ended had run.
    pub run: JobLatency,
}

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobLatency {
    /// Number of attempts that were measured.
    pub count: u64,
    /// Median in seconds, to about a fifth. Null when nothing was measured.
    pub p50: Option<f64>,
    /// What 95 of 100 do not exceed, in seconds, to about a fifth. Null when nothing was measured.
    pub p95: Option<f64>,
}
