//! What is known of an operation.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::jobs::id::OperationId;
use crate::jobs::list::JobFilter;
use crate::jobs::record::{JobStatus, optional_time, time};
use crate::jobs::state::sql;

/// What is done to each job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OperationAction {
    /// Cancel those that have not ended.
    Cancel,
    /// Queue those again that failed or were canceled.
    Retry,
    /// Delete them; those that have not ended are canceled first.
    Delete,
}

impl OperationAction {
    /// The word that stands for it in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Delete => "delete",
        }
    }

    pub(super) fn stored(text: &str) -> Option<Self> {
        let mut all = [Self::Cancel, Self::Retry, Self::Delete].into_iter();
        all.find(|action| action.as_str() == text)
    }

    /// The condition of jobs that it changes.
    pub(super) fn condition(self) -> &'static str {
        match self {
            Self::Cancel => sql::OPEN,
            Self::Retry => sql::UNSUCCESSFUL,
            Self::Delete => "1 = 1",
        }
    }
}

impl fmt::Display for OperationAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OperationState {
    /// It has not begun: it can still be canceled without a trace.
    Waiting,
    /// Jobs are being changed.
    Running,
    /// All jobs were changed that could be.
    Done,
    /// It was canceled; what it had changed stays changed.
    Canceled,
}

impl OperationState {
    pub(super) fn stored(number: i32) -> Self {
        match number {
            0 => Self::Waiting,
            1 => Self::Running,
            2 => Self::Done,
            _ => Self::Canceled,
        }
    }

    pub(super) fn number(self) -> i32 {
        match self {
            Self::Waiting => 0,
            Self::Running => 1,
            Self::Done => 2,
            Self::Canceled => 3,
        }
    }
}

/// Which jobs an operation is about.
// With a member that it does not know, a process would change more jobs than are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OperationFilter {
    /// Their status, at the moment when each is changed.
    pub status: Option<JobStatus>,
    /// Names of their tasks.
    pub tasks: Option<Vec<String>>,
    /// Name of the schedule that submitted them.
    pub schedule: Option<String>,
    /// Their queue.
    pub queue: Option<String>,
    /// Type of the error of their latest failed attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// Code of the error of their latest failed attempt; empty for an error without one.
    pub error_code: Option<String>,
    /// Where that error began; empty where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_location: Option<String>,
}

impl From<JobFilter> for OperationFilter {
    fn from(filter: JobFilter) -> Self {
        Self {
            status: filter.status,
            tasks: filter.tasks,
            schedule: filter.schedule,
            queue: filter.queue,
            error_type: filter.error_type,
            error_code: filter.error_code,
            error_location: filter.error_location,
        }
    }
}

impl From<OperationFilter> for JobFilter {
    fn from(filter: OperationFilter) -> Self {
        Self {
            status: filter.status,
            tasks: filter.tasks,
            schedule: filter.schedule,
            queue: filter.queue,
            error_type: filter.error_type,
            error_code: filter.error_code,
            error_location: filter.error_location,
            ..Self::new()
        }
    }
}

/// How many jobs an operation would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobCount {
    /// Number of jobs, counted up to 10,000.
    pub jobs: u64,
    /// Whether there are more.
    pub more: bool,
}

/// An operation on the jobs that fit a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobOperation {
    /// Id of the operation, a ULID.
    pub id: OperationId,
    /// What is done to each job.
    pub action: OperationAction,
    /// Which jobs it is about, of those that there were when it was asked for.
    pub filter: OperationFilter,
    /// How far it is.
    pub state: OperationState,
    /// When it was asked for.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub requested_at: DateTime<Utc>,
    /// Name of the API key that it was asked for with.
    pub requested_by: Option<String>,
    /// When it begins: until then it can be canceled without a trace.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub begins_at: DateTime<Utc>,
    /// When it was done or canceled.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_at: Option<DateTime<Utc>>,
    /// Number of jobs that fitted when it was asked for, counted up to 10,000.
    pub total: u64,
    /// Whether there were more.
    pub more: bool,
    /// Number of jobs that it has changed so far.
    pub done: u64,
    /// Number of jobs that could not be changed, such as one that is not queued again because another with the same parameters waits.
    pub passed_over: u64,
}
