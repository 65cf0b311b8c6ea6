//! Calls that are jobs: how they begin, and how they are waited for.

use std::sync::Arc;
use std::time::Duration;

use tasks_runtime::jobs::{JobError, JobId, JobRecord, Scheduler};
use tasks_runtime::{ArgumentError, ExecuteError, InvalidArguments};
use tokio::time::Instant;

use super::arguments;
use super::error::McpError;
use super::job_results::{job_failed, not_yet, unknown};
use super::json;
use super::peer::Peer;
use super::reply::{Answer, Reply};
use super::reports::Reports;
use super::result;
use super::server::McpServer;
use super::task_state::members;
use super::tool::{IDEMPOTENCY_KEY, Tool};

/// How long a job is waited for whose client hears nothing meanwhile: a job that is short needs no second call.
const SILENT_WAIT: Duration = Duration::from_secs(10);

/// How often a job is looked at that another process runs.
const POLL: Duration = Duration::from_secs(1);

/// How many lines of a log are told at once.
const LOG_LINES: u32 = 100;

impl McpServer {
    /// Stores a job, and answers by what it comes to or by how to ask for that.
    pub(super) async fn call_as_job(
        &self,
        tool: &Tool,
        takes_key: bool,
        scheduler: &Scheduler,
        arguments: &str,
        peer: &Peer,
    ) -> Answer {
        let (params, key) = match takes_key {
            true => arguments::without(arguments, IDEMPOTENCY_KEY),
            false => (arguments.into(), None),
        };
        let Ok(key) = key.map(json::text).transpose() else {
            let wrong = ArgumentError::of_parameter(IDEMPOTENCY_KEY, "expected a text");
            let text = result::wrong_arguments(&tool.name, &[wrong.with_code("type")]);
            return Ok(Reply::new(result::failure(&text)));
        };
        let submit = async |params: &str| {
            let body = format!("{{\"params\":{params}}}");
            let mut submit = scheduler.submit_json(&tool.name, body.as_bytes());
            if let Some(name) = peer.caller.key_name() {
                submit = submit.submitted_by(name);
            }
            if let Some(key) = &key {
                submit = submit.idempotency_key(&**key);
            }
            submit.store().await
        };
        let mut stored = submit(&params).await;
        if let Err(JobError::Execute(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        })) = &stored
            && let Some(repaired) = arguments::repaired(&params, errors)
        {
            stored = submit(&repaired).await;
        }
        let submitted = match stored {
            Ok(submitted) => submitted,
            Err(error) => return refused(&tool.name, error),
        };
        let job = submitted.job;
        if peer.capabilities.tasks {
            let task = self.task_state(&job, tool, peer, false).await?;
            return Ok(Reply::task(members(&task)));
        }
        let wait = if peer.reports.has_token() {
            self.settings.wait
        } else {
            self.settings.wait.min(SILENT_WAIT)
        };
        // A client that takes its call back wants it to end (2026-07-28, Cancellation). A job that somebody else began is not the call's.
        let mut guard = CancelJob {
            scheduler: scheduler.clone(),
            id: job.id,
            reports: Arc::clone(&peer.reports),
            armed: !submitted.replayed,
        };
        let ended = self.wait_for(scheduler, job.id, wait, peer, true).await;
        guard.armed = false;
        let job = ended?;
        if job.status.is_final() {
            return Ok(Reply::new(self.job_result(tool, &job, peer).await?));
        }
        Ok(Reply::new(not_yet(&job)))
    }

    /// Waits until a job has ended, the time is over, or the service is to end. Its client hears of progress, and of lines of its log from the
    /// beginning or from now on.
    pub(super) async fn wait_for(
        &self,
        scheduler: &Scheduler,
        id: JobId,
        time: Duration,
        peer: &Peer,
        from_the_beginning: bool,
    ) -> Result<JobRecord, McpError> {
        /// A time that is too long for the clock is no limit.
        const LONGEST: Duration = Duration::from_secs(24 * 3600);
        let deadline = Instant::now() + time.min(LONGEST);
        let mut changes = scheduler.changes(id);
        let reports = Some(&peer.reports).filter(|reports| reports.has_token());
        let mut lines = match reports.filter(|_| !from_the_beginning) {
            Some(_) => last_line(scheduler, id).await?,
            None => 0,
        };
        let mut progress = None;
        loop {
            let job = self
                .look_at(id, peer)
                .await?
                .ok_or_else(|| unknown(&id.to_string()))?;
            if let Some(reports) = reports {
                let logged = scheduler
                    .logs(id, lines, LOG_LINES)
                    .await
                    .map_err(job_failed)?;
                for line in &logged {
                    reports.line(&line.message);
                    lines = line.number;
                }
                if job.progress != progress {
                    progress.clone_from(&job.progress);
                    if let Some(now) = &progress {
                        let message = now.message.as_deref().unwrap_or_default();
                        reports.progress(now.current, now.total, message);
                    }
                }
            }
            if job.status.is_final() || Instant::now() >= deadline || self.stopping.is_cancelled() {
                return Ok(job);
            }
            let look = (Instant::now() + POLL).min(deadline);
            tokio::select! {
                () = changes.changed() => {}
                () = tokio::time::sleep_until(look) => {}
                () = self.stopping.cancelled() => {}
            }
        }
    }
}

/// The number of the last line that is there.
async fn last_line(scheduler: &Scheduler, id: JobId) -> Result<u32, McpError> {
    const ALL: u32 = 1_000;
    let lines = scheduler.logs(id, 0, ALL).await.map_err(job_failed)?;
    Ok(lines.last().map_or(0, |line| line.number))
}

/// Cancels a job whose call is taken back.
struct CancelJob {
    scheduler: Scheduler,
    id: JobId,
    reports: Arc<Reports>,
    /// Whether the call still waits.
    armed: bool,
}

impl Drop for CancelJob {
    fn drop(&mut self) {
        if !self.armed || !self.reports.is_taken_back() {
            return;
        }
        let (scheduler, id) = (self.scheduler.clone(), self.id);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = scheduler.cancel(id).await
                && !matches!(error, JobError::WrongState { .. })
            {
                tracing::warn!(%id, %error, "a job goes on that nobody waits for: it could not be canceled");
            }
        });
    }
}

/// Why a call is no job: the model may mend it, or the service failed.
fn refused(task: &str, error: JobError) -> Answer {
    let text = match error {
        JobError::Execute(error) => result::refusal(&error),
        JobError::Invalid(errors) => result::wrong_arguments(task, &errors),
        JobError::KeyReused { .. } | JobError::Duplicate { .. } | JobError::Stopping(_) => {
            error.to_string()
        }
        other => return Err(job_failed(other)),
    };
    Ok(Reply::new(result::failure(&text)))
}
