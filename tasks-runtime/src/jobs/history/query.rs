//! Which history is wanted.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::jobs::stored_text::storable;

/// Which figures of the past are wanted: by default, those of all jobs in the last hour.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::jobs::JobHistoryQuery;
///
/// let reports = JobHistoryQuery::new().task("report").step(Duration::from_secs(60));
/// # let _ = reports;
/// ```
#[derive(Clone, Debug, Default)]
pub struct JobHistoryQuery {
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
    pub(super) step: Option<Duration>,
    pub(super) tasks: Option<Vec<String>>,
    pub(super) queue: Option<String>,
}

impl JobHistoryQuery {
    /// All jobs of the last hour.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Beginning of the span. Defaults to one hour before its end.
    #[must_use]
    pub fn from(mut self, at: DateTime<Utc>) -> Self {
        self.from = Some(at);
        self
    }

    /// End of the span. Defaults to now.
    #[must_use]
    pub fn to(mut self, at: DateTime<Utc>) -> Self {
        self.to = Some(at);
        self
    }

    /// Length of the steps: a minute, ten minutes, an hour or a day. Defaults to the shortest that makes at most 200 points of the span and whose
    /// figures are still kept.
    #[must_use]
    pub fn step(mut self, step: Duration) -> Self {
        self.step = Some(step);
        self
    }

    /// Counts jobs of a task only.
    #[must_use]
    pub fn task(self, name: impl Into<String>) -> Self {
        self.tasks([name.into()])
    }

    /// Counts jobs of these tasks only.
    #[must_use]
    pub fn tasks(mut self, names: impl IntoIterator<Item = String>) -> Self {
        // PostgreSQL has no text with a zero byte, and there is no such task.
        let names = names.into_iter().filter(|name| !name.contains('\0'));
        self.tasks = Some(names.collect());
        self
    }

    /// Counts jobs of a queue only.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>) -> Self {
        self.queue = Some(storable(&name.into()));
        self
    }
}
