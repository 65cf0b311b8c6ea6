//! Failures in groups: what fails alike, where, how often.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::JobId;
use super::record::time;
use super::state::JobState;
use super::store::FailureRow;

/// How many groups there are at most: those with the most failures.
const MAX_GROUPS: usize = 50;

/// What failed since a time, in groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobFailures {
    /// Time since which failures are counted. It is later than what was asked for if more than 10,000 attempts have failed since then: the latest
    /// are counted.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: DateTime<Utc>,
    /// Groups with the most failures, at most 50.
    #[schemars(length(max = 50))]
    pub groups: Vec<JobFailureGroup>,
    /// Number of groups that are left out.
    pub left_out: u64,
}

/// Attempts of one task that failed alike: with the same type, code and location of the error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct JobFailureGroup {
    /// Name of the task; null for closures.
    pub task_name: Option<String>,
    /// Type of the error.
    pub error_type: String,
    /// Code of the error, for programs.
    pub error_code: Option<String>,
    /// Where the error began: a place in the source, or the JSON pointer to the parameter that does not fit. Null where that is not known.
    pub error_location: Option<String>,
    /// Number of attempts that failed so, whether others followed or not.
    pub attempts: u64,
    /// Number of jobs that these are attempts of.
    pub jobs: u64,
    /// Number of those jobs that have failed, with no attempt left.
    pub failed_jobs: u64,
    /// When the first of these attempts failed.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub first_at: DateTime<Utc>,
    /// When the latest of these attempts failed.
    #[serde(serialize_with = "time")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last_at: DateTime<Utc>,
    /// Message of the latest one, at most 2,048 bytes of it.
    pub error: String,
    /// Job of the latest one.
    pub job_id: JobId,
}

/// A group, and its latest attempt.
pub(super) struct Group {
    pub(super) latest: FailureRow,
    first: i64,
    attempts: u64,
    jobs: BTreeSet<String>,
    failed_jobs: BTreeSet<String>,
}

/// The largest groups, and how many there are besides.
pub(super) fn group(rows: Vec<FailureRow>) -> (Vec<Group>, u64) {
    type Alike = (Option<String>, String, Option<String>, Option<String>);
    let mut groups: BTreeMap<Alike, Group> = BTreeMap::new();
    for row in rows {
        let alike = (
            row.task_name.clone(),
            row.error_type.clone(),
            row.error_code.clone(),
            row.error_location.clone(),
        );
        let group = groups.entry(alike).or_insert_with(|| Group {
            latest: row.clone(),
            first: row.finished_at,
            attempts: 0,
            jobs: BTreeSet::new(),
            failed_jobs: BTreeSet::new(),
        });
        group.attempts += 1;
        group.first = group.first.min(row.finished_at);
        if row.state == JobState::Failed {
            group.failed_jobs.insert(row.job_id.clone());
        }
        group.jobs.insert(row.job_id.clone());
        if row.finished_at > group.latest.finished_at {
            group.latest = row;
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.attempts, group.latest.finished_at)));
    let left_out = groups.len().saturating_sub(MAX_GROUPS);
    groups.truncate(MAX_GROUPS);
    (groups, left_out as u64)
}

impl Group {
    /// The record, with the message of the latest attempt.
    pub(super) fn record(self, error: String) -> JobFailureGroup {
        let time = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
        JobFailureGroup {
            attempts: self.attempts,
            jobs: self.jobs.len() as u64,
            failed_jobs: self.failed_jobs.len() as u64,
            first_at: time(self.first),
            last_at: time(self.latest.finished_at),
            error,
            job_id: JobId::stored(&self.latest.job_id),
            task_name: self.latest.task_name,
            error_type: self.latest.error_type,
            error_code: self.latest.error_code,
            error_location: self.latest.error_location,
        }
    }
}
