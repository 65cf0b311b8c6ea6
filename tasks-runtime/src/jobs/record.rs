//! What is known of a job.

use std::fmt;
use std::str::FromStr;

use crate::jobs::id::JobId;
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::pending_code::PendingCode;
use crate::artifacts::{ArtifactId, JsonText};

/// The status of a job.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// Waiting for its time, or for a worker.
    Pending,
    /// A worker runs it. A job that was asked to stop stays in this status until its code has ended.
    Running,
    /// Ended with a result.
    Completed,
    /// Failed in its last attempt.
    Failed,
    /// Canceled before it could complete.
    Canceled,
}

impl JobStatus {
    /// All statuses, in the order of a life.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Canceled,
    ];

    /// Returns whether the job has ended: it changes only if it is retried.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }

    /// The word that stands for it in JSON and in queries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the word that [`JobStatus::as_str`] gives.
///
/// ```
/// use tasks_runtime::jobs::JobStatus;
///
/// assert_eq!("failed".parse(), Ok(JobStatus::Failed));
/// assert_eq!("over".parse::<JobStatus>().unwrap_err().to_string(), "`over` is no status of a job: use pending, running, completed, failed, canceled");
/// ```
impl FromStr for JobStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| UnknownStatus(text.chars().take(100).collect()))
    }
}

/// The text is not the name of a [`JobStatus`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no status of a job: use {list}", list = JobStatus::ALL.map(JobStatus::as_str).join(", "))]
pub struct UnknownStatus(String);

/// Progress that a job has reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Progress {
    /// Amount of work done.
    pub current: u64,
    /// Total amount of work, if known.
    pub total: Option<u64>,
    /// What the job is doing.
    pub message: Option<String>,
}

/// A job, without its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct JobRecord {
    /// Id of the job, a ULID.
    pub id: JobId,
    /// Name of the task that the job runs; null for a closure.
    pub task_name: Option<String>,
    /// Free text, given when the job was submitted.
    pub description: Option<String>,
    /// Current status.
    pub status: JobStatus,
    /// Parameters as they were sent, with secret ones masked. Empty in a list when they are longer than 1 KiB.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub params: JsonText,
    /// Queue that the job waits in.
    pub queue: String,
    /// Priority: jobs with a higher number run first.
    pub priority: i32,
    /// When the job was submitted.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub submitted_at: DateTime<Utc>,
    /// When the latest attempt began.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<DateTime<Utc>>,
    /// When the job ended.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_at: Option<DateTime<Utc>>,
    /// When the job was scheduled to run, if not at once.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub scheduled_at: Option<DateTime<Utc>>,
    /// When the next attempt is due, for a pending job that waits for its time or for a retry.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why a pending job does not run: it waits for its time, its queue is paused, no worker can run it, a limit is reached, other jobs are before
    /// it, or it is next. Null in the answer of a submission.
    pub pending_reason: Option<String>,
    /// The kind of that reason, for programs.
    pub pending_code: Option<PendingCode>,
    /// When cancellation was requested.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Number of the latest attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// Maximum number of attempts.
    pub max_attempts: u32,
    /// Number of times its process died while the job ran. A crash does not count as an attempt.
    pub crashes: u32,
    /// Latest progress that the job has reported.
    pub progress: Option<Progress>,
    /// Error message of the latest failed attempt.
    pub error: Option<String>,
    /// Traceback of that error. Null in a list.
    pub error_traceback: Option<String>,
    /// Code of that error, for programs.
    pub error_code: Option<String>,
    /// What that error says beside its message, as JSON. Null in a list.
    #[schemars(with = "Option<serde_json::Value>")]
    pub error_details: Option<JsonText>,
    /// Names of the fields that are shortened or left out. In a list these are long texts and large parameters, which the record itself has
    /// in full. `params` of a task that the process does not have are left out everywhere: it does not know what is secret in them.
    pub truncated: Vec<&'static str>,
    /// Artifact that the job made.
    pub artifact_id: Option<ArtifactId>,
    /// Schedule that submitted the job.
    pub schedule_name: Option<String>,
    /// Name of the API key that the job was submitted with.
    pub submitted_by: Option<String>,
}

/// A line in the log of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobLog {
    /// Number of the line, from 1.
    pub number: u32,
    /// When the line was logged.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: DateTime<Utc>,
    /// Text of the line.
    pub message: String,
}

/// An attempt of a job: one time that a worker ran it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobAttempt {
    /// Number of the attempt, from 1. A crash does not count, so the attempt after it has the same number.
    pub number: u32,
    /// `running`, `completed`, `failed` or `canceled`. An attempt whose process died is `failed`, with the code `crash`.
    pub status: JobStatus,
    /// When it began.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended; null while it runs.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_at: Option<DateTime<Utc>>,
    /// Machine and process that ran it, such as `web-1 (4711)`; null where that is not known any more.
    pub worker: Option<String>,
    /// Type of its error.
    pub error_type: Option<String>,
    /// Code of its error, for programs.
    pub error_code: Option<String>,
    /// Message of its error, at most 2,048 bytes of it unless it is the latest attempt.
    pub error: Option<String>,
}

/// A worker: a process that runs jobs of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct WorkerRecord {
    /// Id of the worker, a ULID; a process that starts again has another one.
    pub id: String,
    /// Name of the machine.
    pub host: String,
    /// Number of the process on that machine.
    pub process: u64,
    /// Version of its program, if it says one.
    pub version: Option<String>,
    /// When the worker began.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: DateTime<Utc>,
    /// Queues that it serves.
    pub queues: Vec<String>,
    /// Names of the tasks that it has.
    pub tasks: Vec<String>,
    /// Number of jobs that it runs.
    pub running: u64,
}

/// Number of jobs in each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobStats {
    /// Number of pending jobs.
    pub pending: u64,
    /// Number of running jobs.
    pub running: u64,
    /// Number of completed jobs that are kept.
    pub completed: u64,
    /// Number of failed jobs that are kept.
    pub failed: u64,
    /// Number of canceled jobs that are kept.
    pub canceled: u64,
}

pub(super) fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[allow(clippy::ref_option, reason = "as serde calls it")]
pub(super) fn optional_time<S: Serializer>(
    time_: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time_ {
        Some(at) => time(at, serializer),
        None => serializer.serialize_none(),
    }
}
