//! Server-sent events ([HTML, section 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::http::Method;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::Stream;
use tokio::time::Instant;

use crate::problem::Problem;

/// How many streams of one kind may be open at once.
const MOST: usize = 256;
/// So that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What is sent then: a comment.
pub(crate) const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");
/// The longest that one may wait between two looks, in seconds.
pub(crate) const LONGEST: f64 = 60.0;
/// The shortest.
pub(crate) const SHORTEST: f64 = 0.05;

/// How many streams are open.
#[derive(Clone, Default)]
pub(crate) struct Streams(Arc<AtomicUsize>);

/// One of them, which counts until it is dropped.
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Streams {
    pub(crate) fn take(&self) -> Result<Place, Problem> {
        let place = Place(Arc::clone(&self.0));
        if self.0.fetch_add(1, Ordering::Relaxed) < MOST {
            return Ok(place);
        }
        Err(Problem::busy(format!(
            "{MOST} streams are open: come back later"
        )))
    }
}

/// An answer that goes on; to `HEAD`, one that does not.
pub(crate) fn respond(
    request: &HttpRequest,
    events: impl Stream<Item = Result<Bytes, Infallible>> + 'static,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header(("content-type", "text/event-stream; charset=utf-8"))
        .insert_header(("cache-control", "no-cache"))
        .insert_header(("x-accel-buffering", "no"));
    if request.method() == Method::HEAD {
        return response.finish();
    }
    response.streaming(events)
}

/// When to look again, and when to give a sign of life.
pub(crate) struct Pace {
    interval: Duration,
    look: Instant,
    word: Instant,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Look,
    Heartbeat,
}

impl Pace {
    pub(crate) fn new(interval: Duration) -> Self {
        let now = Instant::now();
        Self {
            interval,
            look: now + interval,
            word: now,
        }
    }

    /// Something was sent.
    pub(crate) fn said(&mut self) {
        self.word = Instant::now();
    }

    pub(crate) async fn next(&mut self) -> Turn {
        let heartbeat = self.word + HEARTBEAT;
        tokio::time::sleep_until(self.look.min(heartbeat)).await;
        if self.look <= Instant::now() {
            self.look = Instant::now() + self.interval;
            return Turn::Look;
        }
        self.said();
        Turn::Heartbeat
    }
}

/// How often the client wants to be looked for: `?poll_interval=` in seconds, 1 unless given.
pub(crate) fn interval(query: &str) -> Result<Duration, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|error| Problem::bad_query(format!("the query cannot be read: {error}")))?;
    let Some((_, text)) = pairs.iter().find(|(key, _)| key == "poll_interval") else {
        return Ok(Duration::from_secs(1));
    };
    text.parse::<f64>()
        .ok()
        .filter(|seconds| (SHORTEST..=LONGEST).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| {
            Problem::bad_query(format!(
                "`poll_interval` is a number of seconds from {SHORTEST} to {LONGEST}"
            ))
        })
}
