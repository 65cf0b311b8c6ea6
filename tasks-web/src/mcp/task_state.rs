//! How a job is, as a task of the extension `io.modelcontextprotocol/tasks` (SEP-2663).

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use tasks_runtime::jobs::{JobRecord, JobStatus, Progress};

use super::error::McpError;
use super::input_form;
use super::job_results::job_failed;
use super::json::quoted;
use super::peer::Peer;
use super::server::McpServer;
use super::tool::Tool;

/// How many characters of a message are sent.
const MAX_MESSAGE: usize = 500;

/// Codes of failures that are no results of a tool: the service, not the task, failed.
const NOT_OF_TASK: [&str; 8] = [
    "crash",
    "lost",
    "damaged",
    "internal",
    "not-run",
    "old-task-version",
    "result-not-stored",
    "result-too-large",
];

/// The members of a task, each as JSON.
pub(super) type TaskState = Vec<(&'static str, String)>;

/// The members as JSON without braces.
pub(super) fn members(task: &TaskState) -> String {
    let members: Vec<String> = task
        .iter()
        .map(|(name, json)| format!("\"{name}\":{json}"))
        .collect();
    members.join(",")
}

impl McpServer {
    /// How a job is, as a task; with `detailed`, also what it waits for and how it ended.
    pub(super) async fn task_state(
        &self,
        job: &JobRecord,
        tool: &Tool,
        peer: &Peer,
        detailed: bool,
    ) -> Result<TaskState, McpError> {
        let time = |at: DateTime<Utc>| json!(at.to_rfc3339_opts(SecondsFormat::Millis, true));
        let updated = [Some(job.submitted_at), job.started_at, job.finished_at];
        let updated = updated
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(job.submitted_at);
        let mut task: TaskState = vec![
            ("taskId", json!(job.id).to_string()),
            ("createdAt", time(job.submitted_at).to_string()),
            ("lastUpdatedAt", time(updated).to_string()),
            ("ttlMs", json!(self.time_to_live(job)).to_string()),
        ];
        let mut message = None;
        let status = match job.status {
            JobStatus::Pending | JobStatus::Running => {
                let inputs = match detailed {
                    true => self.input_requests(job, tool, peer).await?,
                    false => Map::new(),
                };
                let asks = !inputs.is_empty() && peer.capabilities.elicitation;
                task.push(("pollIntervalMs", "1000".to_owned()));
                message = match (&job.progress, inputs.keys().next()) {
                    (_, Some(step)) => Some(format!("waits for an event, in the step `{step}`")),
                    (Some(progress), None) => Some(progress_words(progress)),
                    (None, None) => job.pending_reason.clone(),
                };
                if asks {
                    task.push(("inputRequests", Value::Object(inputs).to_string()));
                }
                if asks { "input_required" } else { "working" }
            }
            JobStatus::Canceled => "cancelled",
            JobStatus::Completed | JobStatus::Failed => {
                let code = job.error_code.as_deref().unwrap_or_default();
                if job.status == JobStatus::Failed && NOT_OF_TASK.contains(&code) {
                    let words = job.error.as_deref().unwrap_or("the job failed");
                    if detailed {
                        let error = json!({"code": -32603, "message": words});
                        task.push(("error", error.to_string()));
                    }
                    message = Some(words.to_owned());
                    "failed"
                } else {
                    if detailed {
                        let result = self.job_result(tool, job, peer).await?;
                        task.push(("result", format!("{{{result}}}")));
                    }
                    "completed"
                }
            }
        };
        task.push(("status", quoted(status)));
        if let Some(text) = message {
            let text: String = text.chars().take(MAX_MESSAGE).collect();
            task.push(("statusMessage", quoted(&text)));
        }
        Ok(task)
    }

    /// For how long a task is kept from its beginning on, in milliseconds; nothing for ever.
    fn time_to_live(&self, job: &JobRecord) -> Option<i64> {
        let retention = self.scheduler.as_ref()?.retention()?;
        let retention = i64::try_from(retention.as_millis()).ok()?;
        let end = job.finished_at.unwrap_or_else(Utc::now);
        let lived = (end - job.submitted_at).num_milliseconds().max(0);
        lived.checked_add(retention)
    }

    /// What a job waits for, as questions for a person, by the names of its steps: each is there once in a job's life.
    pub(super) async fn input_requests(
        &self,
        job: &JobRecord,
        tool: &Tool,
        peer: &Peer,
    ) -> Result<Map<String, Value>, McpError> {
        let mut requests = Map::new();
        let (Some(scheduler), Some(task)) = (&self.scheduler, self.task(&tool.name, peer)) else {
            return Ok(requests);
        };
        let steps = scheduler.unanswered_steps(job.id).await;
        let steps = steps.map_err(job_failed)?;
        if steps.is_empty() {
            return Ok(requests);
        }
        let events = task.info().events;
        for step in steps {
            let event = step.event.as_deref().unwrap_or_default();
            let form = input_form::of(event, &events);
            let mut message = format!("The job `{}` ({}) waits for `{event}`.", tool.name, job.id);
            // What it said last is what the question is about.
            let said = job
                .progress
                .as_ref()
                .and_then(|progress| progress.message.as_deref());
            if let Some(said) = said {
                message.push_str(&format!("\n{said}"));
            }
            requests.insert(
                step.name,
                json!({
                    "method": "elicitation/create",
                    "params": {"mode": "form", "message": message, "requestedSchema": form},
                }),
            );
        }
        Ok(requests)
    }
}

fn progress_words(progress: &Progress) -> String {
    let mut words = match progress.total {
        Some(total) => format!("{} of {total}", progress.current),
        None => progress.current.to_string(),
    };
    if let Some(message) = &progress.message {
        words.push_str(&format!(": {message}"));
    }
    words
}
