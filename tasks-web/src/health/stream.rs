//! The health as it changes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::report::{Health, Report};
use crate::http::sse::{HEARTBEAT, Place, STILL_HERE};

/// Sends the health at once, and then whenever it is another.
pub(super) struct Watch {
    health: Arc<Health>,
    interval: Duration,
    stopping: CancellationToken,
    sent: Option<Arc<Report>>,
    number: u64,
    last_word: Instant,
    _place: Place,
}

impl Watch {
    pub(super) fn new(
        health: Arc<Health>,
        interval: Duration,
        stopping: CancellationToken,
        place: Place,
    ) -> Self {
        Self {
            health,
            interval,
            stopping,
            sent: None,
            number: 0,
            last_word: Instant::now(),
            _place: place,
        }
    }

    pub(super) fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
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
                return Some(STILL_HERE);
            }
        }
    }
}
