//! A graph as it changes: server-sent events, one per change, the last one when it has ended or is deleted.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};
use futures_util::Stream;
use tasks_runtime::jobs::{GraphId, JobChanges, Scheduler};
use tokio_util::sync::CancellationToken;

use super::graphs;
use super::state::JobRoutes;
use super::stream::event;
use crate::access::Access;
use crate::http::HandlerResult;
use crate::http::sse::{self, Pace, STILL_HERE, StreamSlot, Turn};

/// A graph of which many jobs end is not shown more often than this.
const SOONEST: Duration = Duration::from_millis(200);

pub(super) async fn stream(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let interval = sse::interval(request.query_string())?;
    let graph = graphs::find(&request, &state.scheduler).await?;
    let known = sse::last_event_id(&request).map(str::to_owned);
    if graph.status.is_final() && known.as_ref() == Some(&event(&graph).0) {
        return Ok(sse::over());
    }
    let slot = state.streams.take(&request)?;
    let watch = GraphStream {
        id: graph.id,
        // Which jobs are its own changes with each that begins.
        changes: state.scheduler.all_changes(),
        scheduler: state.scheduler.clone(),
        pace: Pace::new(interval),
        stopping: state.stopping.clone(),
        known,
        looked: false,
        took: Duration::ZERO,
        over: false,
        _slot: slot,
    };
    Ok(sse::respond(
        &request,
        Access::validity(&request),
        watch.events(),
    ))
}

struct GraphStream {
    id: GraphId,
    changes: JobChanges,
    scheduler: Scheduler,
    pace: Pace,
    stopping: CancellationToken,
    /// The id of the event that the client has: what the graph was like.
    known: Option<String>,
    looked: bool,
    /// How long the last look took: of a large graph there are fewer.
    took: Duration,
    over: bool,
    _slot: StreamSlot,
}

impl GraphStream {
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
                        tokio::time::sleep(SOONEST.max(self.took * 4)).await;
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
            self.changes.mark_seen();
            let asked = Instant::now();
            // When the database fails the client comes back by itself.
            let Some(graph) = self.scheduler.get_graph(self.id).await.ok()? else {
                self.over = true;
                let id = self.id;
                return Some(format!("event: deleted\ndata: {{\"id\":\"{id}\"}}\n\n").into());
            };
            self.took = asked.elapsed();
            self.over = graph.status.is_final();
            let (id, data) = event(&graph);
            if self.known.as_ref() != Some(&id) {
                self.known = Some(id.clone());
                self.pace.said();
                return Some(format!("id: {id}\ndata: {data}\n\n").into());
            }
        }
    }
}
