//! The health as it changes: server-sent events
//! ([HTML, section 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::report::{Health, Report};
use crate::problem::Problem;

/// How many may be open at once.
const MOST: usize = 256;
/// So that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many streams are open.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<AtomicUsize>);

/// One of them.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Streams {
    fn take(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.0));
        (self.0.fetch_add(1, Ordering::Relaxed) < MOST).then_some(place)
    }

    /// Sends the health at once, and then whenever it is another.
    pub(super) fn open(
        &self,
        health: Arc<Health>,
        interval: Duration,
        stopping: CancellationToken,
    ) -> Result<HttpResponse, Problem> {
        let place = self
            .take()
            .ok_or_else(|| Problem::busy(format!("{MOST} streams are open: come back later")))?;
        let watch = Watch {
            health,
            interval,
            stopping,
            sent: None,
            number: 0,
            last_word: Instant::now(),
            _place: place,
        };
        Ok(HttpResponse::Ok()
            .insert_header(("content-type", "text/event-stream; charset=utf-8"))
            .insert_header(("cache-control", "no-cache"))
            .insert_header(("x-accel-buffering", "no"))
            .streaming(watch.events()))
    }
}

struct Watch {
    health: Arc<Health>,
    interval: Duration,
    stopping: CancellationToken,
    sent: Option<Arc<Report>>,
    number: u64,
    last_word: Instant,
    _place: Place,
}

impl Watch {
    fn events(self) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
        futures_util::stream::unfold(self, |mut watch| async move {
            let event = watch.next().await?;
            Some((Ok(event), watch))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        let stopping = self.stopping.clone();
        loop {
            if self.sent.is_some() {
                tokio::select! {
                    () = tokio::time::sleep(self.interval) => {}
                    // A service that is to end does not wait for those who only watch.
                    () = stopping.cancelled() => return None,
                }
            }
            let report = self.health.report().await;
            if self.sent.as_ref() != Some(&report) {
                self.number += 1;
                self.last_word = Instant::now();
                // Words in a map: this cannot fail.
                let data = serde_json::to_string(&*report).unwrap_or_default();
                self.sent = Some(report);
                return Some(format!("id: {}\ndata: {data}\n\n", self.number).into());
            }
            if self.last_word.elapsed() >= HEARTBEAT {
                self.last_word = Instant::now();
                return Some(Bytes::from_static(b": still here\n\n"));
            }
        }
    }
}
