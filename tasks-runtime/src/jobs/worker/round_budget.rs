//! How many bytes a round carries in each direction.

use super::attempt_end::AttemptEnd;

/// How much, unless rounds take too long.
const MAX: usize = 1024 * 1024;
/// How much at least.
const MIN: usize = 64 * 1024;

/// How many bytes a round carries in each direction: a round is one transaction, which has to end in time, with the heartbeat in it. Less after
/// rounds that took too long, so that a slow link slows the worker down and does not stop it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundBudget(usize);

impl Default for RoundBudget {
    fn default() -> Self {
        Self(MAX)
    }
}

impl RoundBudget {
    /// A round has succeeded.
    pub(super) fn succeeded(&mut self) {
        self.0 = self.0.saturating_mul(2).min(MAX);
    }

    /// A round took too long.
    pub(super) fn was_too_much(&mut self) {
        self.0 = (self.0 / 2).max(MIN);
    }

    /// How many bytes.
    pub(super) fn bytes(self) -> usize {
        self.0
    }

    /// Whether an end is too large for a round, and is written apart from it.
    pub(super) fn is_large(self, end: &AttemptEnd) -> bool {
        end.bytes() > MIN
    }

    /// How long the parameters of each of so many jobs may be that are read while they are claimed.
    pub(super) fn inline_params(self, jobs: usize) -> usize {
        (self.0 / jobs.max(1)).clamp(self.0 / 1024, MIN)
    }

    /// Takes as many of these, from the first one on, as a round carries: at least one.
    pub(super) fn take<T>(self, all: &mut Vec<T>, bytes: impl Fn(&T) -> usize) -> Vec<T> {
        let mut sum = 0_usize;
        let fits = |one: &&T| {
            sum = sum.saturating_add(bytes(one));
            sum <= self.0
        };
        let count = all.iter().take_while(fits).count();
        if count == all.len() {
            return std::mem::take(all);
        }
        let rest = all.split_off(count.max(1));
        std::mem::replace(all, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX, MIN, RoundBudget};

    #[test]
    fn it_takes_what_fits_and_at_least_one() {
        let mut budget = RoundBudget::default();
        let mut all = vec![MAX / 2, MAX / 2, 1, MAX * 2, 3];
        let mut take = |budget: RoundBudget| budget.take(&mut all, |bytes| *bytes);
        assert_eq!(take(budget), [MAX / 2, MAX / 2]);
        assert_eq!(take(budget), [1]);
        budget.was_too_much();
        assert_eq!(take(budget), [MAX * 2]);
        assert_eq!(take(budget), [3]);
        assert_eq!(take(budget), [0; 0]);
    }

    #[test]
    fn it_shrinks_and_recovers() {
        let mut budget = RoundBudget::default();
        assert_eq!(budget.inline_params(1), MIN);
        assert_eq!(budget.inline_params(100), MAX / 100);
        assert_eq!(budget.inline_params(100_000), MAX / 1024);
        for _ in 0..100 {
            budget.was_too_much();
        }
        assert_eq!(budget.bytes(), MIN);
        for _ in 0..100 {
            budget.succeeded();
        }
        assert_eq!(budget.bytes(), MAX);
    }
}
