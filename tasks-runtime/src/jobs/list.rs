//! Lists of jobs.

use chrono::{DateTime, Utc};

use super::record::{JobRecord, JobStatus};
use super::stored_text::storable;

/// Which jobs are wanted.
///
/// ```
/// use tasks_runtime::jobs::{JobFilter, JobStatus};
///
/// let failed = JobFilter::new().status(JobStatus::Failed).task("greet_user");
/// # let _ = failed;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JobFilter {
    pub(super) status: Option<JobStatus>,
    pub(super) tasks: Option<Vec<String>>,
    pub(super) schedule: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) error_type: Option<String>,
    /// Empty for an error without one, and so is the location.
    pub(super) error_code: Option<String>,
    pub(super) error_location: Option<String>,
    pub(super) submitted_after: Option<i64>,
    pub(super) submitted_before: Option<i64>,
    pub(super) search: Option<String>,
    /// The tasks whose parameters are searched.
    pub(super) searched_tasks: Vec<String>,
}

impl JobFilter {
    /// Matches all jobs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps jobs with this status.
    #[must_use]
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Keeps jobs that a schedule has submitted.
    #[must_use]
    pub fn schedule(mut self, name: impl Into<String>) -> Self {
        self.schedule = Some(storable(&name.into()));
        self
    }

    /// Keeps jobs of a queue.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>) -> Self {
        self.queue = Some(storable(&name.into()));
        self
    }

    /// Keeps jobs whose latest failed attempt has an error of this type, as [`JobFailureGroup::error_type`](super::JobFailureGroup::error_type) says it.
    #[must_use]
    pub fn error_type(mut self, name: impl Into<String>) -> Self {
        self.error_type = Some(storable(&name.into()));
        self
    }

    /// Keeps jobs whose latest failed attempt has an error with this code; with an empty text, those that have failed with an error that has none.
    #[must_use]
    pub fn error_code(mut self, code: impl Into<String>) -> Self {
        self.error_code = Some(storable(&code.into()));
        self
    }

    /// Keeps jobs whose latest failed attempt has an error that began here, as [`JobFailureGroup::error_location`](super::JobFailureGroup::error_location)
    /// says it; with an empty text, those where that is not known.
    #[must_use]
    pub fn error_location(mut self, place: impl Into<String>) -> Self {
        self.error_location = Some(storable(&place.into()));
        self
    }

    /// Keeps jobs that were submitted at this time or later.
    #[must_use]
    pub fn submitted_after(mut self, at: DateTime<Utc>) -> Self {
        self.submitted_after = Some(at.timestamp_micros());
        self
    }

    /// Keeps jobs that were submitted before this time.
    #[must_use]
    pub fn submitted_before(mut self, at: DateTime<Utc>) -> Self {
        self.submitted_before = Some(at.timestamp_micros());
        self
    }

    /// Keeps jobs with this text in the message of their error or in their parameters, among the newest 100,000 of all. Small and capital letters
    /// of English are the same. The text has 3 to 200 characters; with another one the list is [`JobError::Invalid`](crate::jobs::JobError::Invalid).
    ///
    /// Parameters are searched as JSON, where they have up to 8 KiB. Those of tasks with secret parameters, and of tasks that this process does not
    /// have, are not searched: nobody finds out a secret by searching for it.
    #[must_use]
    pub fn search(mut self, text: impl Into<String>) -> Self {
        self.search = Some(text.into());
        self
    }

    /// Keeps jobs of a task.
    #[must_use]
    pub fn task(self, name: impl Into<String>) -> Self {
        self.tasks([name.into()])
    }

    /// Keeps jobs of these tasks.
    #[must_use]
    pub fn tasks(mut self, names: impl IntoIterator<Item = String>) -> Self {
        // PostgreSQL has no text with a zero byte, and there is no such task.
        self.tasks = Some(
            names
                .into_iter()
                .filter(|name| !name.contains('\0'))
                .collect(),
        );
        self
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobPage {
    /// What is on it.
    pub items: Vec<JobRecord>,
    /// How many there are on all pages.
    pub total: u64,
    /// Its number, from 1.
    pub page: u64,
    /// How many a page has.
    pub size: u64,
    /// How many pages there are.
    pub pages: u64,
}
