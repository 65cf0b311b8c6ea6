//! The health as it changes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::Stream;
use tokio_util::sync::CancellationToken;

use super::report::{Health, Report};
use crate::http::sse::{Pace, STILL_HERE, StreamSlot, Turn};

/// Sends the health at once, and then whenever it is another.
pub(super) struct HealthStream {
    health: Arc<Health>,
    pace: Pace,
    stopping: CancellationToken,
    sent: Option<Arc<Report>>,
    number: u64,
    _slot: StreamSlot,
}

impl HealthStream {
    pub(super) fn new(
        health: Arc<Health>,
        interval: Duration,
        stopping: CancellationToken,
        place: StreamSlot,
    ) -> Self {
        Self {
            health,
            pace: Pace::new(interval),
            stopping,
            sent: None,
            number: 0,
            _slot: place,
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
            let turn = async {
                if self.sent.is_some() && self.pace.next().await == Turn::Heartbeat {
                    return None;
                }
                Some(self.health.report().await)
            };
            let report = tokio::select! {
                report = turn => report,
                // A service that is to end does not wait for those who only watch.
                () = stopping.cancelled() => return None,
            };
            let Some(report) = report else {
                return Some(STILL_HERE);
            };
            if self.sent.as_ref() != Some(&report) {
                self.number += 1;
                self.pace.said();
                // Words in a map: this cannot fail.
                let data = serde_json::to_string(&*report).unwrap_or_default();
                self.sent = Some(report);
                return Some(format!("id: {}\ndata: {data}\n\n", self.number).into());
            }
        }
    }
}
