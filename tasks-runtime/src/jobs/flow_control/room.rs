//! How many more jobs of a task may begin now, by its limits over all processes.

use std::collections::BTreeMap;

use super::task_limits::{TaskLimits, window_begin};
use crate::task::Rate;

/// Starts that count for a rate: how many began in each part of its period.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct Starts(BTreeMap<i64, usize>);

impl Starts {
    /// Adds those of one part.
    pub(in crate::jobs) fn add(&mut self, part: i64, count: usize) {
        *self.0.entry(part).or_default() += count;
    }

    /// How many more may begin.
    pub(in crate::jobs) fn left(&self, rate: Rate, now: i64) -> usize {
        let begin = window_begin(rate, now);
        let counted: usize = self.0.range(begin + 1..).map(|(_, count)| count).sum();
        limit(rate.count).saturating_sub(counted)
    }

    /// When the next one may begin, where none may now.
    pub(in crate::jobs) fn free_at(&self, rate: Rate, now: i64) -> Option<i64> {
        let mut time = now;
        let mut parts = self.0.range(window_begin(rate, now) + 1..);
        while self.left(rate, time) == 0 {
            time = rate.end_of(*parts.next()?.0);
        }
        (time > now).then_some(time)
    }
}

/// What the limits of one task leave.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct Room {
    limits: TaskLimits,
    now: i64,
    running: BTreeMap<String, usize>,
    starts: Starts,
    starts_by_key: BTreeMap<String, Starts>,
    /// What was taken of it.
    taken: BTreeMap<String, usize>,
}

impl Room {
    /// What is left beside the jobs that run, and the attempts that began.
    pub(in crate::jobs) fn new(
        limits: TaskLimits,
        now: i64,
        running: BTreeMap<String, usize>,
        starts: Starts,
    ) -> Self {
        Self {
            limits,
            now,
            running,
            starts,
            starts_by_key: BTreeMap::new(),
            taken: BTreeMap::new(),
        }
    }

    /// Whether it is known what a rate leaves of a key.
    pub(in crate::jobs) fn knows(&self, key: &str) -> bool {
        self.starts_by_key.contains_key(key)
    }

    /// Adds what counts for the rate of a key.
    pub(in crate::jobs) fn add_key(&mut self, key: &str, starts: Starts) {
        self.starts_by_key.insert(key.to_owned(), starts);
    }

    pub(in crate::jobs) fn limits(&self) -> TaskLimits {
        self.limits
    }

    /// How many run with a key.
    pub(in crate::jobs) fn running(&self, key: &str) -> usize {
        let taken = self.taken.get(key).copied().unwrap_or_default();
        self.running.get(key).copied().unwrap_or_default() + taken
    }

    /// How many run in all.
    pub(in crate::jobs) fn running_in_all(&self) -> usize {
        self.running.values().sum::<usize>() + self.taken_in_all()
    }

    fn taken_in_all(&self) -> usize {
        self.taken.values().sum()
    }

    /// How many may begin, whatever their keys.
    pub(in crate::jobs) fn left(&self) -> usize {
        let of_concurrency = self.limits.concurrency.map_or(usize::MAX, |most| {
            limit(most).saturating_sub(self.running_in_all())
        });
        let of_rate = self
            .limits
            .rate
            .map_or(usize::MAX, |rate| self.starts.left(rate, self.now));
        of_concurrency.min(of_rate)
    }

    /// How many of one key may begin, if the task has room for them.
    pub(in crate::jobs) fn left_of_key(&self, key: &str) -> usize {
        let of_concurrency = self.limits.concurrency_per_key.map_or(usize::MAX, |most| {
            limit(most).saturating_sub(self.running(key))
        });
        let of_rate = self.limits.rate_per_key.map_or(usize::MAX, |rate| {
            let left = self.starts_by_key.get(key);
            left.map_or(limit(rate.count), |starts| starts.left(rate, self.now))
        });
        of_concurrency.min(of_rate)
    }

    /// Takes room for jobs that begin.
    pub(in crate::jobs) fn take(&mut self, key: &str, count: usize) {
        if count == 0 {
            return;
        }
        *self.taken.entry(key.to_owned()).or_default() += count;
        if let Some(rate) = self.limits.rate {
            self.starts.add(rate.part_of(self.now), count);
        }
        if let Some(rate) = self.limits.rate_per_key {
            let starts = self.starts_by_key.entry(key.to_owned()).or_default();
            starts.add(rate.part_of(self.now), count);
        }
    }

    /// How many of each key were taken.
    pub(in crate::jobs) fn taken(&self) -> &BTreeMap<String, usize> {
        &self.taken
    }

    /// Shares up to `places` among keys, which take turns: one of each, then another one of each. Gives how many of which key, in their order.
    pub(in crate::jobs) fn share<'a>(
        &self,
        keys: &'a [String],
        places: usize,
    ) -> Vec<(&'a str, usize)> {
        let mut left = places.min(self.left());
        let mut shares: Vec<(&str, usize, usize)> = Vec::new();
        for key in keys {
            if shares.len() == left {
                break;
            }
            let room = self.left_of_key(key);
            if room > 0 {
                shares.push((key, room, 0));
            }
        }
        let mut gave = true;
        while left > 0 && gave {
            gave = false;
            for (_, room, share) in &mut shares {
                if left > 0 && share < room {
                    *share += 1;
                    left -= 1;
                    gave = true;
                }
            }
        }
        shares
            .into_iter()
            .map(|(key, _, share)| (key, share))
            .collect()
    }

    /// When the rate of keys lets the next one of these begin that may not begin now.
    pub(in crate::jobs) fn keys_free_at(&self, keys: &[String]) -> Option<i64> {
        keys.iter().filter_map(|key| self.key_free_at(key)).min()
    }

    /// When a rate lets the next one of a key begin, where none may now.
    pub(in crate::jobs) fn key_free_at(&self, key: &str) -> Option<i64> {
        let rate = self.limits.rate_per_key?;
        self.starts_by_key.get(key)?.free_at(rate, self.now)
    }

    /// When the rate of the task lets the next one begin, where none may now.
    pub(in crate::jobs) fn task_free_at(&self) -> Option<i64> {
        self.starts.free_at(self.limits.rate?, self.now)
    }
}

fn limit(most: u32) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn room(limits: TaskLimits, running: &[(&str, usize)]) -> Room {
        let running = running
            .iter()
            .map(|(key, count)| ((*key).to_owned(), *count));
        Room::new(limits, 100 * MINUTE, running.collect(), Starts::default())
    }

    #[test]
    fn keys_take_turns_and_none_is_above_its_limit() {
        let limits = TaskLimits {
            concurrency: Some(6),
            concurrency_per_key: Some(2),
            ..TaskLimits::default()
        };
        let mut room = room(limits, &[("a", 1), ("b", 2)]);
        assert_eq!(room.left(), 3);
        let all = keys(&["a", "b", "c", "d"]);
        assert_eq!(room.share(&all, 10), [("a", 1), ("c", 1), ("d", 1)]);
        room.take("c", 1);
        assert_eq!(room.share(&all, 1), [("a", 1)]);
        assert_eq!(room.share(&keys(&["c", "d"]), 10), [("c", 1), ("d", 1)]);
        room.take("d", 2);
        assert_eq!(room.share(&all, 10), []);
    }

    #[test]
    fn one_key_has_all_places_that_no_other_wants() {
        let room = room(TaskLimits::default(), &[]);
        assert_eq!(room.share(&keys(&["a"]), 10), [("a", 10)]);
        assert_eq!(room.share(&keys(&["a", "b"]), 5), [("a", 3), ("b", 2)]);
    }

    #[test]
    fn no_period_has_more_starts_than_the_rate_says() {
        let rate = Rate::new(3, Duration::from_secs(60));
        let mut starts = Starts::default();
        let now = 100 * MINUTE;
        assert_eq!(starts.left(rate, now), 3);
        assert_eq!(starts.free_at(rate, now), None);
        starts.add(rate.part_of(now), 1);
        starts.add(rate.part_of(now + MINUTE / 2), 2);
        let later = now + MINUTE / 2;
        assert_eq!(starts.left(rate, later), 0);
        let at = starts.free_at(rate, later).unwrap();
        assert!((now + MINUTE..=now + MINUTE + MINUTE / 100).contains(&at));
        assert_eq!(starts.left(rate, at - 1), 0);
        assert_eq!(starts.left(rate, at), 1);
    }

    proptest::proptest! {
        /// Whatever the times are, as many begin as may, and in each period of any begin there are at most as many as the rate says.
        #[test]
        fn a_rate_holds_in_every_window(
            count in 1_u32..5,
            gaps in proptest::collection::vec(0_i64..40_000, 1..200),
        ) {
            let rate = Rate::new(count, Duration::from_millis(100));
            let (mut starts, mut began, mut now) = (Starts::default(), Vec::new(), 1_000_000);
            for gap in gaps {
                now += gap;
                if starts.left(rate, now) > 0 {
                    starts.add(rate.part_of(now), 1);
                    began.push(now);
                } else {
                    let at = starts.free_at(rate, now).unwrap();
                    proptest::prop_assert!(at > now);
                    proptest::prop_assert!(starts.left(rate, at) > 0);
                }
            }
            for first in &began {
                let within = began.iter().filter(|at| (*first..first + 100_000).contains(*at)).count();
                proptest::prop_assert!(within <= count as usize, "{within} of {count}");
            }
        }
    }
}
