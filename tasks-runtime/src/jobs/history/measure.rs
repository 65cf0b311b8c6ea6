//! What is counted, by the numbers that are stored.

use super::buckets::{BUCKETS, bucket};

/// What is counted one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Count {
    /// Jobs that were stored.
    Submitted,
    /// Jobs that ended with a result.
    Completed,
    /// Jobs that failed.
    Failed,
    /// Jobs that were canceled.
    Canceled,
    /// Attempts that failed, and that another one follows.
    Retried,
    /// Attempts whose process died.
    Crashed,
}

/// The first bucket of the times that attempts waited.
const WAIT: u16 = 100;
/// The first bucket of the times that attempts ran.
const RUN: u16 = 200;

/// The number of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Measure(u16);

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Count(Count),
    /// A bucket of the times that attempts waited.
    Wait(u16),
    /// A bucket of the times that attempts ran.
    Run(u16),
}

impl Measure {
    pub(super) fn count(count: Count) -> Self {
        Self(match count {
            Count::Submitted => 0,
            Count::Completed => 1,
            Count::Failed => 2,
            Count::Canceled => 3,
            Count::Retried => 4,
            Count::Crashed => 5,
        })
    }

    pub(super) fn wait(micros: u64) -> Self {
        Self(WAIT + bucket(micros))
    }

    pub(super) fn run(micros: u64) -> Self {
        Self(RUN + bucket(micros))
    }

    pub(super) fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// What a stored number stands for; `None` for one of a later version.
    pub(super) fn known(number: i32) -> Option<Known> {
        let number = u16::try_from(number).ok()?;
        Some(match number {
            0 => Known::Count(Count::Submitted),
            1 => Known::Count(Count::Completed),
            2 => Known::Count(Count::Failed),
            3 => Known::Count(Count::Canceled),
            4 => Known::Count(Count::Retried),
            5 => Known::Count(Count::Crashed),
            number if (WAIT..WAIT + BUCKETS).contains(&number) => Known::Wait(number - WAIT),
            number if (RUN..RUN + BUCKETS).contains(&number) => Known::Run(number - RUN),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written() {
        for count in [
            Count::Submitted,
            Count::Completed,
            Count::Failed,
            Count::Canceled,
            Count::Retried,
            Count::Crashed,
        ] {
            let number = Measure::count(count).number();
            assert_eq!(Measure::known(number), Some(Known::Count(count)));
        }
        let wait = Measure::wait(u64::MAX).number();
        assert_eq!(Measure::known(wait), Some(Known::Wait(BUCKETS - 1)));
        let run = Measure::run(0).number();
        assert_eq!(Measure::known(run), Some(Known::Run(0)));
        for number in [-1, 6, 99, 160, 260, i32::MAX] {
            assert_eq!(Measure::known(number), None, "{number}");
        }
    }
}
