//! Whether the server answers. Connections that are all lent are those of slow closures, or of a server that is frozen or out of reach; what
//! was awaited of it, and never came, tells which.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// What all connections of a pool await of the server.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// How many connections await something.
    awaiting: AtomicUsize,
    /// How many answers have come.
    count: AtomicU64,
}

impl Answers {
    /// A connection that awaits nothing.
    pub(super) fn connection(self: &Arc<Self>) -> Awaiting {
        Awaiting {
            answers: Arc::clone(self),
            is_awaiting: AtomicBool::new(false),
        }
    }

    /// How many answers have come until now.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether so many connections await something, and no answer has come since there were `before`.
    pub(super) fn are_missing(&self, connections: usize, before: u64) -> bool {
        self.awaiting.load(Ordering::Relaxed) >= connections && self.count() == before
    }
}

/// Whether one connection awaits something of the server.
#[derive(Debug)]
pub(super) struct Awaiting {
    answers: Arc<Answers>,
    is_awaiting: AtomicBool,
}

impl Awaiting {
    /// Something was asked of the server.
    pub(super) fn ask(&self) {
        if !self.is_awaiting.swap(true, Ordering::Relaxed) {
            self.answers.awaiting.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The server has answered.
    pub(super) fn answer(&self) {
        self.answers.count.fetch_add(1, Ordering::Relaxed);
        self.give_up();
    }

    /// Whether it awaits something.
    pub(super) fn is_awaiting(&self) -> bool {
        self.is_awaiting.load(Ordering::Relaxed)
    }

    /// Nothing is awaited any more.
    fn give_up(&self) {
        if self.is_awaiting.swap(false, Ordering::Relaxed) {
            self.answers.awaiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_missing_when_all_await_one_and_none_has_come() {
        let answers = Arc::new(Answers::default());
        let (one, other) = (answers.connection(), answers.connection());
        let before = answers.count();
        one.ask();
        one.ask();
        assert!(!answers.are_missing(2, before), "the other one is free");
        other.ask();
        assert!(answers.are_missing(2, before));
        one.answer();
        assert!(!answers.are_missing(2, before));
        one.ask();
        assert!(!answers.are_missing(2, before), "it has answered meanwhile");
        assert!(answers.are_missing(2, answers.count()));
        drop(other);
        assert!(!answers.are_missing(2, answers.count()), "it was closed");
        assert!(one.is_awaiting());
    }
}
