//! The tables of jobs, as diesel sees them, and a row of one as it is read.

use crate::jobs::id::JobId;
use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::error::JobError;
use super::record::{JobRecord, Progress};
use super::state::JobState;
use crate::artifacts::{ArtifactId, JsonText};
use crate::text::cut_for_json;

diesel::table! {
    tasks_jobs (id) {
        id -> Text,
        task_name -> Nullable<Text>,
        description -> Nullable<Text>,
        queue -> Text,
        state -> Integer,
        priority -> Integer,
        run_at -> BigInt,
        submitted_at -> BigInt,
        scheduled_at -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        cancel_requested_at -> Nullable<BigInt>,
        attempt -> Integer,
        max_attempts -> Integer,
        crashes -> Integer,
        fence -> BigInt,
        worker -> Nullable<Text>,
        timeout_ms -> Nullable<BigInt>,
        idempotency_key -> Nullable<Text>,
        unique_key -> Nullable<Text>,
        by_name -> Integer,
        deleted -> Integer,
        artifact_id -> Nullable<Text>,
        error_type -> Nullable<Text>,
        error -> Nullable<Text>,
        error_traceback -> Nullable<Text>,
        error_code -> Nullable<Text>,
        error_details -> Nullable<Text>,
        progress -> Nullable<Text>,
        params -> Text,
        schedule_name -> Nullable<Text>,
        submitted_by -> Nullable<Text>,
    }
}

diesel::table! {
    /// The results of jobs, which are columns of the same table: diesel's tables have 32 columns unless one pays for more in time to compile.
    #[sql_name = "tasks_jobs"]
    tasks_job_results (id) {
        id -> Text,
        result -> Nullable<Text>,
    }
}

diesel::table! {
    /// The columns that a new job has, of the same table.
    #[sql_name = "tasks_jobs"]
    tasks_new_jobs (id) {
        id -> Text,
        task_name -> Nullable<Text>,
        description -> Nullable<Text>,
        queue -> Text,
        state -> Integer,
        priority -> Integer,
        run_at -> BigInt,
        submitted_at -> BigInt,
        scheduled_at -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        attempt -> Integer,
        max_attempts -> Integer,
        crashes -> Integer,
        fence -> BigInt,
        worker -> Nullable<Text>,
        timeout_ms -> Nullable<BigInt>,
        idempotency_key -> Nullable<Text>,
        unique_key -> Nullable<Text>,
        by_name -> Integer,
        concurrency_key -> Nullable<Text>,
        params -> Text,
        schedule_name -> Nullable<Text>,
        submitted_by -> Nullable<Text>,
    }
}

diesel::table! {
    tasks_workers (id) {
        id -> Text,
        heartbeat -> BigInt,
        host -> Text,
        process -> BigInt,
        started_at -> BigInt,
        tasks -> Text,
        time -> BigInt,
        queues -> Text,
        version -> Nullable<Text>,
        lease -> Nullable<BigInt>,
        limited_tasks -> Text,
    }
}

diesel::table! {
    tasks_job_logs (job_id, number) {
        job_id -> Text,
        number -> Integer,
        at -> BigInt,
        message -> Text,
    }
}

diesel::table! {
    tasks_job_attempts (job_id, fence) {
        job_id -> Text,
        fence -> BigInt,
        number -> Integer,
        host -> Text,
        process -> BigInt,
        started_at -> Nullable<BigInt>,
        finished_at -> BigInt,
        error_type -> Text,
        error_code -> Nullable<Text>,
        error -> Text,
        error_location -> Nullable<Text>,
    }
}

diesel::table! {
    tasks_job_origins (job_id) {
        job_id -> Text,
        parent_id -> Nullable<Text>,
        rerun_of -> Nullable<Text>,
    }
}

diesel::table! {
    tasks_job_steps (job_id, name) {
        job_id -> Text,
        name -> Text,
        kind -> Integer,
        attempt -> Integer,
        started_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        waits_until -> Nullable<BigInt>,
        event -> Nullable<Text>,
        result -> Nullable<Text>,
        error -> Nullable<Text>,
        task_version -> Integer,
        child_id -> Nullable<Text>,
    }
}

diesel::table! {
    tasks_job_events (id) {
        id -> Text,
        job_id -> Text,
        name -> Text,
        sent_at -> BigInt,
        payload -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(tasks_jobs, tasks_workers);

/// How much of a description and of a progress' message a list shows, in bytes of JSON.
const LISTED_TEXT: usize = 512;
/// How much of an error it shows.
pub(super) const LISTED_ERROR: usize = 1024;
/// How long parameters may be that it shows.
pub(super) const LISTED_PARAMS: usize = 1024;

/// A row without its result.
#[derive(Clone, Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = tasks_jobs)]
pub(super) struct JobRow {
    pub(super) id: String,
    pub(super) task_name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) queue: String,
    pub(super) state: JobState,
    pub(super) priority: i32,
    pub(super) run_at: i64,
    pub(super) submitted_at: i64,
    pub(super) scheduled_at: Option<i64>,
    pub(super) started_at: Option<i64>,
    pub(super) finished_at: Option<i64>,
    pub(super) cancel_requested_at: Option<i64>,
    pub(super) attempt: i32,
    pub(super) max_attempts: i32,
    pub(super) crashes: i32,
    pub(super) artifact_id: Option<String>,
    pub(super) error_type: Option<String>,
    pub(super) error: Option<String>,
    pub(super) error_traceback: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) error_details: Option<String>,
    pub(super) progress: Option<String>,
    pub(super) params: String,
    pub(super) schedule_name: Option<String>,
    pub(super) submitted_by: Option<String>,
    pub(super) timeout_ms: Option<i64>,
}

impl JobRow {
    /// This job as the answer to a submission that would do the same work, unless it was canceled: then nobody will do that work.
    pub(super) fn unless_stopping(self) -> Result<Self, JobError> {
        if self.is_stopping() {
            return Err(JobError::Stopping(JobId::stored(&self.id)));
        }
        Ok(self)
    }

    /// Whether it was canceled or deleted, and its code has not returned yet.
    pub(super) fn is_stopping(&self) -> bool {
        self.state == JobState::Running && self.cancel_requested_at.is_some()
    }

    /// The record as it stands in a list, of a row whose heavy columns were [left out](super::store::list) already.
    pub(super) fn list_item(
        self,
        mask: impl FnOnce(&str, String) -> Option<JsonText>,
    ) -> JobRecord {
        let has_params = !self.params.is_empty();
        let mut job = if has_params {
            self.record(mask)
        } else {
            let without = Self {
                params: "{}".to_owned(),
                ..self
            };
            without.record(|_, params| Some(JsonText::trusted(params)))
        };
        let message = job
            .progress
            .as_mut()
            .and_then(|progress| progress.message.as_mut());
        for (name, text, most) in [
            ("description", job.description.as_mut(), LISTED_TEXT),
            ("error", job.error.as_mut(), LISTED_ERROR),
            ("progress", message, LISTED_TEXT),
        ] {
            if text.is_some_and(|text| cut_for_json(text, most)) {
                job.truncated.push(name);
            }
        }
        if !has_params {
            job.truncated.push("params");
        }
        job
    }

    /// The record; `mask` hides what is secret in the parameters of a task, and gives none of a task that it does not know: nobody
    /// can say what is secret in those.
    pub(super) fn record(self, mask: impl FnOnce(&str, String) -> Option<JsonText>) -> JobRecord {
        let time = |micros: i64| DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
        let count = |number: i32| number.unsigned_abs();
        let params = match &self.task_name {
            Some(name) => mask(name, self.params),
            None => Some(JsonText::trusted(self.params)),
        };
        let truncated = match params {
            Some(_) => Vec::new(),
            None => vec!["params"],
        };
        JobRecord {
            id: JobId::stored(&self.id),
            task_name: self.task_name,
            description: self.description,
            status: self.state.status(),
            params: params.unwrap_or_else(|| JsonText::trusted("{}".to_owned())),
            queue: self.queue,
            priority: self.priority,
            submitted_at: time(self.submitted_at),
            started_at: self.started_at.map(time),
            finished_at: self.finished_at.map(time),
            scheduled_at: self.scheduled_at.map(time),
            next_attempt_at: (self.state == JobState::Scheduled).then(|| time(self.run_at)),
            pending_reason: None,
            pending_code: None,
            cancel_requested_at: self.cancel_requested_at.map(time),
            attempt: count(self.attempt),
            max_attempts: count(self.max_attempts),
            crashes: count(self.crashes),
            progress: self
                .progress
                .and_then(|json| serde_json::from_str::<Progress>(&json).ok()),
            error: self.error,
            error_traceback: self.error_traceback,
            error_code: self.error_code,
            error_details: self.error_details.and_then(JsonText::stored),
            truncated,
            artifact_id: self.artifact_id.as_deref().map(ArtifactId::stored),
            schedule_name: self.schedule_name,
            submitted_by: self.submitted_by,
        }
    }
}
