//! The end of a worker: attempts end or are stopped, and what is left goes back to the queue.

use std::time::Duration;

use tokio::time::Instant;

use super::attempt_end::AttemptEnd;
use super::driver::{CANCEL_POLL_INTERVAL, Driver};
use super::in_flight::StopReason;
use super::return_jobs;
use crate::jobs::error::JobError;

/// How long attempts that can be stopped have to end then.
const STOP_TIMEOUT: Duration = Duration::from_millis(400);
/// How long to wait for ends that are written apart from the rounds.
const MAX_WRITING: Duration = Duration::from_secs(5);
/// How often to try to write what is left.
const MAX_TRIES: u32 = 5;
/// How often to try to write what is of jobs whose rows are locked.
const MAX_TRIES_LOCKED: u32 = 30;

impl Driver {
    /// Lets attempts end, returns what is left to the queue, and leaves.
    pub(super) async fn drain(&mut self) {
        let deadline = Instant::now() + self.shared.settings.shutdown_timeout;
        let stop_waiting = self.shared.stop_waiting.clone();
        while !self.shared.in_flight.is_empty()
            && Instant::now() < deadline
            && !stop_waiting.is_cancelled()
        {
            self.collect();
            if !self.finished.is_empty() || self.held_back.is_due() || self.is_time_for_heartbeat()
            {
                self.round_or_wait(false).await;
            }
            self.maintain().await;
            let tick = (Instant::now() + CANCEL_POLL_INTERVAL).min(deadline);
            tokio::select! {
                event = self.inbox.recv() => if let Some(event) = event { self.take(event) },
                () = tokio::time::sleep_until(tick) => {}
                () = stop_waiting.cancelled() => {}
            }
        }
        // What can be stopped is; a thread cannot, and ends with the process.
        self.shared.in_flight.stop_all(StopReason::Shutdown);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while !self.shared.in_flight.is_empty() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let now = self.shared.clock.now();
        for (attempt, is_closure) in self.shared.in_flight.left() {
            self.finished
                .push(AttemptEnd::left_behind(attempt, is_closure, now));
        }
        self.write_what_is_left().await;
        // With what it could not return.
        let now = self.shared.clock.now();
        let left: Result<(), JobError> = self
            .shared
            .session
            .transaction(async |tx| return_jobs::unregister(tx, &self.worker, now).await)
            .await;
        if let Err(error) = left {
            tracing::warn!(%error, "others will have to find out that this process is gone");
        }
    }

    async fn write_what_is_left(&mut self) {
        let deadline = Instant::now() + MAX_WRITING;
        let (mut failures, mut locked) = (0, 0);
        loop {
            self.collect();
            if self.finished.is_empty()
                && self.changed.is_empty()
                && self.lines.is_empty()
                && self.held_back.is_empty()
            {
                if !self.shared.in_flight.is_writing() || Instant::now() >= deadline {
                    return;
                }
                let event = tokio::time::timeout(CANCEL_POLL_INTERVAL, self.inbox.recv()).await;
                if let Ok(Some(event)) = event {
                    self.take(event);
                }
                continue;
            }
            if let Err(error) = self.round(false).await {
                tracing::warn!(%error, "the jobs that are left were not returned yet");
                failures += 1;
                // The next one looks which rows are locked.
                self.failed_rounds = self.failed_rounds.saturating_add(1);
                self.lighten(&error);
                if failures == MAX_TRIES {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            } else if !self.held_back.is_empty() {
                locked += 1;
                if locked == MAX_TRIES_LOCKED {
                    let jobs = self.held_back.jobs();
                    tracing::warn!(jobs, "ends of jobs whose rows are locked were not written");
                    return;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    }
}
