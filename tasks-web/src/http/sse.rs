//! Server-sent events ([HTML, section 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use actix_web::http::{ConnectionType, Method, Version};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{Stream, StreamExt as _};
use serde_json::json;
use tokio::time::Instant;

use super::query::{QueryParameter, pairs};
use super::{ConnectionState, client_address, duration, network};
use crate::problem::Problem;

/// So that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What is sent then: a comment.
pub(crate) const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");
/// The longest that one may wait between two looks, in seconds.
const MAX_INTERVAL: f64 = 60.0;
/// The shortest.
const MIN_INTERVAL: f64 = 0.05;

/// How many streams there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamLimits {
    pub(crate) in_all: usize,
    /// Of one client, by its address.
    pub(crate) per_address: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            in_all: 512,
            per_address: 32,
        }
    }
}

/// The streams that are open, of all kinds.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    most: StreamLimits,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them, which counts until it is dropped.
pub(crate) struct StreamSlot {
    address: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Streams {
    pub(crate) fn new(most: StreamLimits) -> Self {
        Self {
            most,
            open: Arc::default(),
        }
    }

    pub(crate) fn take(&self, request: &HttpRequest) -> Result<StreamSlot, Problem> {
        let address = network(client_address(request));
        let StreamLimits {
            in_all,
            per_address,
        } = self.most;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= in_all {
            return Err(Problem::too_many_streams(format!(
                "{in_all} streams of events are open: come back later"
            )));
        }
        let own = open.entry(address).or_default();
        if *own >= per_address {
            return Err(Problem::too_many_streams(format!(
                "{per_address} streams of events are open from this address: close one of them first"
            )));
        }
        *own += 1;
        Ok(StreamSlot {
            address,
            open: Arc::clone(&self.open),
        })
    }
}

/// The id of the event that a client saw last, when it comes back.
#[cfg(feature = "database")]
pub(crate) fn last_event_id(request: &HttpRequest) -> Option<&str> {
    request.headers().get("last-event-id")?.to_str().ok()
}

/// There is nothing more to say: browsers do not come back after this.
pub(crate) fn over() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// An answer that goes on as long as `goes_on` says so; to `HEAD`, one that does not.
pub(crate) fn respond(
    request: &HttpRequest,
    goes_on: impl Fn() -> bool + 'static,
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
    // Before each event, and each word that it goes on.
    let events = events.take_while(move |_| std::future::ready(goes_on()));
    let mut response = match request.conn_data::<ConnectionState>() {
        Some(connection_state) => response.streaming(probing(events, connection_state.clone())),
        None => response.streaming(events),
    };
    if request.version() < Version::HTTP_11 {
        // It knows no chunks (RFC 9112, section 7.1): the end of the connection is the end of the stream.
        let head = response.head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    response
}

/// A client that sends nothing more may be gone: a word tells, and not only when it is time for one.
fn probing(
    events: impl Stream<Item = Result<Bytes, Infallible>> + 'static,
    connection_state: ConnectionState,
) -> impl Stream<Item = Result<Bytes, Infallible>> + 'static {
    let mut events = Box::pin(events);
    let mut said = false;
    futures_util::stream::poll_fn(move |cx| {
        let event = events.poll_next_unpin(cx);
        // The connection is what wakes this when the client ends it.
        if event.is_pending() && !said && connection_state.has_ended() {
            said = true;
            return Poll::Ready(Some(Ok(STILL_HERE)));
        }
        event
    })
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

/// How often the client wants to be looked for: `?poll_interval=`, a second unless given.
pub(crate) fn interval(query: &str) -> Result<Duration, Problem> {
    let pairs = pairs(query)?;
    let Some((_, text)) = pairs.iter().find(|(key, _)| key == "poll_interval") else {
        return Ok(Duration::from_secs(1));
    };
    let range = Duration::from_secs_f64(MIN_INTERVAL)..=Duration::from_secs_f64(MAX_INTERVAL);
    // One part, of at least 50 ms.
    let form = duration::Form { parts: 1, least: 1 };
    duration::parse_query(text, form)
        .filter(|interval| range.contains(interval))
        .ok_or_else(|| {
            Problem::bad_query(format!(
                "`poll_interval` is {}, from {MIN_INTERVAL} to {MAX_INTERVAL} seconds",
                duration::EXPECTED
            ))
        })
}

/// `?poll_interval=`
const INTERVAL: QueryParameter = QueryParameter::new(
    "poll_interval",
    "How often to look for changes that nobody tells of: seconds, or a text like `500ms` or `2s`.",
    || {
        let seconds = json!({"type": "number", "minimum": MIN_INTERVAL, "maximum": MAX_INTERVAL});
        let text = json!({"type": "string", "pattern": "^(([5-9][0-9]|[1-9][0-9]{2,3})ms|([1-9]|[1-5][0-9]|60)s|1m)$"});
        json!({"anyOf": [seconds, text], "default": 1.0})
    },
);

/// The query of a stream of events.
pub(crate) const QUERY: &[QueryParameter] = &[INTERVAL];
