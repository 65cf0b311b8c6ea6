//! The pages of the list of jobs that clients look at: one value for all who look at the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use actix_web::web::Bytes;
use sha2::{Digest as _, Sha256};
use tasks_runtime::jobs::{JobFilter, Scheduler};

use super::access;
use super::shared_read::SharedRead;
use crate::http::paging::{self, Page};
use crate::problem::Problem;

/// How long a page waits at most because others take long to read.
const LONGEST_FOR_OTHERS: Duration = Duration::from_secs(3);
/// Which part of the time the database may be busy with all pages together: one in so many.
const SHARE: u32 = 20;

/// The pages that are looked at, of all clients.
#[derive(Clone, Default)]
pub(super) struct ListViews {
    pages: Arc<Mutex<HashMap<ViewKey, Weak<View>>>>,
    pub(super) stats: Arc<SharedRead<Event, Problem>>,
}

/// What makes two clients see the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ViewKey {
    pub(super) filter: JobFilter,
    pub(super) page: u64,
    pub(super) size: u64,
    /// Whether it is for a key that is limited.
    pub(super) is_limited: bool,
}

/// One page that somebody looks at.
pub(super) struct View {
    pub(super) key: ViewKey,
    pub(super) read: SharedRead<Event, Problem>,
}

/// Data of an event, and what tells it from another.
pub(super) struct Event {
    pub(super) hash: String,
    pub(super) data: Bytes,
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
    pub(super) fn view(&self, key: ViewKey) -> Arc<View> {
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

    /// How long it is at least between two looks at a page, so that all pages together leave the database alone for most of the time. One that
    /// takes long to read is looked at rarely, and makes others wait for a while only.
    pub(super) fn rest(&self, own: &View) -> Duration {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let views = pages.values().filter_map(Weak::upgrade);
        let took: Duration = views.map(|view| view.read.took()).sum();
        let all = (took + self.stats.took()).saturating_mul(SHARE);
        all.min(LONGEST_FOR_OTHERS)
            .max(own.read.took().saturating_mul(SHARE))
    }
}

impl ViewKey {
    pub(super) async fn read(&self, scheduler: &Scheduler) -> Result<Event, Problem> {
        let mut found = scheduler.page(&self.filter, self.page, self.size).await?;
        if self.is_limited {
            found.items.iter_mut().for_each(access::leave_out_others);
        }
        let items = serde_json::to_vec(&found.items).unwrap_or_default();
        let page = Page {
            page: self.page,
            size: self.size,
        };
        let data = paging::page(&items, found.total, found.pages, page);
        Ok(Event::new(None, &data))
    }
}

pub(super) async fn stats(scheduler: &Scheduler) -> Result<Event, Problem> {
    let stats = scheduler.stats().await?;
    let data = serde_json::to_vec(&stats).unwrap_or_default();
    Ok(Event::new(Some("stats"), &data))
}
