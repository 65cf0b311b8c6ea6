//! Durations in buckets of a logarithmic scale: two for each doubling, from a millisecond to nine days.

/// How many there are.
pub(super) const BUCKETS: u16 = 60;
/// The upper bound of the first, in microseconds.
const FIRST: f64 = 1000.0;

/// The bucket of a duration in microseconds.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is cut to the range of buckets"
)]
pub(super) fn bucket(micros: u64) -> u16 {
    let doublings = (micros as f64 / FIRST).log2();
    // `0` for what is less than the first bound, and for nothing at all.
    (doublings * 2.0).ceil().clamp(0.0, f64::from(BUCKETS - 1)) as u16
}

/// The upper bound of a bucket, in seconds.
fn bound(index: u16) -> f64 {
    FIRST * (f64::from(index) / 2.0).exp2() / 1_000_000.0
}

/// How many durations each bucket has.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram(std::collections::BTreeMap<u16, u64>);

impl Histogram {
    pub(super) fn add(&mut self, index: u16, count: u64) {
        let bucket = self.0.entry(index.min(BUCKETS - 1)).or_default();
        *bucket = bucket.saturating_add(count);
    }

    pub(super) fn count(&self) -> u64 {
        self.0
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The duration in seconds that such a part of all are not longer than; `None` when there are none. It is between the bounds of a bucket, so
    /// it is less than half away from what it would be of the durations themselves.
    pub(super) fn quantile(&self, part: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = part * count as f64;
        let mut before = 0.0;
        for (index, count) in &self.0 {
            let count = *count as f64;
            if before + count >= rank && count > 0.0 {
                let inside = ((rank - before) / count).clamp(0.0, 1.0);
                let upper = bound(*index);
                return Some(match index.checked_sub(1) {
                    None => upper * inside,
                    Some(lower) => {
                        let lower = bound(lower);
                        lower * (upper / lower).powf(inside)
                    }
                });
            }
            before += count;
        }
        self.0.keys().next_back().map(|index| bound(*index))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_duration_has_a_bucket() {
        assert_eq!((bucket(0), bucket(1), bucket(1000)), (0, 0, 0));
        assert_eq!((bucket(1001), bucket(1414), bucket(2000)), (1, 1, 2));
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert!(bound(BUCKETS - 1) > 8.0 * 24.0 * 3600.0);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_near_that_of_the_durations(
            mut durations in proptest::collection::vec(1_001_u64..10_000_000_000, 1..200),
            part in 0.01..1.0_f64,
        ) {
            let mut histogram = Histogram::default();
            for micros in &durations {
                histogram.add(bucket(*micros), 1);
            }
            durations.sort_unstable();
            let rank = ((part * durations.len() as f64).ceil() as usize).clamp(1, durations.len());
            let exact = durations[rank - 1] as f64 / 1_000_000.0;
            let found = histogram.quantile(part).unwrap();
            prop_assert!(found / exact < 1.42 && exact / found < 1.42, "{found} for {exact}");
        }

        #[test]
        fn nothing_is_too_long(micros: u64) {
            prop_assert!(bucket(micros) < BUCKETS);
        }
    }
}
