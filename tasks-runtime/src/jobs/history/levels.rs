//! The steps that figures are kept in: short ones for a short time, so that the table stays small and a long span is read from few rows.

use std::time::Duration;

const DAY: u64 = 24 * 3600;

/// A step that figures are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// How long it is, in seconds.
    pub(super) step: i32,
    /// For how long its figures are kept at most, in seconds; `None` for as long as any.
    kept: Option<u64>,
}

pub(super) const MINUTE: Level = Level {
    step: 60,
    kept: Some(2 * DAY),
};

/// All of them, shortest first.
pub(super) const LEVELS: [Level; 3] = [
    MINUTE,
    Level {
        step: 600,
        kept: Some(14 * DAY),
    },
    Level {
        step: 3600,
        kept: None,
    },
];

/// The steps that a series may have, in seconds.
pub(super) const STEPS: [u32; 4] = [60, 600, 3600, 86_400];

impl Level {
    /// How long a step is, in microseconds.
    pub(super) const fn micros(self) -> i64 {
        self.step as i64 * 1_000_000
    }

    /// When the step begins that has a time in it.
    pub(super) fn start(self, at: i64) -> i64 {
        at.div_euclid(self.micros()) * self.micros()
    }

    /// The time before which its figures are not kept.
    pub(super) fn kept_since(self, retention: Option<Duration>, now: i64) -> i64 {
        let own = self.kept.map(Duration::from_secs);
        let kept = match (own, retention) {
            (Some(own), Some(retention)) => Some(own.min(retention)),
            (one, other) => one.or(other),
        };
        let kept = kept.and_then(|time| i64::try_from(time.as_micros()).ok());
        kept.map_or(i64::MIN, |micros| self.start(now.saturating_sub(micros)))
    }

    /// The longest one that a step is a multiple of.
    pub(super) fn of(step: u32) -> Self {
        let fits = |level: &&Self| step.is_multiple_of(level.step.unsigned_abs());
        LEVELS.iter().rev().find(fits).copied().unwrap_or(MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_from_the_longest_that_it_is_a_multiple_of() {
        let steps = STEPS.map(|step| Level::of(step).step);
        assert_eq!(steps, [60, 600, 3600, 3600]);
    }

    #[test]
    fn what_is_kept_begins_with_a_whole_step() {
        let now = 100 * 86_400_000_000 + 5_000_000;
        let two_days = 98 * 86_400_000_000;
        assert_eq!(MINUTE.kept_since(None, now), two_days);
        let day = Duration::from_secs(DAY);
        assert_eq!(MINUTE.kept_since(Some(day), now), 99 * 86_400_000_000);
        assert_eq!(LEVELS[2].kept_since(None, now), i64::MIN);
    }
}
