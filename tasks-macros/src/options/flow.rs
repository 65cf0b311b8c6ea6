//! The part of `#[task(…)]` that limits how many jobs run in all processes.

use std::time::Duration;

use proc_macro2::Span;
use syn::LitStr;

use crate::duration;
use crate::errors::Errors;

/// The longest period of a rate.
const MAX_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// What limits the jobs of a task in all processes together.
#[derive(Default)]
pub(crate) struct FlowOptions {
    pub(crate) global_concurrency: Option<u32>,
    /// The name of a parameter, or a JSON pointer into the parameters.
    pub(crate) key: Option<LitStr>,
    pub(crate) per_key: Option<(u32, Span)>,
    pub(crate) rate: Option<Rate>,
    pub(crate) rate_per_key: Option<(Rate, LitStr)>,
}

impl FlowOptions {
    /// How many jobs with the same key run at once: one, where a key is all that is said.
    pub(crate) fn concurrency_per_key(&self) -> Option<u32> {
        let of_a_key = self.key.is_some() && self.rate_per_key.is_none();
        let said = self.per_key.map(|(most, _)| most);
        said.or_else(|| of_a_key.then_some(1))
    }

    /// What is about a key needs one.
    pub(super) fn check(&self, errors: &mut Errors) {
        const NO_KEY: &str = "is about jobs with the same key: say which parameter that is, `concurrency_key = \"tenant\"`";
        if self.key.is_some() {
            return;
        }
        if let Some((_, place)) = self.per_key {
            errors.at(place, format!("`concurrency_per_key` {NO_KEY}"));
        }
        if let Some((_, place)) = &self.rate_per_key {
            errors.on(place, format!("`rate_per_key` {NO_KEY}"));
        }
    }
}

/// How many attempts begin in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) period: Duration,
}

impl Rate {
    /// `100/1m`, or `100/m`.
    pub(super) fn parse(text: &LitStr) -> syn::Result<Self> {
        let refused = |reason: &str| Err(syn::Error::new_spanned(text, reason));
        let Some(rate) = read(&text.value()) else {
            return refused(
                "a rate is a number of attempts and the period in which they begin: \"100/1m\", \"5/s\", \"1000/24h\"",
            );
        };
        if !(1..=1_000_000).contains(&rate.count) {
            return refused("a rate is of 1 to 1,000,000 attempts");
        }
        if rate.period < Duration::from_millis(100) || rate.period > MAX_PERIOD {
            return refused("the period of a rate has 100 milliseconds to 24 hours");
        }
        Ok(rate)
    }
}

fn read(text: &str) -> Option<Rate> {
    let (count, period) = text.split_once('/')?;
    let (count, period) = (count.trim(), period.trim());
    let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let has_number = period.starts_with(|first: char| first.is_ascii_digit());
    let period = if has_number {
        duration::parse(period)?
    } else {
        duration::parse(&format!("1{period}"))?
    };
    // More than fits is too much.
    let count = is_number.then(|| count.parse().unwrap_or(u32::MAX))?;
    Some(Rate { count, period })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_period() {
        let rate = |count, seconds| {
            Some(Rate {
                count,
                period: Duration::from_secs(seconds),
            })
        };
        assert_eq!(read("100/1m"), rate(100, 60));
        assert_eq!(read("5/s"), rate(5, 1));
        assert_eq!(read(" 10 / 1m30s "), rate(10, 90));
        assert_eq!(read("99999999999/h"), rate(u32::MAX, 3600));
        for text in [
            "", "100", "/1m", "1/", "-1/s", "+1/s", "1.5/s", "1/d", "1/s/s", "a/s",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
