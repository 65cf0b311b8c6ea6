//! A row of a job as it is written, and how it differs from one that is stored.

use diesel::prelude::*;

use super::attempt_key::Fence;
use super::checked_call::CheckedCall;
use super::flow_control::{Burst, TaskLimits};
use super::id::JobId;
use super::origin::Origin;
use super::state::{ClaimLine, JobState};
use super::table::{JobRow, tasks_new_jobs};
use crate::task::JobPolicy;

/// A row to be written.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = tasks_new_jobs)]
pub(super) struct NewJobRow {
    pub(super) id: JobId,
    pub(super) task_name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) queue: String,
    pub(super) state: JobState,
    pub(super) priority: i32,
    pub(super) run_at: i64,
    pub(super) submitted_at: i64,
    pub(super) scheduled_at: Option<i64>,
    pub(super) attempt: i32,
    pub(super) max_attempts: i32,
    pub(super) crashes: i32,
    pub(super) fence: Fence,
    pub(super) worker: Option<String>,
    pub(super) started_at: Option<i64>,
    pub(super) timeout_ms: Option<i64>,
    pub(super) idempotency_key: Option<String>,
    pub(super) unique_key: Option<String>,
    /// The [line](ClaimLine) that it is claimed in.
    pub(super) by_name: i32,
    /// Of a task that has limits over all processes.
    pub(super) concurrency_key: Option<String>,
    pub(super) params: String,
    pub(super) schedule_name: Option<String>,
    pub(super) submitted_by: Option<String>,
    /// Whether a job with its idempotency key that has failed or was canceled gives the key up.
    #[diesel(skip_insertion)]
    pub(super) again: bool,
    /// What was said, and not left to the task.
    #[diesel(skip_insertion)]
    pub(super) explicit: ExplicitOptions,
    /// Where it comes from, which is [stored](super::store::add_origins) in a table of its own.
    #[diesel(skip_insertion)]
    pub(super) origin: Origin,
    /// The burst of submissions that it belongs to.
    #[diesel(skip_insertion)]
    pub(super) burst: Option<Burst>,
    /// The unique keys that jobs with the same parameters may have as well.
    #[diesel(skip_insertion)]
    pub(super) other_unique_keys: Vec<String>,
}

/// The line that the jobs of a task are claimed in.
pub(super) fn line_of(policy: &JobPolicy) -> ClaimLine {
    if TaskLimits::of(policy).is_some() {
        ClaimLine::Limited
    } else if policy.max_concurrency.is_some() {
        ClaimLine::ByName
    } else {
        ClaimLine::Shared
    }
}

impl NewJobRow {
    /// A job of a task that is ready now, as its policy has it.
    pub(super) fn of_task(call: CheckedCall, now: i64) -> Self {
        let policy = call.policy;
        let attempts = policy.retries.saturating_add(1);
        Self {
            id: JobId::new(),
            task_name: Some(call.task),
            description: None,
            queue: policy.queue.unwrap_or(super::DEFAULT_QUEUE).to_owned(),
            state: JobState::Ready,
            priority: policy.priority,
            run_at: now,
            submitted_at: now,
            scheduled_at: None,
            attempt: 0,
            max_attempts: i32::try_from(attempts).unwrap_or(i32::MAX),
            crashes: 0,
            fence: Fence::NEW,
            worker: None,
            started_at: None,
            timeout_ms: None,
            idempotency_key: None,
            unique_key: call.unique_key.as_ref().map(|key| key.stored.clone()),
            other_unique_keys: call.unique_key.map_or_else(Vec::new, |key| key.others),
            by_name: line_of(&policy).number(),
            concurrency_key: call.concurrency_key,
            params: call.params,
            schedule_name: None,
            submitted_by: None,
            again: false,
            burst: None,
            explicit: ExplicitOptions::default(),
            origin: Origin::default(),
        }
    }

    /// A job that does the work of another one again, and is ready now.
    pub(super) fn again(earlier: JobId, job: JobRow, fixed: FixedColumns, now: i64) -> Self {
        Self {
            id: JobId::new(),
            task_name: job.task_name,
            description: job.description,
            queue: job.queue,
            state: JobState::Ready,
            priority: job.priority,
            run_at: now,
            submitted_at: now,
            scheduled_at: None,
            attempt: 0,
            max_attempts: job.max_attempts,
            crashes: 0,
            fence: Fence::NEW,
            worker: None,
            started_at: None,
            timeout_ms: job.timeout_ms,
            idempotency_key: None,
            unique_key: fixed.unique_key,
            other_unique_keys: Vec::new(),
            by_name: fixed.by_name,
            concurrency_key: fixed.concurrency_key,
            params: job.params,
            schedule_name: None,
            submitted_by: None,
            again: false,
            burst: None,
            explicit: ExplicitOptions::default(),
            origin: Origin::here(Some(earlier)),
        }
    }
}

/// Columns that a job keeps from its submission on, and that its record does not have.
#[derive(Clone, Debug, Queryable)]
pub(super) struct FixedColumns {
    unique_key: Option<String>,
    by_name: i32,
    concurrency_key: Option<String>,
}

/// What a submission says by itself, and not its task: what is submitted again under its key has to be the same there. How much later it
/// is to run counts from another moment each time, so it is not compared; nor is what is left to the task, which may be another version by
/// then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExplicitOptions {
    pub(super) description: bool,
    pub(super) queue: bool,
    pub(super) priority: bool,
    pub(super) max_attempts: bool,
    pub(super) timeout: bool,
    pub(super) scheduled_at: bool,
}

impl NewJobRow {
    /// What its submission says by itself that the stored one has otherwise: the name of the option.
    pub(super) fn differs_from(&self, stored: &JobRow) -> Option<&'static str> {
        let explicit = self.explicit;
        // One that was queued again has lost the time it was submitted with, and has another `run_at`.
        let is_as_submitted = stored.scheduled_at.is_some() || stored.run_at == stored.submitted_at;
        let at_another_time = self.scheduled_at.is_some()
            && self.scheduled_at != stored.scheduled_at
            && is_as_submitted;
        [
            (
                explicit.description && self.description != stored.description,
                "description",
            ),
            (explicit.queue && self.queue != stored.queue, "queue"),
            (
                explicit.priority && self.priority != stored.priority,
                "priority",
            ),
            (
                explicit.max_attempts && self.max_attempts != stored.max_attempts,
                "max_attempts",
            ),
            (
                explicit.timeout && self.timeout_ms != stored.timeout_ms,
                "timeout",
            ),
            (explicit.scheduled_at && at_another_time, "scheduled_at"),
        ]
        .into_iter()
        .find_map(|(differs, name)| differs.then_some(name))
    }
}
