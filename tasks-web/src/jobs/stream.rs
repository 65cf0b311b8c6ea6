//! A job as it changes: server-sent events, one per change, the last one when it has ended or is deleted.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};
use futures_util::Stream;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tasks_runtime::jobs::JobId;
use tasks_runtime::jobs::{JobChanges, JobStep, Scheduler};
use tokio_util::sync::CancellationToken;

use super::access;
use super::state::JobRoutes;
use crate::access::Access;
use crate::http::HandlerResult;
use crate::http::sse::{self, Pace, STILL_HERE, StreamSlot, Turn};

/// A job that says a lot is not shown more often than this.
const SOONEST: Duration = Duration::from_millis(50);
/// Its steps are not looked at more often than this, but for the last time.
const STEPS_SOONEST: Duration = Duration::from_millis(500);

pub(super) async fn stream(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let interval = sse::interval(request.query_string())?;
    let job = access::find(&request, &state.scheduler).await?;
    let known = sse::last_event_id(&request).map(str::to_owned);
    if job.status.is_final() && known.as_ref() == Some(&event(&job).0) {
        return Ok(sse::over());
    }
    let place = state.streams.take(&request)?;
    let watch = JobStream {
        id: job.id,
        changes: state.scheduler.changes(job.id),
        scheduler: state.scheduler.clone(),
        pace: Pace::new(interval),
        stopping: state.stopping.clone(),
        known,
        steps: HashMap::new(),
        steps_at: None,
        looked: false,
        over: false,
        is_limited: Access::limits(&request).is_some(),
        _slot: place,
    };
    Ok(sse::respond(
        &request,
        Access::validity(&request),
        watch.events(),
    ))
}

/// What a job or a graph is like, as an event: its id, which is another when the record is, and its data.
pub(super) fn event(record: &impl Serialize) -> (String, String) {
    let data = serde_json::to_string(record).unwrap_or_default();
    let id = Sha256::digest(data.as_bytes())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    (id, data)
}

/// The last event of a job that somebody has deleted, or that was kept for long enough. It has a name of its own, since its data is no record.
fn deleted(id: JobId) -> Bytes {
    format!("event: deleted\ndata: {{\"id\":\"{id}\"}}\n\n").into()
}

struct JobStream {
    id: JobId,
    changes: JobChanges,
    scheduler: Scheduler,
    pace: Pace,
    stopping: CancellationToken,
    /// The id of the event that the client has: what the job was like.
    known: Option<String>,
    /// The steps that the client has.
    steps: HashMap<String, JobStep>,
    /// When they were looked at: there may be many, and a job may change often.
    steps_at: Option<Instant>,
    looked: bool,
    over: bool,
    /// Whether the key is limited.
    is_limited: bool,
    _slot: StreamSlot,
}

impl JobStream {
    fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        futures_util::stream::unfold(self, |mut watch| async move {
            let event = watch.next().await?;
            Some((Ok(event), watch))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over {
                return None;
            }
            if self.looked {
                let stopping = self.stopping.clone();
                let turn = tokio::select! {
                    turn = self.pace.next() => turn,
                    () = self.changes.changed() => {
                        tokio::time::sleep(SOONEST).await;
                        Turn::Look
                    }
                    // A service that is to end does not wait for those who only watch.
                    () = stopping.cancelled() => return None,
                };
                if turn == Turn::Heartbeat {
                    return Some(STILL_HERE);
                }
            }
            self.looked = true;
            // When the database fails the client comes back by itself.
            let Some(mut job) = self.scheduler.get(self.id).await.ok()? else {
                self.over = true;
                return Some(deleted(self.id));
            };
            if self.is_limited {
                access::leave_out_others(&mut job);
            }
            self.over = job.status.is_final();
            let mut events = self.new_steps().await?;
            let (id, data) = event(&job);
            if self.known.as_ref() != Some(&id) {
                events.push_str(&format!("id: {id}\ndata: {data}\n\n"));
                self.known = Some(id);
            }
            if !events.is_empty() {
                self.pace.said();
                return Some(events.into());
            }
        }
    }

    /// The steps that the client does not have as they are now, as events.
    async fn new_steps(&mut self) -> Option<String> {
        let recently = self.steps_at.is_some_and(|at| at.elapsed() < STEPS_SOONEST);
        if recently && !self.over {
            return Some(String::new());
        }
        self.steps_at = Some(Instant::now());
        let steps = self.scheduler.steps(self.id).await.ok()?;
        let mut events = String::new();
        for step in steps {
            if self.steps.get(&step.name) != Some(&step) {
                let data = serde_json::to_string(&step).ok()?;
                events.push_str(&format!("event: step\ndata: {data}\n\n"));
                self.steps.insert(step.name.clone(), step);
            }
        }
        Some(events)
    }
}
