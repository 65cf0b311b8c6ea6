//! A page of the list of jobs as it changes, and how many jobs there are: server-sent events. However many clients look at the same page, the
//! database is asked once for all of them.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};
use futures_util::Stream;
use sha2::{Digest as _, Sha256};
use tasks_runtime::jobs::{JobChanges, JobFilter, Scheduler};
use tokio_util::sync::CancellationToken;

use super::access;
use super::query::{self, JobPaging};
use super::shared_read::{SharedRead, Updates};
use super::state::JobRoutes;
use crate::access::Access;
use crate::http::HandlerResult;
use crate::http::paging::{self, MAX_PAGE_SIZE, Page};
use crate::http::sse::{self, Pace, STILL_HERE, StreamSlot, Turn};
use crate::problem::Problem;

/// How soon after another a page is read again while jobs change in this process.
const SOONEST: Duration = Duration::from_millis(200);
/// How often it is read when nothing is known of changes: another process may have made some.
const INTERVAL: Duration = Duration::from_secs(1);
/// The longest wait between two looks, however slow the database is.
const LONGEST: Duration = Duration::from_secs(30);
/// Which part of the time the database may be busy with all pages together: one in so many.
const SHARE: u32 = 20;

/// The pages that are looked at, of all clients.
#[derive(Clone, Default)]
pub(super) struct ListViews {
    pages: Arc<Mutex<HashMap<ViewKey, Weak<View>>>>,
    stats: Arc<SharedRead<Event, Problem>>,
}

/// What makes two clients see the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ViewKey {
    filter: JobFilter,
    page: u64,
    size: u64,
}

/// One page that somebody looks at.
struct View {
    key: ViewKey,
    read: SharedRead<Event, Problem>,
}

/// Data of an event, and what tells it from another.
struct Event {
    hash: String,
    data: Bytes,
}

impl Event {
    fn new(name: Option<&str>, data: &[u8]) -> Self {
        let hash = Sha256::digest(data)
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mut text = name.map_or_else(Vec::new, |name| format!("event: {name}\n").into_bytes());
        text.extend_from_slice(b"data: ");
        text.extend_from_slice(data);
        text.extend_from_slice(b"\n\n");
        Self {
            hash,
            data: text.into(),
        }
    }
}

impl ListViews {
    fn view(&self, key: ViewKey) -> Arc<View> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = pages.get(&key).and_then(Weak::upgrade) {
            return view;
        }
        // There are as many as there are streams, which are limited.
        pages.retain(|_, view| view.strong_count() > 0);
        let view = Arc::new(View {
            key: key.clone(),
            read: SharedRead::default(),
        });
        pages.insert(key, Arc::downgrade(&view));
        view
    }

    /// How long it is at least between two looks at a page, so that all pages together leave the database alone for most of the time.
    fn rest(&self) -> Duration {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let views = pages.values().filter_map(Weak::upgrade);
        let took: Duration = views.map(|view| view.read.took()).sum();
        (took + self.stats.took()).saturating_mul(SHARE)
    }
}

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
    let view = state.views.view(ViewKey { filter, page, size });
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
    Ok(sse::respond(&request, watch.events()))
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
            let rest = self.views.rest().clamp(SOONEST, LONGEST);
            let stopping = self.stopping.clone();
            let age = tokio::select! {
                turn = self.pace.next() => match turn {
                    Turn::Heartbeat => return Some(STILL_HERE),
                    Turn::Look => INTERVAL.max(rest),
                },
                () = self.updates.updated() => LONGEST,
                () = self.changes.changed() => {
                    tokio::time::sleep(rest).await;
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

impl ViewKey {
    async fn read(&self, scheduler: &Scheduler) -> Result<Event, Problem> {
        let found = scheduler.page(&self.filter, self.page, self.size).await?;
        let items = serde_json::to_vec(&found.items).unwrap_or_default();
        let page = Page {
            page: self.page,
            size: self.size,
        };
        let data = paging::page(&items, found.total, found.pages, page);
        Ok(Event::new(None, &data))
    }
}

async fn stats(scheduler: &Scheduler) -> Result<Event, Problem> {
    let stats = scheduler.stats().await?;
    let data = serde_json::to_vec(&stats).unwrap_or_default();
    Ok(Event::new(Some("stats"), &data))
}
