//! What is limited, and to how much.

use std::fmt;
use std::time::Duration;

use crate::task::{JobPolicy, Rate};

/// Starts are counted by this part of a period: a start counts for up to that much longer than the period.
const PARTS: u32 = 100;

/// The limits of a task that hold over all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::jobs) struct TaskLimits {
    /// How many of its jobs run at once.
    pub(in crate::jobs) concurrency: Option<u32>,
    pub(in crate::jobs) rate: Option<Rate>,
    /// The same for jobs with the same key.
    pub(in crate::jobs) concurrency_per_key: Option<u32>,
    pub(in crate::jobs) rate_per_key: Option<Rate>,
}

impl TaskLimits {
    /// Those of a task, if it has any.
    pub(in crate::jobs) fn of(policy: &JobPolicy) -> Option<Self> {
        let limits = Self {
            concurrency: policy.global_concurrency,
            rate: policy.rate,
            concurrency_per_key: policy.concurrency_per_key,
            rate_per_key: policy.rate_per_key,
        };
        (limits != Self::default()).then_some(limits)
    }
}

/// The limits of a queue that hold over all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::jobs) struct QueueLimits {
    /// How many of its jobs run at once.
    pub(in crate::jobs) concurrency: Option<u32>,
    pub(in crate::jobs) rate: Option<Rate>,
}

impl Rate {
    /// The part of the period that a time is in, by its begin.
    pub(in crate::jobs) fn part_of(self, micros: i64) -> i64 {
        micros - micros.rem_euclid(self.part())
    }

    /// When a start does not count any more that is in the part with this begin.
    pub(in crate::jobs) fn end_of(self, part: i64) -> i64 {
        part.saturating_add(self.part())
            .saturating_add(micros(self.period))
    }

    fn part(self) -> i64 {
        micros(self.period / PARTS).max(1)
    }
}

impl fmt::Display for Rate {
    /// As it is written: `100/1m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.period.as_millis();
        let (number, unit) = [(3_600_000, "h"), (60_000, "m"), (1000, "s")]
            .into_iter()
            .find(|(size, _)| milliseconds.is_multiple_of(*size))
            .map_or((milliseconds, "ms"), |(size, unit)| {
                (milliseconds / size, unit)
            });
        write!(f, "{}/{number}{unit}", self.count)
    }
}

/// Starts in parts that begin after this time count.
pub(in crate::jobs) fn window_begin(rate: Rate, now: i64) -> i64 {
    now.saturating_sub(micros(rate.period))
        .saturating_sub(rate.part())
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
