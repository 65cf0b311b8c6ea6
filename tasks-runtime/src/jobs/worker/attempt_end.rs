//! How an attempt ended, and what becomes of its job.

use super::suspension::Suspension;
use crate::artifacts::ArtifactId;
use crate::jobs::attempt_key::AttemptKey;
use crate::jobs::error::JobError;
use crate::jobs::history::Timing;
use crate::jobs::state::JobState;
use crate::jobs::stored_text::storable;
use crate::jobs::{MAX_ERROR_BYTES, MAX_ERROR_DETAILS, MAX_TRACEBACK_BYTES};
use crate::task::{FrameworkCode, TaskFailure};
use crate::text::cut;

/// How long the name of an error's type may be, in bytes: names of generic types are long.
const MAX_ERROR_TYPE: usize = 1024;

/// How long the location of an error may be, in bytes.
const MAX_ERROR_LOCATION: usize = 512;

/// What the record of a closure says whose process ended.
pub(in crate::jobs) const LOST: &str =
    "the process that ran it ended, and a closure cannot survive its process";

/// The end of an attempt, to be written.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct AttemptEnd {
    pub(in crate::jobs) attempt: AttemptKey,
    /// Name of the task, if the attempt began: its end is counted.
    pub(in crate::jobs) task: Option<String>,
    /// When it ended, in microseconds since 1970, by the clock of the database.
    pub(in crate::jobs) at: i64,
    pub(in crate::jobs) outcome: AttemptOutcome,
    pub(in crate::jobs) artifact: Option<ArtifactId>,
    /// How long it waited and ran, if it began.
    pub(in crate::jobs) timing: Option<Timing>,
    /// Progress that it reported last, as JSON.
    pub(in crate::jobs) progress: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(in crate::jobs) enum AttemptOutcome {
    /// With a result, which is JSON.
    Completed(String),
    /// It failed, and no other attempt follows.
    Failed(Failure),
    /// It failed, and another attempt follows at a time.
    Retried { failure: Failure, at: i64 },
    /// Somebody canceled the job.
    Canceled,
    /// It came to nothing through no fault of its own, and is not counted; the job is ready again.
    Returned,
    /// As [`Returned`](Self::Returned), but the job waits until a time.
    Deferred { until: i64 },
    /// It waits for a time or an event, and is not counted.
    Suspended(Suspension),
    /// It was a closure, and its process ended.
    Lost,
}

impl AttemptOutcome {
    /// Why it failed, if it did.
    pub(in crate::jobs) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) | Self::Retried { failure, .. } => Some(failure),
            Self::Completed(_)
            | Self::Canceled
            | Self::Returned
            | Self::Deferred { .. }
            | Self::Suspended(_)
            | Self::Lost => None,
        }
    }

    /// With a result, if it is not larger than it may be.
    pub(in crate::jobs) fn completed(json: String, max: usize) -> Self {
        if json.len() > max {
            Self::Failed(Failure::too_large(json.len(), max))
        } else {
            Self::Completed(json)
        }
    }
}

/// An error of an attempt, as it can be stored.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Failure {
    pub(in crate::jobs) r#type: String,
    pub(in crate::jobs) code: Option<String>,
    pub(in crate::jobs) message: String,
    /// JSON.
    pub(in crate::jobs) details: Option<String>,
    pub(in crate::jobs) traceback: Option<String>,
    /// Where it began: a place in the source, or the pointer to a parameter.
    pub(in crate::jobs) location: Option<String>,
}

impl Failure {
    fn of_framework(code: FrameworkCode, message: String) -> Self {
        Self {
            r#type: code.as_str().to_owned(),
            code: Some(code.as_str().to_owned()),
            message,
            details: None,
            traceback: None,
            location: None,
        }
    }

    /// Of a result that is larger than it may be.
    pub(in crate::jobs) fn too_large(bytes: usize, max: usize) -> Self {
        let message = format!(
            "the result has {bytes} bytes, and {max} are allowed: store it as an artifact and return its id, or set `Jobs::max_result_size`"
        );
        Self::of_framework(FrameworkCode::ResultTooLarge, message)
    }

    /// Of steps of an older version of the task.
    pub(in crate::jobs) fn of_old_version(reason: String) -> Self {
        Self::of_framework(FrameworkCode::OldTaskVersion, reason)
    }

    /// Of a result that the database does not take.
    pub(in crate::jobs) fn not_stored(bytes: usize, error: &JobError) -> Self {
        let mut message = storable(&format!(
            "the result of {bytes} bytes could not be stored: {error}; store what is large as an artifact and return its id"
        ));
        cut(&mut message, MAX_ERROR_BYTES);
        Self::of_framework(FrameworkCode::ResultNotStored, message)
    }
}

impl From<TaskFailure> for Failure {
    /// Without what a database cannot store, and what is too long: one end that cannot be written would keep all others from it.
    fn from(failure: TaskFailure) -> Self {
        let text = |text: String, most| {
            let mut text = storable(&text);
            cut(&mut text, most);
            text
        };
        Self {
            r#type: text(failure.r#type, MAX_ERROR_TYPE),
            code: failure.code,
            message: text(failure.message, MAX_ERROR_BYTES),
            details: failure
                .details
                .map(|details| details.to_string())
                .filter(|details| details.len() <= MAX_ERROR_DETAILS),
            traceback: failure
                .traceback
                .map(|traceback| text(traceback, MAX_TRACEBACK_BYTES)),
            location: failure
                .location
                .map(|location| text(location.into(), MAX_ERROR_LOCATION)),
        }
    }
}

/// What an end writes into the row of its job.
pub(in crate::jobs) struct Columns<'a> {
    pub(in crate::jobs) state: JobState,
    /// When the job is due again, if it is.
    pub(in crate::jobs) run_at: i64,
    /// What is added to the number of the attempt: -1 where it is not to count.
    pub(in crate::jobs) attempt_delta: i32,
    pub(in crate::jobs) finished_at: Option<i64>,
    pub(in crate::jobs) error_type: Option<&'a str>,
    pub(in crate::jobs) error: Option<&'a str>,
    pub(in crate::jobs) error_traceback: Option<&'a str>,
    pub(in crate::jobs) error_code: Option<&'a str>,
    pub(in crate::jobs) error_details: Option<&'a str>,
    pub(in crate::jobs) result: Option<&'a str>,
}

impl AttemptEnd {
    /// Of an attempt that reported nothing.
    pub(in crate::jobs) fn new(attempt: AttemptKey, at: i64, outcome: AttemptOutcome) -> Self {
        Self {
            attempt,
            task: None,
            at,
            outcome,
            artifact: None,
            timing: None,
            progress: None,
        }
    }

    /// Of an attempt that does not end before its process: a closure is lost, anything else goes back.
    pub(in crate::jobs) fn left_behind(attempt: AttemptKey, is_closure: bool, at: i64) -> Self {
        let outcome = if is_closure {
            AttemptOutcome::Lost
        } else {
            AttemptOutcome::Returned
        };
        Self::new(attempt, at, outcome)
    }

    /// About how many bytes are written of it.
    pub(in crate::jobs) fn bytes(&self) -> usize {
        let outcome = match &self.outcome {
            AttemptOutcome::Completed(result) => result.len(),
            AttemptOutcome::Failed(failure) | AttemptOutcome::Retried { failure, .. } => {
                failure.message.len()
                    + failure.details.as_ref().map_or(0, String::len)
                    + failure.traceback.as_ref().map_or(0, String::len)
            }
            _ => 0,
        };
        outcome + self.progress.as_ref().map_or(0, String::len)
    }

    /// Whether the job can be claimed again at once.
    pub(in crate::jobs) fn is_returned(&self) -> bool {
        matches!(self.outcome, AttemptOutcome::Returned)
    }

    /// When the job is due again, if it waits for a time.
    pub(in crate::jobs) fn waits_until(&self) -> Option<i64> {
        match self.outcome {
            AttemptOutcome::Retried { at, .. }
            | AttemptOutcome::Deferred { until: at }
            | AttemptOutcome::Suspended(Suspension { until: at, .. }) => Some(at),
            _ => None,
        }
    }

    pub(in crate::jobs) fn columns(&self) -> Columns<'_> {
        use AttemptOutcome::{
            Canceled, Completed, Deferred, Failed, Lost, Retried, Returned, Suspended,
        };
        let state = match &self.outcome {
            Completed(_) => JobState::Completed,
            Failed(_) | Lost => JobState::Failed,
            Canceled => JobState::Canceled,
            Retried { .. } | Deferred { .. } | Suspended(_) => JobState::Scheduled,
            Returned => JobState::Ready,
        };
        let failure = match &self.outcome {
            Failed(failure) | Retried { failure, .. } => Some(failure),
            Completed(_) | Canceled | Returned | Deferred { .. } | Suspended(_) | Lost => None,
        };
        let lost = matches!(self.outcome, Lost).then_some((FrameworkCode::Lost.as_str(), LOST));
        let of = |field: fn(&Failure) -> Option<&str>| failure.and_then(field);
        Columns {
            state,
            run_at: self.waits_until().unwrap_or(self.at),
            attempt_delta: match &self.outcome {
                Returned | Deferred { .. } | Suspended(_) => -1,
                Completed(_) | Failed(_) | Retried { .. } | Canceled | Lost => 0,
            },
            finished_at: match &self.outcome {
                Completed(_) | Failed(_) | Canceled | Lost => Some(self.at),
                Retried { .. } | Returned | Deferred { .. } | Suspended(_) => None,
            },
            error_type: of(|failure| Some(&failure.r#type)).or(lost.map(|(code, _)| code)),
            error: of(|failure| Some(&failure.message)).or(lost.map(|(_, error)| error)),
            error_traceback: of(|failure| failure.traceback.as_deref()),
            error_code: of(|failure| failure.code.as_deref()).or(lost.map(|(code, _)| code)),
            error_details: of(|failure| failure.details.as_deref()),
            result: match &self.outcome {
                Completed(result) => Some(result),
                _ => None,
            },
        }
    }
}
