//! Jobs of tools: who finds them, and what they came to.

use serde_json::json;
use tasks_runtime::jobs::{JobError, JobId, JobRecord, JobStatus, PendingCode};

use super::error::{ErrorCode, McpError};
use super::peer::Peer;
use super::result::{self, Members};
use super::server::McpServer;
use super::tool::Tool;
use crate::jobs::leave_out_others;
use crate::problem::Problem;

impl McpServer {
    /// A job as whoever asks may see it; `None` when it is gone.
    pub(super) async fn look_at(
        &self,
        id: JobId,
        peer: &Peer,
    ) -> Result<Option<JobRecord>, McpError> {
        let Some(scheduler) = &self.scheduler else {
            return Ok(None);
        };
        let mut job = scheduler.get(id).await.map_err(job_failed)?;
        let is_limited = peer
            .access
            .as_ref()
            .is_some_and(|access| access.tags().is_some());
        if let Some(job) = job.as_mut().filter(|_| is_limited) {
            leave_out_others(job);
        }
        Ok(job)
    }

    /// The job of an id and its tool, if it is there for whoever asks: the id is a name, and no right.
    pub(super) async fn find_job(
        &self,
        id: &str,
        peer: &Peer,
    ) -> Result<(JobRecord, &Tool), McpError> {
        let parsed: JobId = id.parse().map_err(|_| unknown(id))?;
        let job = self
            .look_at(parsed, peer)
            .await?
            .ok_or_else(|| unknown(id))?;
        let tool = job
            .task_name
            .as_deref()
            .and_then(|task| self.find(task, peer).ok());
        tool.map(|tool| (job, tool)).ok_or_else(|| unknown(id))
    }

    /// What a job that has ended came to, as the result of its tool.
    pub(super) async fn job_result(
        &self,
        tool: &Tool,
        job: &JobRecord,
        peer: &Peer,
    ) -> Result<Members, McpError> {
        let Some(scheduler) = &self.scheduler else {
            return Err(McpError::internal());
        };
        if job.status == JobStatus::Canceled {
            return Ok(result::failure(&format!(
                "The job {} was canceled.",
                job.id
            )));
        }
        let (_, outcome) = scheduler.outcome(job.id).await.map_err(job_failed)?;
        Ok(match outcome {
            Ok(json) => self.finished(tool, json.as_str(), peer).await,
            Err(failed) => {
                let text = result::failure_text(&tool.name, &failed);
                result::failure(&format!("{text}\nJob: {}", job.id))
            }
        })
    }
}

/// Says that a job is not done, and how to go on.
pub(super) fn not_yet(job: &JobRecord) -> Members {
    let mut text = format!("The job {} is {}", job.id, job.status);
    let waits_for_somebody = job.pending_code == Some(PendingCode::WaitingForEvent);
    let mut state = json!({
        "job_id": job.id,
        "status": job.status,
        "next": format!("Call `jobs_get` with `job_id` \"{}\" and `wait_seconds` 50.", job.id),
    });
    if let Some(progress) = &job.progress {
        state["progress"] = json!(progress);
        text.push_str(&match progress.total {
            Some(total) => format!(" ({} of {total})", progress.current),
            None => format!(" ({})", progress.current),
        });
        if let Some(message) = &progress.message {
            text.push_str(&format!(": {message}"));
        }
    } else if let Some(reason) = &job.pending_reason {
        text.push_str(&format!(": {reason}"));
    }
    text.push_str(&format!(
        ".\nCall `jobs_get` with `job_id` \"{}\" and `wait_seconds` 50 to get its result.",
        job.id
    ));
    if waits_for_somebody {
        text.push_str(" It goes on when somebody sends the event that it waits for, in the dashboard of the service or over its HTTP API: tell the user, and do not ask again before that.");
    }
    result::with_text(&text, &state.to_string())
}

/// An error that is not the client's.
pub(super) fn job_failed(error: JobError) -> McpError {
    if matches!(error, JobError::JobNotFound(_)) {
        return McpError::invalid(error.to_string());
    }
    let problem = Problem::from(error);
    McpError::new(ErrorCode::Internal, problem.detail)
}

pub(super) fn unknown(id: &str) -> McpError {
    let shown: String = id.chars().take(100).collect();
    McpError::invalid(format!("there is no job `{shown}`"))
}
