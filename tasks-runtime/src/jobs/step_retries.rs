//! How often the code of a step runs again in the same attempt.

use std::any::Any;
use std::time::Duration;

use crate::task::{Backoff, read_any, spread};

/// The longest wait between two tries: the attempt keeps its place meanwhile.
const MAX_STEP_DELAY: Duration = Duration::from_secs(60);

/// How often the code of a [step](crate::TaskContext::step_with_retries) runs again when it fails, before the step fails, and how long it waits before that.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::jobs::{Backoff, StepRetries};
///
/// let retries = StepRetries::new(3).backoff(Backoff::exponential(Duration::from_millis(200)));
/// # let _ = retries;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRetries {
    retries: u32,
    backoff: Backoff,
}

impl StepRetries {
    /// So many retries: the code runs once more than that. They wait one second, then two, four, and so on up to a minute.
    #[must_use]
    pub const fn new(retries: u32) -> Self {
        Self {
            retries,
            backoff: Backoff::DEFAULT,
        }
    }

    /// How long it waits before each of them: at most a minute.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long to wait before the code runs again that has failed so often; `None` when it does not. An error that says by itself how long to wait, or that another try
    /// would not mend it, is believed.
    pub(super) fn delay(&self, failures: u32, error: &dyn Any) -> Option<Duration> {
        let (coded, is_permanent) = read_any(error);
        if is_permanent || failures > self.retries {
            return None;
        }
        match coded.and_then(|coded| coded.retry_after) {
            Some(delay) => (delay <= MAX_STEP_DELAY).then(|| spread(delay)),
            None => Some(spread(self.backoff.delay(failures).min(MAX_STEP_DELAY))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Permanent, TaskError};

    #[test]
    fn what_another_try_would_not_mend_is_not_tried_again() {
        let retries = StepRetries::new(2).backoff(Backoff::constant(Duration::from_secs(1)));
        let plain = TaskError::msg("it fails");
        let delay = retries.delay(1, &plain).expect("it is tried again");
        assert!((1.0..1.2).contains(&delay.as_secs_f64()));
        assert!(retries.delay(2, &plain).is_some());
        assert!(retries.delay(3, &plain).is_none());
        let permanent = TaskError::from(Permanent::msg("the card is declined"));
        assert!(retries.delay(1, &permanent).is_none());
        let permanent =
            anyhow::Error::from(Permanent::msg("the card is declined")).context("charge");
        assert!(retries.delay(1, &permanent).is_none());
        assert!(retries.delay(1, &"a text".to_owned()).is_some());
        let hours = retries.backoff(Backoff::constant(Duration::from_secs(7200)));
        let delay = hours.delay(1, &plain).expect("it is tried again");
        assert!((60.0..67.0).contains(&delay.as_secs_f64()));
    }
}
