//! How a job is to be run, where that is not left to its task.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::error::{JobError, ValidationErrors};
use super::flow_control::{Burst, BurstKind};
use super::id::JobId;
use super::limits::{MAX_ATTEMPTS, MAX_DELAY, MAX_KEY_BYTES};
use super::new_job_row::NewJobRow;
use super::stored_text::check_description;

/// What is shorter could not be kept: timeouts are stored in milliseconds.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);
/// What is shorter is no burst.
const MIN_PERIOD: Duration = Duration::from_millis(1);
/// What a submission or a schedule says of its jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct SubmitOptions {
    pub(super) description: Option<String>,
    pub(super) when: Option<When>,
    pub(super) priority: Option<i32>,
    pub(super) queue: Option<String>,
    pub(super) max_attempts: Option<u32>,
    pub(super) idempotency_key: Option<String>,
    /// Whether a job with this key that has failed or was canceled gives it up.
    pub(super) again: bool,
    pub(super) submitted_by: Option<String>,
    /// The job that it runs again.
    pub(super) rerun_of: Option<JobId>,
    pub(super) timeout: Option<Duration>,
    pub(super) burst: Option<Burst>,
    pub(super) wrong: ValidationErrors,
}

/// When a job is to run.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    /// So long after it was submitted, by the clock of the database.
    After(Duration),
    At(DateTime<Utc>),
}

impl SubmitOptions {
    /// Fills in what is said here, and not as the task has it.
    pub(super) fn say_how(&self, row: &mut NewJobRow) {
        row.description.clone_from(&self.description);
        if let Some(queue) = &self.queue {
            row.queue.clone_from(queue);
        }
        if let Some(priority) = self.priority {
            row.priority = priority;
        }
        if let Some(attempts) = self.max_attempts {
            row.max_attempts = i32::try_from(attempts).unwrap_or(i32::MAX);
        }
        row.timeout_ms = self.timeout_ms();
    }

    /// Says that it belongs to a burst of submissions.
    pub(super) fn burst(&mut self, kind: BurstKind, key: String, period: Duration) {
        if self.burst.is_some() {
            self.wrong.push(
                &format!("/{}", kind.name()),
                "a submission is throttled or debounced, and once",
            );
        }
        self.burst = Some(Burst { kind, key, period });
    }

    pub(super) fn timeout_ms(&self) -> Option<i64> {
        self.timeout
            .map(|timeout| i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX))
    }

    /// What is wrong with what is said of a burst.
    fn check_burst(burst: &Burst, wrong: &mut ValidationErrors) {
        let name = burst.kind.name();
        let count = burst.key.len();
        if count == 0 || count > MAX_KEY_BYTES || burst.key.contains('\0') {
            wrong.push(
                &format!("/{name}/key"),
                format!(
                    "has {count} bytes, and 1 to {MAX_KEY_BYTES} are allowed, none of them zero"
                ),
            );
        }
        if burst.period < MIN_PERIOD || burst.period > MAX_DELAY {
            wrong.push(
                &format!("/{name}/period"),
                "is less than a millisecond, or more than ten years",
            );
        }
    }

    /// All that is wrong, where these are the queues.
    pub(super) fn check(&mut self, queues: impl FnOnce() -> Vec<String>) -> ValidationErrors {
        let mut wrong = std::mem::take(&mut self.wrong);
        if let Some(text) = &self.description
            && let Err(JobError::Invalid(errors)) = check_description(text)
        {
            wrong.extend(errors);
        }
        if self
            .description
            .as_ref()
            .is_some_and(|text| text.contains('\0'))
        {
            wrong.push(
                "/description",
                "has the character U+0000, which cannot be stored: leave it out",
            );
        }
        if let Some(key) = &self.idempotency_key
            && (key.is_empty() || key.len() > MAX_KEY_BYTES || key.contains('\0'))
        {
            wrong.push(
                "/idempotency_key",
                format!(
                    "has {} bytes, and 1 to {MAX_KEY_BYTES} are allowed, none of them zero",
                    key.len()
                ),
            );
        }
        if self.again && self.idempotency_key.is_none() {
            wrong.push(
                "/again_after_failure",
                "is about the job with the same idempotency key, and there is no key: give one \
                 (`Submit::idempotency_key`; over HTTP, the header `Idempotency-Key`)",
            );
        }
        if let Some(name) = &self.submitted_by
            && (name.len() > MAX_KEY_BYTES || name.contains('\0'))
        {
            wrong.push(
                "/submitted_by",
                format!(
                    "has {} bytes, and {MAX_KEY_BYTES} are allowed, none of them zero",
                    name.len()
                ),
            );
        }
        if let Some(attempts) = self.max_attempts
            && !(1..=MAX_ATTEMPTS).contains(&attempts)
        {
            wrong.push(
                "/max_attempts",
                format!("is {attempts}, and 1 to {MAX_ATTEMPTS} are allowed"),
            );
        }
        if let Some(burst) = &self.burst {
            Self::check_burst(burst, &mut wrong);
        }
        match self.timeout {
            Some(timeout) if timeout < MIN_TIMEOUT => {
                wrong.push("/timeout", format!("is less than {MIN_TIMEOUT:?}"));
            }
            Some(timeout) if timeout > MAX_DELAY => {
                wrong.push("/timeout", "is more than ten years");
            }
            _ => {}
        }
        if let Some(queue) = &self.queue {
            let queues = queues();
            if !queues.contains(queue) {
                wrong.push(
                    "/queue",
                    format!(
                        "`{}` is not a queue of this service, so nobody would run it: there are {}",
                        queue.chars().take(100).collect::<String>(),
                        queues.join(", ")
                    ),
                );
            }
        }
        wrong
    }
}
