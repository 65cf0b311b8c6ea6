//! Submissions that come in bursts and are to run once.

use std::time::Duration;

/// Which submission of a burst runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum BurstKind {
    /// The first one: those that follow within the period come to nothing.
    Throttle,
    /// The last one, once none has followed for the period.
    Debounce,
}

impl BurstKind {
    /// As clients name it.
    pub(in crate::jobs) const fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Debounce => "debounce",
        }
    }

    /// As it is stored.
    pub(in crate::jobs) const fn number(self) -> i32 {
        match self {
            Self::Throttle => 1,
            Self::Debounce => 2,
        }
    }
}

/// What a submission says of its burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::jobs) struct Burst {
    pub(in crate::jobs) kind: BurstKind,
    pub(in crate::jobs) key: String,
    pub(in crate::jobs) period: Duration,
}
