//! What a process has seen of the declarations of others, by a clock of its own.
//!
//! The times in the rows are no help: after an outage all of them are old, and with SQLite the clocks of two processes may differ. So a
//! process takes another for gone only after it has watched its row for long enough, and nobody renewed it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// After how many renewals that did not come a process is taken for gone.
const MISSED: u32 = 3;

/// The declarations of other processes, as they were seen.
#[derive(Clone)]
pub(super) struct DeclarationWatch {
    /// When they were last looked at.
    looked: Instant,
    /// Since when they have been looked at without a gap.
    unbroken_since: Instant,
    /// When each was last renewed, as its row has it, and since when that has been so.
    seen: BTreeMap<String, (i64, Instant)>,
}

/// What a look has shown.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Whether it has been watched for long enough to tell what nobody declares.
    pub(super) judges: bool,
    /// The declarations that nobody renews, and when they were last renewed, as their rows have it.
    pub(super) gone: BTreeMap<String, i64>,
}

impl DeclarationWatch {
    /// Begins to watch.
    pub(super) fn begin(others: impl IntoIterator<Item = (String, i64)>, now: Instant) -> Self {
        let others = others.into_iter();
        Self {
            looked: now,
            unbroken_since: now,
            seen: others.map(|(id, at)| (id, (at, now))).collect(),
        }
    }

    /// Looks at the declarations that there are. It is to be done once in a period, whenever this process has renewed its own.
    pub(super) fn look(
        &mut self,
        others: impl IntoIterator<Item = (String, i64)>,
        now: Instant,
        period: Duration,
    ) -> Look {
        if now.saturating_duration_since(self.looked) > period.saturating_mul(2) {
            // What kept this process from it may have kept the others from renewing theirs.
            *self = Self::begin(others, now);
            return Look::default();
        }
        let seen = others.into_iter().map(|(id, at)| {
            let since = match self.seen.get(&id) {
                Some((known, since)) if *known == at => *since,
                _ => now,
            };
            (id, (at, since))
        });
        self.seen = seen.collect();
        self.looked = now;
        let is_long =
            |since: Instant| now.saturating_duration_since(since) >= period.saturating_mul(MISSED);
        let gone = self.seen.iter().filter(|(_, (_, since))| is_long(*since));
        Look {
            judges: is_long(self.unbroken_since),
            gone: gone.map(|(id, (at, _))| (id.clone(), *at)).collect(),
        }
    }
}

impl Look {
    /// Whether a declaration is one that nobody renews.
    pub(super) fn is_gone(&self, id: &str, renewed_at: i64) -> bool {
        self.gone.get(id) == Some(&renewed_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn others(all: &[(&str, i64)]) -> Vec<(String, i64)> {
        let all = all.iter();
        all.map(|(id, at)| ((*id).to_owned(), *at)).collect()
    }

    #[test]
    fn who_is_silent_for_three_minutes_is_gone_whatever_its_time_is() {
        let start = Instant::now();
        let mut watch = DeclarationWatch::begin(others(&[("old", 5), ("ahead", 900)]), start);
        for minute in 1..3 {
            let all = others(&[("old", 5), ("ahead", 900 + i64::from(minute))]);
            let look = watch.look(all, start + MINUTE * minute, MINUTE);
            assert!(!look.judges && look.gone.is_empty(), "{look:?}");
        }
        let look = watch.look(
            others(&[("old", 5), ("ahead", 903)]),
            start + MINUTE * 3,
            MINUTE,
        );
        assert!(look.judges);
        assert!(look.is_gone("old", 5) && !look.is_gone("old", 6));
        assert_eq!(look.gone.len(), 1);
    }

    #[test]
    fn after_a_gap_all_are_watched_anew() {
        let start = Instant::now();
        let all = || others(&[("old", 5)]);
        let mut watch = DeclarationWatch::begin(all(), start);
        let back = start + MINUTE * 4;
        for minute in 0..3 {
            let look = watch.look(all(), back + MINUTE * minute, MINUTE);
            assert!(!look.judges && look.gone.is_empty(), "{look:?}");
        }
        let look = watch.look(all(), back + MINUTE * 3, MINUTE);
        assert!(look.judges && look.is_gone("old", 5), "{look:?}");
    }

    #[test]
    fn who_starts_meanwhile_has_all_the_time() {
        let start = Instant::now();
        let mut watch = DeclarationWatch::begin(others(&[]), start);
        for minute in 1..3 {
            watch.look(others(&[]), start + MINUTE * minute, MINUTE);
        }
        let look = watch.look(others(&[("new", 1)]), start + MINUTE * 3, MINUTE);
        assert!(look.judges && look.gone.is_empty(), "{look:?}");
    }
}
