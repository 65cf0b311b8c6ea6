//! Changes of jobs that agents make: each is made together with its entry in the audit log, whoever goes away meanwhile.

use tasks_runtime::audit::NewAuditEntry;
use tasks_runtime::jobs::{JobError, JobId, JobRecord};

use super::error::McpError;
use super::job_results::job_failed;
use super::peer::Peer;
use super::server::McpServer;

impl McpServer {
    /// Refuses a key that may only look.
    pub(super) fn check_may_change(peer: &Peer) -> Result<(), McpError> {
        match peer.access.as_ref().filter(|access| access.is_read_only()) {
            Some(access) => Err(McpError::invalid(format!(
                "the key `{}` is read-only: it may look, and change nothing",
                access.key_name()
            ))),
            None => Ok(()),
        }
    }

    /// Asks a job to stop; of one that has ended, nothing is changed.
    pub(super) async fn cancel(&self, job: JobRecord, peer: &Peer) -> Result<JobRecord, McpError> {
        if job.status.is_final() {
            return Ok(job);
        }
        let Some(scheduler) = self.scheduler.clone() else {
            return Err(McpError::internal());
        };
        let entry = self.entry("cancel_job", job.id, None, peer);
        let canceled = going_on(async move {
            let canceled = scheduler.cancel(job.id).await;
            if canceled.is_ok() {
                entry.record().await;
            }
            canceled
        });
        match canceled.await? {
            Ok(job) => Ok(job),
            // It ended in the meantime.
            Err(JobError::WrongState { .. }) => {
                let now = self.look_at(job.id, peer).await?;
                now.ok_or_else(|| super::job_results::unknown(&job.id.to_string()))
            }
            Err(error) => Err(job_failed(error)),
        }
    }

    /// Sends what a step waits for, if it still waits.
    pub(super) async fn answer_step(
        &self,
        id: JobId,
        step: &str,
        payload: serde_json::Value,
        peer: &Peer,
    ) -> Result<(), McpError> {
        let Some(scheduler) = self.scheduler.clone() else {
            return Err(McpError::internal());
        };
        let entry = self.entry("send_job_event", id, Some(step), peer);
        let step_name = step.to_owned();
        let sent = going_on(async move {
            let sent = scheduler.answer(id, &step_name, &payload).await;
            if matches!(sent, Ok(true)) {
                entry.record().await;
            }
            sent
        });
        match sent.await? {
            Ok(_) => Ok(()),
            Err(JobError::Invalid(errors)) => {
                let words: Vec<&str> = errors.iter().map(|it| it.detail.as_str()).collect();
                let words = words.join("; ");
                Err(McpError::invalid(format!("the response `{step}`: {words}")))
            }
            Err(error) => Err(job_failed(error)),
        }
    }

    fn entry(&self, operation: &str, id: JobId, step: Option<&str>, peer: &Peer) -> Entry {
        let step = step.map(|step| format!("?step={step}")).unwrap_or_default();
        Entry {
            log: self.audit_log.clone(),
            entry: NewAuditEntry {
                key: peer.caller.key_name().map(str::to_owned),
                address: peer.address.to_string(),
                operation: operation.to_owned(),
                path: format!("{}/{id}{step}", self.path),
                status: 200,
                request_id: peer.caller.request_id().map(str::to_owned),
            },
        }
    }
}

/// What is written down of a change.
struct Entry {
    log: Option<tasks_runtime::audit::AuditLog>,
    entry: NewAuditEntry,
}

impl Entry {
    async fn record(self) {
        let Some(log) = self.log else {
            return;
        };
        let operation = self.entry.operation.clone();
        // The change is made: an answer that says otherwise would have it made again.
        if let Err(error) = log.record(self.entry).await {
            tracing::error!(%error, operation, "a change is not in the audit log");
        }
    }
}

/// Does something to its end, also when whoever waits for it goes away.
async fn going_on<T: Send + 'static>(
    change: impl Future<Output = T> + Send + 'static,
) -> Result<T, McpError> {
    tokio::spawn(change).await.map_err(|_| McpError::internal())
}
