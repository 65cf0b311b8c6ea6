//! How a task is run in the background.

use std::time::Duration;

/// What `#[task(…)]` says of background jobs: retries, their delays, the queue.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(hidden)]
#[allow(
    missing_docs,
    reason = "for generated code, which is not written by hand"
)]
pub struct JobPolicy {
    /// How often a failed attempt is followed by another.
    pub retries: u32,
    pub backoff: Backoff,
    pub queue: Option<&'static str>,
    pub priority: i32,
    /// How many jobs of the task run at once in a process.
    pub max_concurrency: Option<u32>,
    /// How many jobs of the task run at once in all processes.
    pub global_concurrency: Option<u32>,
    /// What jobs have a key by: a JSON pointer into the parameters.
    pub concurrency_key: Option<&'static str>,
    /// How many jobs with the same key run at once in all processes.
    pub concurrency_per_key: Option<u32>,
    /// How many attempts of the task begin in a period, in all processes.
    pub rate: Option<Rate>,
    /// How many attempts of jobs with the same key begin in a period, in all processes.
    pub rate_per_key: Option<Rate>,
    /// Whether a job is not stored while another one with the same parameters is not done.
    pub unique: bool,
    /// How many processes may die of one job of the task, in place of what the service says.
    pub crash_limit: Option<u32>,
    /// The version of the task's steps.
    pub version: u32,
    /// Whether a job fails whose steps are those of an older version; else it waits for a worker that has that one.
    pub fail_old_versions: bool,
}

impl JobPolicy {
    /// No retries, and nothing special.
    pub const DEFAULT: Self = Self {
        retries: 0,
        backoff: Backoff::DEFAULT,
        queue: None,
        priority: 0,
        max_concurrency: None,
        global_concurrency: None,
        concurrency_key: None,
        concurrency_per_key: None,
        rate: None,
        rate_per_key: None,
        unique: false,
        crash_limit: None,
        version: 1,
        fail_old_versions: false,
    };

    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    #[must_use]
    pub const fn queue(mut self, queue: &'static str) -> Self {
        self.queue = Some(queue);
        self
    }

    #[must_use]
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    #[must_use]
    pub const fn max_concurrency(mut self, most: u32) -> Self {
        self.max_concurrency = Some(most);
        self
    }

    #[must_use]
    pub const fn global_concurrency(mut self, most: u32) -> Self {
        self.global_concurrency = Some(most);
        self
    }

    #[must_use]
    pub const fn concurrency_key(mut self, pointer: &'static str) -> Self {
        self.concurrency_key = Some(pointer);
        self
    }

    #[must_use]
    pub const fn concurrency_per_key(mut self, most: u32) -> Self {
        self.concurrency_per_key = Some(most);
        self
    }

    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    #[must_use]
    pub const fn rate_per_key(mut self, rate: Rate) -> Self {
        self.rate_per_key = Some(rate);
        self
    }

    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    #[must_use]
    pub const fn crash_limit(mut self, times: u32) -> Self {
        self.crash_limit = Some(times);
        self
    }

    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    #[must_use]
    pub const fn fail_old_versions(mut self) -> Self {
        self.fail_old_versions = true;
        self
    }
}

/// How many attempts begin in a period at most, wherever the period begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct Rate {
    pub(crate) count: u32,
    pub(crate) period: Duration,
}

impl Rate {
    /// `count` attempts in each `period`.
    #[must_use]
    pub const fn new(count: u32, period: Duration) -> Self {
        Self { count, period }
    }
}

/// How long to wait before an attempt that follows one that failed.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::jobs::Backoff;
///
/// let backoff = Backoff::exponential(Duration::from_secs(1)).max(Duration::from_secs(60));
/// assert_eq!(backoff.delay(1), Duration::from_secs(1));
/// assert_eq!(backoff.delay(3), Duration::from_secs(4));
/// assert_eq!(backoff.delay(30), Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    #[doc(hidden)]
    pub initial: Duration,
    #[doc(hidden)]
    pub growth: Growth,
    #[doc(hidden)]
    pub longest: Duration,
}

/// How the delay grows with each attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Growth {
    /// Not at all.
    Constant,
    /// By the first delay.
    Linear,
    /// Twice as long each time.
    Exponential,
}

impl Backoff {
    /// From one second up to an hour, twice as long each time.
    pub const DEFAULT: Self = Self {
        initial: Duration::from_secs(1),
        growth: Growth::Exponential,
        longest: Duration::from_secs(3600),
    };

    /// The same delay every time.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self {
            initial: delay,
            growth: Growth::Constant,
            longest: delay,
        }
    }

    /// Longer by the first delay each time; an hour at most unless [`max`](Self::max) says otherwise.
    #[must_use]
    pub const fn linear(initial: Duration) -> Self {
        Self {
            initial,
            growth: Growth::Linear,
            ..Self::DEFAULT
        }
    }

    /// Twice as long each time; an hour at most unless [`max`](Self::max) says otherwise.
    #[must_use]
    pub const fn exponential(initial: Duration) -> Self {
        Self {
            initial,
            growth: Growth::Exponential,
            ..Self::DEFAULT
        }
    }

    /// The longest delay.
    #[must_use]
    pub const fn max(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// The delay after the attempt of this number, from 1, before it is spread a little.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        let before = attempt.saturating_sub(1);
        let delay = match self.growth {
            Growth::Constant => self.initial,
            Growth::Linear => self.initial.saturating_mul(before.saturating_add(1)),
            Growth::Exponential => self
                .initial
                .saturating_mul(1_u32.checked_shl(before.min(31)).unwrap_or(u32::MAX)),
        };
        delay.min(self.longest.max(self.initial))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A delay with up to a tenth more, so that what failed together does not come back together.
#[cfg(feature = "database")]
pub(crate) fn spread(delay: Duration) -> Duration {
    let random = ulid::Ulid::new().random() % 1000;
    let share = u32::try_from(random).unwrap_or(0);
    delay.saturating_add(delay / 10 * share / 1000)
}
