//! The extension `io.modelcontextprotocol/tasks` (SEP-2663): jobs as tasks that a client looks after.

use std::time::Duration;

use serde_json::json;

use super::error::McpError;
use super::input_form;
use super::json::Object;
use super::peer::{Peer, TASKS_EXTENSION};
use super::reply::{Answer, Reply};
use super::server::McpServer;
use super::task_state::members;

/// How many tasks one stream tells of.
const MAX_LISTENED: usize = 20;

/// How often they are looked at.
const POLL: Duration = Duration::from_secs(1);

impl McpServer {
    pub(super) async fn get_task(&self, id: &str, peer: &Peer) -> Answer {
        check_capability(peer)?;
        let (job, tool) = self.find_job(id, peer).await?;
        let task = self.task_state(&job, tool, peer, true).await?;
        Ok(Reply::new(members(&task)))
    }

    pub(super) async fn cancel_task(&self, id: &str, peer: &Peer) -> Answer {
        check_capability(peer)?;
        let (job, _) = self.find_job(id, peer).await?;
        Self::check_may_change(peer)?;
        self.cancel(job, peer).await?;
        Ok(Reply::new(""))
    }

    /// Takes what a person said, as the events that the job waits for.
    pub(super) async fn update_task(&self, id: &str, responses: &str, peer: &Peer) -> Answer {
        check_capability(peer)?;
        let (job, tool) = self.find_job(id, peer).await?;
        Self::check_may_change(peer)?;
        let Some(given) = Object::of(responses) else {
            return Err(McpError::invalid("`inputResponses` has a member twice"));
        };
        let waited = self.waiting_events(&job).await?;
        let task = self.task(&tool.name, peer);
        let events = task.map(|task| task.info().events).unwrap_or_default();
        for (step, response) in given.iter() {
            // What is not waited for, or was answered before, is ignored (SEP-2663, Task Update Requests). A person who declines sends nothing.
            let event = waited.iter().find(|(name, _)| name == step);
            let (Some((_, event)), Some(response)) = (event, Object::of(response)) else {
                continue;
            };
            if response.text("action").ok().flatten().as_deref() != Some("accept") {
                continue;
            }
            let content = response.some("content").unwrap_or("{}");
            let payload = input_form::payload(event, &events, content).ok_or_else(|| {
                McpError::invalid(format!(
                    "the response `{step}` lacks what its form asks for"
                ))
            })?;
            self.answer_step(job.id, step, payload, peer).await?;
        }
        Ok(Reply::new(""))
    }

    /// The steps of a job that wait for an event, with its name.
    async fn waiting_events(
        &self,
        job: &tasks_runtime::JobRecord,
    ) -> Result<Vec<(String, String)>, McpError> {
        let Some(scheduler) = &self.scheduler else {
            return Ok(Vec::new());
        };
        let steps = scheduler.steps(job.id).await;
        let steps = steps.map_err(super::job_results::job_failed)?;
        let waiting = steps
            .into_iter()
            .filter(|step| step.status == tasks_runtime::jobs::StepStatus::Waiting);
        Ok(waiting
            .filter_map(|step| Some((step.name, step.event?)))
            .collect())
    }

    /// Tells of tasks as they change, each until it has ended, until the client goes away.
    pub(super) async fn listen(&self, id: &str, task_ids: &[String], peer: &Peer) -> Answer {
        if !task_ids.is_empty() {
            check_capability(peer)?;
        }
        if task_ids.len() > MAX_LISTENED {
            return Err(McpError::invalid(format!(
                "one stream tells of {MAX_LISTENED} tasks at most"
            )));
        }
        let subscription = format!("\"_meta\":{{\"io.modelcontextprotocol/subscriptionId\":{id}}}");
        let mut listened: Vec<(&String, Option<String>)> = Vec::new();
        for id in task_ids {
            if self.find_job(id, peer).await.is_ok() {
                listened.push((id, None));
            }
        }
        let ids: Vec<&String> = listened.iter().map(|(id, _)| *id).collect();
        let agreed = match ids.is_empty() {
            true => json!({}),
            false => json!({"taskIds": ids}),
        };
        peer.reports.notify(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{{{subscription},\"notifications\":{agreed}}}}}"
        ));
        while !self.stopping.is_cancelled() {
            let mut open = Vec::new();
            for (id, sent) in listened {
                // One that was deleted has nothing more to tell.
                let Ok((job, tool)) = self.find_job(id, peer).await else {
                    continue;
                };
                let mut task = self.task_state(&job, tool, peer, true).await?;
                let now = members(&task);
                // How long it is kept counts on while it runs, and is no news.
                task.retain(|(name, _)| *name != "ttlMs");
                let news = members(&task);
                if sent.as_ref() != Some(&news) {
                    peer.reports.notify(format!(
                        "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\",\"params\":{{{subscription},{now}}}}}"
                    ));
                }
                if !job.status.is_final() {
                    open.push((id, Some(news)));
                }
            }
            listened = open;
            if listened.is_empty() {
                self.stopping.cancelled().await;
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = self.stopping.cancelled() => {}
            }
        }
        Ok(Reply::new("").of_subscription(id))
    }
}

fn check_capability(peer: &Peer) -> Result<(), McpError> {
    match peer.capabilities.tasks {
        true => Ok(()),
        false => Err(McpError::missing_extension(TASKS_EXTENSION)),
    }
}
