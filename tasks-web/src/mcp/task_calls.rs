//! Calls of tools that are tasks.

use tasks_runtime::Caller;

use super::arguments;
use super::error::McpError;
use super::failures::argument_errors;
use super::peer::Peer;
use super::reply::{Answer, Reply};
use super::result::{self, Members};
use super::server::McpServer;
use super::tool::Tool;

impl McpServer {
    /// Runs the task of a tool, here or as a job.
    pub(super) async fn call_task_tool(&self, tool: &Tool, arguments: &str, peer: &Peer) -> Answer {
        #[cfg(feature = "database")]
        if let (
            super::tool::Target::Task {
                as_job: true,
                takes_key,
            },
            Some(scheduler),
        ) = (tool.target, &self.scheduler)
        {
            return self
                .call_as_job(tool, takes_key, scheduler, arguments, peer)
                .await;
        }
        self.call_task(tool, arguments, peer).await
    }

    /// Runs a task, and waits for its end.
    async fn call_task(&self, tool: &Tool, arguments: &str, peer: &Peer) -> Answer {
        let caller = caller_of(peer);
        let executor = &self.executor;
        let run = async |arguments: &str| {
            let caller = caller.clone();
            executor
                .execute_params_for(&tool.name, arguments, caller)
                .await
        };
        let mut executed = run(arguments).await;
        // Arguments that are refused have run nothing.
        if let Err(error) = &executed
            && let Some(errors) = argument_errors(error)
            && let Some(repaired) = arguments::repaired(arguments, errors)
        {
            executed = run(&repaired).await;
        }
        let members = match executed {
            Ok(Ok(json)) => {
                // JSON, which serde has written.
                let json = std::str::from_utf8(&json).map_err(|_| McpError::internal())?;
                self.finished(tool, json, peer).await
            }
            Ok(Err(failed)) => result::task_failed(&tool.name, &failed),
            Err(error) => result::failure(&result::refusal(&error)),
        };
        Ok(Reply::new(members))
    }

    /// The result of a task for a client: one that is too large is kept elsewhere.
    pub(super) async fn finished(&self, tool: &Tool, json: &str, peer: &Peer) -> Members {
        #[cfg(feature = "database")]
        if json.len() > self.settings.max_result_size
            && !tool.output.is_content
            && let Some(artifacts) = &self.artifacts
            && let Some(members) = super::large_result::saved(artifacts, tool, json, peer).await
        {
            return members;
        }
        result::success(json, tool.output, peer.version)
    }
}

/// Whoever calls, and hears of progress.
#[cfg(feature = "database")]
fn caller_of(peer: &Peer) -> Caller {
    let caller = peer.caller.clone();
    if !peer.reports.has_token() {
        return caller;
    }
    let reports = std::sync::Arc::clone(&peer.reports);
    caller.on_report(move |report| reports.report(report))
}

/// Whoever calls: without a database, tasks report nothing.
#[cfg(not(feature = "database"))]
fn caller_of(peer: &Peer) -> Caller {
    peer.caller.clone()
}
