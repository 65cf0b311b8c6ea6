//! What a call says while it is under way: notifications, which are sent before its answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Number;
#[cfg(feature = "database")]
use tasks_runtime::TaskReport;
use tokio::sync::Notify;

use super::json::quote;

/// How many notifications may wait to be sent. More than that take the place of the latest: a client that is slow misses steps, not the end.
const MAX_WAITING: usize = 64;

/// How many characters of a message are sent.
const MAX_MESSAGE: usize = 200;

/// By how much progress grows that does not grow: so little that it shows nowhere, and enough for readers with 32 bits.
const STEP: f64 = 0.0001;

/// What is said where a task says nothing.
const RUNNING: &str = "running for ";

/// The notifications of one call.
#[derive(Debug)]
pub(super) struct Reports {
    /// What the client knows its progress by, as JSON; without one, it wants to hear of none.
    token: Option<String>,
    waiting: Mutex<Waiting>,
    more: Notify,
    /// Whether a call that is dropped was taken back: else its client is gone, and may come back.
    taken_back: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    notifications: VecDeque<String>,
    /// The latest progress.
    progress: f64,
    total: Option<u64>,
    message: String,
    /// Whether any progress was told.
    has_begun: bool,
}

impl Reports {
    pub(super) fn new(token: Option<&str>) -> Self {
        Self {
            token: token.map(str::to_owned),
            waiting: Mutex::default(),
            more: Notify::new(),
            taken_back: AtomicBool::new(false),
        }
    }

    /// From now on, a call that is dropped before its end counts as taken back.
    pub(super) fn take_back_at_the_end(&self) {
        self.taken_back.store(true, Ordering::Relaxed);
    }

    /// Whether a call that is dropped now was taken back.
    #[cfg(feature = "database")]
    pub(super) fn is_taken_back(&self) -> bool {
        self.taken_back.load(Ordering::Relaxed)
    }

    /// Whether the client wants to hear of progress.
    #[cfg(feature = "database")]
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a notification that is written already.
    #[cfg(feature = "database")]
    pub(super) fn notify(&self, notification: String) {
        add(&mut self.waiting(), notification);
        self.more.notify_one();
    }

    /// What a task reports of itself.
    #[cfg(feature = "database")]
    pub(super) fn report(&self, report: TaskReport<'_>) {
        match report {
            TaskReport::Progress {
                current,
                total,
                message,
            } => self.progress(current, total, message),
            TaskReport::Log(line) => self.line(line),
            _ => {}
        }
    }

    /// How far it is.
    #[cfg(any(feature = "database", test))]
    #[allow(
        clippy::cast_precision_loss,
        reason = "progress beyond 2^53 is shown as near as it can be"
    )]
    pub(super) fn progress(&self, current: u64, total: Option<u64>, message: &str) {
        self.say(|waiting| {
            waiting.total = total;
            message.clone_into(&mut waiting.message);
            current as f64
        });
    }

    /// A line of its log.
    #[cfg(any(feature = "database", test))]
    pub(super) fn line(&self, line: &str) {
        self.say(|waiting| {
            line.clone_into(&mut waiting.message);
            waiting.progress
        });
    }

    /// That it goes on: hosts give up on calls that say nothing.
    pub(super) fn goes_on(&self, seconds: u64) {
        self.say(|waiting| {
            if waiting.message.is_empty() || waiting.message.starts_with(RUNNING) {
                waiting.message = format!("{RUNNING}{seconds} seconds");
            }
            waiting.progress
        });
    }

    fn say(&self, change: impl FnOnce(&mut Waiting) -> f64) {
        let Some(token) = &self.token else {
            return;
        };
        let mut waiting = self.waiting();
        let has_begun = std::mem::replace(&mut waiting.has_begun, true);
        // It has to increase with each notification (2026-07-28, Progress), also where the work does not.
        let least = if has_begun {
            (waiting.progress + STEP).max(waiting.progress.next_up())
        } else {
            0.0
        };
        let current = change(&mut waiting).max(least);
        waiting.progress = current;
        let message: String = waiting.message.chars().take(MAX_MESSAGE).collect();
        let number = if current.fract() == 0.0 && current < 9e15 {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number of that size"
            )]
            Number::from(current as u64)
        } else {
            Number::from_f64(current).unwrap_or_else(|| Number::from(0))
        };
        let mut notification = format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{token},\"progress\":{number}"
        );
        if let Some(total) = waiting.total {
            notification.push_str(&format!(",\"total\":{total}"));
        }
        if !message.is_empty() {
            notification.push_str(",\"message\":");
            quote(&message, &mut notification);
        }
        notification.push_str("}}");
        add(&mut waiting, notification);
        drop(waiting);
        self.more.notify_one();
    }

    /// What there is to send.
    pub(super) fn take(&self) -> VecDeque<String> {
        std::mem::take(&mut self.waiting().notifications)
    }

    /// Waits until there is something.
    pub(super) async fn some(&self) {
        loop {
            let more = self.more.notified();
            if !self.waiting().notifications.is_empty() {
                return;
            }
            more.await;
        }
    }
}

fn add(waiting: &mut Waiting, notification: String) {
    if waiting.notifications.len() >= MAX_WAITING {
        waiting.notifications.pop_back();
    }
    waiting.notifications.push_back(notification);
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn sent(reports: &Reports) -> Vec<(f64, Option<String>)> {
        let read = |text: String| {
            let json: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(json["params"]["progressToken"], "a");
            let message = json["params"]["message"].as_str().map(str::to_owned);
            (json["params"]["progress"].as_f64().unwrap(), message)
        };
        reports.take().into_iter().map(read).collect()
    }

    #[test]
    fn progress_increases_whatever_is_reported() {
        let reports = Reports::new(Some("\"a\""));
        reports.progress(0, Some(10), "");
        reports.progress(5, Some(10), "half");
        reports.line("a line");
        reports.progress(3, Some(10), "back");
        let mut sent = sent(&reports);
        reports.goes_on(10);
        sent.extend(self::sent(&reports));
        assert_eq!(sent.len(), 5);
        assert_eq!(sent[0], (0.0, None));
        assert_eq!(sent[2].1.as_deref(), Some("a line"));
        assert!(
            sent.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "{sent:?}"
        );
    }

    #[test]
    fn a_slow_client_keeps_few_waiting() {
        let reports = Reports::new(Some("\"a\""));
        for number in 0..1_000 {
            reports.progress(number, None, "");
        }
        let sent = sent(&reports);
        assert_eq!(sent.len(), MAX_WAITING);
        assert_eq!(sent.last().unwrap().0, 999.0);
    }

    #[test]
    fn without_a_token_nothing_is_said() {
        let reports = Reports::new(None);
        reports.progress(1, None, "");
        assert!(reports.take().is_empty());
    }
}
