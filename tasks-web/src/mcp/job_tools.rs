//! The tools that look after jobs: `jobs_get`, `jobs_logs` and `jobs_cancel`.

use std::time::Duration;

use serde_json::json;
use tasks_runtime::jobs::JobLog;

use super::builtin::{Builtin, MAX_WAIT_SECONDS};
use super::error::ErrorCode;
use super::job_results::{job_failed, not_yet};
use super::json::Object;
use super::peer::Peer;
use super::reply::{Answer, Reply};
use super::result::{self, refused};
use super::server::McpServer;

/// How many lines of a log are sent at once.
const LOG_LINES: u32 = 100;

/// How many bytes of lines are sent at once.
const LOG_BYTES: usize = 16 * 1024;

impl McpServer {
    pub(super) async fn call_job_tool(
        &self,
        builtin: Builtin,
        given: &Object<'_>,
        peer: &Peer,
    ) -> Answer {
        let name = builtin.name();
        let Some(scheduler) = &self.scheduler else {
            return refused(name, "there are no jobs");
        };
        let Ok(Some(id)) = given.text("job_id") else {
            return refused(name, "`job_id` is the id of a job, which is a text");
        };
        let (mut job, tool) = match self.find_job(&id, peer).await {
            Ok(found) => found,
            Err(error) if error.code == ErrorCode::InvalidParams => {
                return refused(name, &error.message);
            }
            Err(error) => return Err(error),
        };
        match builtin {
            Builtin::JobsCancel => {
                let had_ended = job.status.is_final();
                let canceled = self.cancel(job, peer).await?;
                let text = match (had_ended, canceled.status.is_final()) {
                    (true, _) => format!("The job has ended: it is {}.", canceled.status),
                    (false, true) => format!("The job is {}.", canceled.status),
                    (false, false) => {
                        format!("The job was asked to stop; it is {}.", canceled.status)
                    }
                };
                let json = json!({"job_id": canceled.id, "status": canceled.status});
                Ok(Reply::new(result::with_text(&text, &json.to_string())))
            }
            Builtin::JobsLogs => {
                let after = number(given.some("after"), 0.0, f64::from(u32::MAX));
                let Some(after) = after.filter(|after| after.fract() == 0.0) else {
                    return refused(name, "`after` is an integer from 0 on");
                };
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is in the range"
                )]
                let after = after as u32;
                let lines = scheduler
                    .logs(job.id, after, LOG_LINES)
                    .await
                    .map_err(job_failed)?;
                Ok(Reply::new(shown(&job, lines)))
            }
            _ => {
                let Some(wait) = number(given.some("wait_seconds"), 0.0, MAX_WAIT_SECONDS) else {
                    return refused(name, "`wait_seconds` is a number from 0 to 50");
                };
                if wait > 0.0 && !job.status.is_final() {
                    let wait = Duration::from_secs_f64(wait);
                    job = self.wait_for(scheduler, job.id, wait, peer, false).await?;
                }
                if job.status.is_final() {
                    return Ok(Reply::new(self.job_result(tool, &job, peer).await?));
                }
                Ok(Reply::new(not_yet(&job)))
            }
        }
    }
}

/// As many of the lines as a model takes.
fn shown(job: &tasks_runtime::JobRecord, mut lines: Vec<JobLog>) -> String {
    let mut bytes = 0;
    let fit = lines.iter().take_while(|line| {
        bytes += line.message.len();
        bytes <= LOG_BYTES
    });
    let fit = fit.count().max(1);
    let is_cut = lines.len() > fit || lines.len() >= LOG_LINES as usize;
    lines.truncate(fit);
    let mut text: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {}", line.number, line.message))
        .collect();
    if text.is_empty() {
        text.push("No lines.".to_owned());
    }
    let next = lines.last().filter(|_| is_cut).map(|line| line.number);
    if let Some(next) = next {
        text.push(format!("There may be more: ask for those `after` {next}."));
    }
    let json = json!({"job_id": job.id, "status": job.status, "lines": lines, "next_after": next});
    result::with_text(&text.join("\n"), &json.to_string())
}

/// A number, or a text of one, in a range; zero when there is none.
fn number(json: Option<&str>, least: f64, most: f64) -> Option<f64> {
    let Some(json) = json else {
        return Some(0.0);
    };
    let number: f64 = json.trim_matches('"').parse().ok()?;
    (least..=most).contains(&number).then_some(number)
}
