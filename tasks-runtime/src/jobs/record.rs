//! What is known of a job.

use std::fmt;
use std::str::FromStr;

use crate::jobs::id::JobId;
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::artifacts::{ArtifactId, JsonText};

/// How a job is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// It waits: for its time, or for a worker.
    Pending,
    /// A worker has it. One that was asked to stop is running until its code has ended.
    Running,
    /// It has a result.
    Completed,
    /// It gave up.
    Failed,
    /// Somebody did not want it any more.
    Canceled,
}

impl JobStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Canceled,
    ];

    /// Whether nothing will change any more, unless somebody asks for it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }

    /// The word for it.
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

/// How far a job says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done.
    pub current: u64,
    /// Of how much, if that is known.
    pub total: Option<u64>,
    /// What is being done.
    pub message: Option<String>,
}

/// What is known of a job, its result apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct JobRecord {
    /// Its name, a ULID.
    pub id: JobId,
    /// The task that it runs; null for a closure.
    pub task_name: Option<String>,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// How it is.
    pub status: JobStatus,
    /// The parameters as they were sent, secret ones masked. Empty in a list when they are longer than 1 KiB.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub params: JsonText,
    /// The queue it waits in.
    pub queue: String,
    /// Those of a higher one go first.
    pub priority: i32,
    /// When it was stored.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub submitted_at: DateTime<Utc>,
    /// When its latest attempt began.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was to run, if that was to be later than at once.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub scheduled_at: Option<DateTime<Utc>>,
    /// When the next attempt is due: of a job that is pending and waits for its time, or for another attempt after one that failed.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why a pending job does not run, when it could: `no worker has this task`.
    pub pending_reason: Option<String>,
    /// When somebody asked it to stop.
    #[serde(serialize_with = "optional_time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// The number of the latest attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// How often its process died while it ran. That spends no attempt.
    pub crashes: u32,
    /// How far it says it is.
    pub progress: Option<Progress>,
    /// What went wrong in the latest attempt that failed.
    pub error: Option<String>,
    /// Where that came from. Null in a list.
    pub error_traceback: Option<String>,
    /// The members that are shortened or left out, in a list: the record itself has them whole.
    pub truncated: Vec<&'static str>,
    /// The artifact that it made.
    pub artifact_id: Option<ArtifactId>,
    /// The schedule that it is a run of.
    pub schedule_name: Option<String>,
    /// The name of the API key that it was submitted with.
    pub submitted_by: Option<String>,
}

/// A line that a job logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobLog {
    /// Its place, from 1.
    pub number: u32,
    /// When it was logged.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: DateTime<Utc>,
    /// What it says.
    pub message: String,
}

/// How many jobs there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobStats {
    /// That wait.
    pub pending: u64,
    /// That run.
    pub running: u64,
    /// That are completed, and kept.
    pub completed: u64,
    /// That failed, and are kept.
    pub failed: u64,
    /// That were canceled, and are kept.
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
