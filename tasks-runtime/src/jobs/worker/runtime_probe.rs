//! Whether the threads of the tasks answer: a task that computes and never awaits holds its thread, and when all are held, a job
//! that was claimed could not begin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;

/// For how long an answer is good.
const MAX_AGE: Duration = Duration::from_millis(100);
/// How long to wait for an answer before the threads count as blocked.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(50);
/// How long they are blocked before that is logged.
const LOG_AFTER: Duration = Duration::from_secs(1);
/// How often it is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Asks the threads for a sign of life now and then.
#[derive(Debug)]
pub(in crate::jobs) struct RuntimeProbe {
    /// How many questions were asked.
    asked: u64,
    asked_at: Instant,
    /// The latest question that was answered.
    answered: Arc<AtomicU64>,
    answer: Arc<Notify>,
    blocked_since: Option<Instant>,
    logged: Option<Instant>,
}

impl RuntimeProbe {
    pub(in crate::jobs) fn new() -> Self {
        Self {
            asked: 0,
            asked_at: Instant::now(),
            answered: Arc::default(),
            answer: Arc::default(),
            blocked_since: None,
            logged: None,
        }
    }

    fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Acquire) == self.asked
    }

    /// Whether a thread has answered a moment ago, or does now. Does not wait for long.
    pub(in crate::jobs) async fn answers(&mut self, threads: &Handle) -> bool {
        if self.is_answered() {
            if self.asked > 0 && self.asked_at.elapsed() < MAX_AGE {
                return true;
            }
            self.asked += 1;
            self.asked_at = Instant::now();
            let (answered, answer, question) = (
                Arc::clone(&self.answered),
                Arc::clone(&self.answer),
                self.asked,
            );
            threads.spawn(async move {
                answered.store(question, Ordering::Release);
                answer.notify_one();
            });
        }
        // One wait per question: a thread that is late is asked about again with the next round.
        let timeout = ANSWER_TIMEOUT.saturating_sub(self.asked_at.elapsed());
        let _ = tokio::time::timeout(timeout, async {
            while !self.is_answered() {
                self.answer.notified().await;
            }
        })
        .await;
        let answers = self.is_answered();
        self.blocked_since = match (answers, self.blocked_since) {
            (true, _) => None,
            (false, since) => since.or(Some(self.asked_at)),
        };
        answers
    }

    /// Whether no thread answered when one was last asked.
    pub(in crate::jobs) fn is_blocked(&self) -> bool {
        self.blocked_since.is_some() && !self.is_answered()
    }

    /// Resolves when a thread answers that is late.
    pub(in crate::jobs) fn answer(&self) -> impl Future<Output = ()> + Send + use<> {
        let answer = Arc::clone(&self.answer);
        async move { answer.notified().await }
    }

    /// For how long all threads have been blocked, if that is worth a line in the log now.
    pub(in crate::jobs) fn worth_a_line(&mut self) -> Option<Duration> {
        let blocked = self
            .blocked_since
            .filter(|_| !self.is_answered())?
            .elapsed();
        if blocked < LOG_AFTER
            || self
                .logged
                .is_some_and(|logged| logged.elapsed() < LOG_INTERVAL)
        {
            return None;
        }
        self.logged = Some(Instant::now());
        Some(blocked)
    }
}
