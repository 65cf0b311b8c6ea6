//! A page of the list of jobs as it changes, and how many jobs there are: server-sent events. However many clients look at the same page, the
//! database is asked once for all of them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};
use futures_util::Stream;
use tasks_runtime::jobs::{JobChanges, Scheduler};
use tokio_util::sync::CancellationToken;

use super::access;
use super::list_views::{Event, ListViews, View, ViewKey, stats};
use super::query::{self, JobPaging};
use super::shared_read::Updates;
use super::state::JobRoutes;
use crate::access::Access;
use crate::http::HandlerResult;
use crate::http::paging::{MAX_PAGE_SIZE, Page};
use crate::http::sse::{self, Pace, STILL_HERE, StreamSlot, Turn};
use crate::problem::Problem;

/// How soon after another a page is read again while jobs change in this process.
const SOONEST: Duration = Duration::from_millis(200);
/// How often it is read when nothing is known of changes: another process may have made some.
const INTERVAL: Duration = Duration::from_secs(1);
/// The longest wait between two looks, however slow the database is.
const LONGEST: Duration = Duration::from_secs(10);

pub(super) async fn stream(request: HttpRequest, state: Data<JobRoutes>) -> HandlerResult {
    let wanted = query::parse_list(request.query_string())?;
    let Page { page, size } = match wanted.part {
        JobPaging::Page(page) => page,
        JobPaging::Before(_) => Page {
            page: 1,
            size: u64::from(MAX_PAGE_SIZE),
        },
    };
    let filter = access::limit(
        &request,
        &state.scheduler,
        wanted.filter,
        wanted.task,
        wanted.tag.as_deref(),
    );
    let slot = state.streams.take(&request)?;
    let view = state.views.view(ViewKey {
        filter,
        page,
        size,
        is_limited: Access::limits(&request).is_some(),
    });
    let known = sse::last_event_id(&request).and_then(|id| id.split_once('-'));
    let (known, known_stats) = known.unzip();
    let mut watch = ListStream {
        changes: state.scheduler.all_changes(),
        updates: view.read.subscribe(),
        view,
        views: state.views.clone(),
        scheduler: state.scheduler.clone(),
        stopping: state.stopping.clone(),
        with_stats: Access::limits(&request).is_none(),
        known: known.unwrap_or_default().to_owned(),
        known_stats: known_stats.unwrap_or_default().to_owned(),
        chunks: VecDeque::new(),
        pace: Pace::new(INTERVAL),
        _slot: slot,
    };
    // Before the answer begins, so that a database that is away is a problem with a status.
    watch.look(INTERVAL).await?;
    Ok(sse::respond(
        &request,
        Access::validity(&request),
        watch.events(),
    ))
}

struct ListStream {
    view: Arc<View>,
    views: ListViews,
    changes: JobChanges,
    updates: Updates<Event, Problem>,
    scheduler: Scheduler,
    stopping: CancellationToken,
    /// Keys that are limited to tags do not see how many jobs there are.
    with_stats: bool,
    /// What the client has.
    known: String,
    known_stats: String,
    /// What is to be sent.
    chunks: VecDeque<Bytes>,
    pace: Pace,
    _slot: StreamSlot,
}

impl ListStream {
    fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        futures_util::stream::unfold(self, |mut watch| async move {
            let chunk = watch.next().await?;
            Some((Ok(chunk), watch))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.chunks.pop_front() {
                return Some(chunk);
            }
            let rest = self.views.rest(&self.view).clamp(SOONEST, LONGEST);
            let stopping = self.stopping.clone();
            let age = tokio::select! {
                turn = self.pace.next() => match turn {
                    Turn::Heartbeat => return Some(STILL_HERE),
                    Turn::Look => INTERVAL.max(rest),
                },
                () = self.updates.updated() => LONGEST,
                () = self.changes.changed() => {
                    tokio::select! {
                        () = tokio::time::sleep(rest) => {}
                        () = stopping.cancelled() => return None,
                    }
                    // Those that come from now on are for the next look.
                    self.changes.mark_seen();
                    rest
                }
                // A service that is to end does not wait for those who only watch.
                () = stopping.cancelled() => return None,
            };
            // When the database fails the client comes back by itself.
            self.look(age).await.ok()?;
        }
    }

    /// Looks at what is at most of this age, and has what is new sent.
    async fn look(&mut self, age: Duration) -> Result<(), Problem> {
        let page = self.view.read.get(age, self.view.key.read(&self.scheduler));
        let page = page.await?;
        self.updates.mark_seen();
        if page.hash != self.known {
            self.known.clone_from(&page.hash);
            self.send(&page);
        }
        if self.with_stats {
            let stats = self.views.stats.get(age, stats(&self.scheduler)).await?;
            if stats.hash != self.known_stats {
                self.known_stats.clone_from(&stats.hash);
                self.send(&stats);
            }
        }
        Ok(())
    }

    fn send(&mut self, event: &Event) {
        let id = format!("id: {}-{}\n", self.known, self.known_stats);
        self.chunks.push_back(id.into());
        self.chunks.push_back(event.data.clone());
        self.pace.said();
    }
}
