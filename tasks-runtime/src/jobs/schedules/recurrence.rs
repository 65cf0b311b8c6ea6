//! When something comes again.

use std::fmt;
use std::str::FromStr as _;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{cron, cron_pattern};
use crate::jobs::error::JobError;

/// The shortest time between two runs.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// When a schedule runs.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::jobs) enum Recurrence {
    /// A pattern of cron in a time zone.
    Cron { pattern: String, timezone: Tz },
    /// Every so many microseconds.
    Every(i64),
    /// Once, at a time.
    Once(i64),
}

fn wrong(pointer: &'static str, reason: impl fmt::Display) -> JobError {
    JobError::option(pointer, reason.to_string())
}

impl Recurrence {
    /// A pattern of five fields, of six with seconds, or of seven with years, too.
    pub(in crate::jobs) fn cron(pattern: &str, timezone: &str) -> Result<Self, JobError> {
        let timezone = Tz::from_str(timezone).map_err(|_| {
            let shown: String = timezone.chars().take(64).collect();
            wrong(
                "/timezone",
                format!("`{shown}` is not a time zone: use a name like `Europe/Berlin` or `UTC`"),
            )
        })?;
        cron_pattern::check(pattern, timezone).map_err(|reason| wrong("/cron", reason))?;
        Ok(Self::Cron {
            pattern: pattern.to_owned(),
            timezone,
        })
    }

    pub(in crate::jobs) fn every(interval: Duration) -> Result<Self, JobError> {
        if interval < MIN_INTERVAL {
            return Err(wrong("/interval", format!("is less than {MIN_INTERVAL:?}")));
        }
        let micros = i64::try_from(interval.as_micros()).ok();
        micros
            .filter(|_| interval <= crate::jobs::limits::MAX_DELAY)
            .map(Self::Every)
            .ok_or_else(|| wrong("/interval", "is more than ten years"))
    }

    /// Once, at a time that a calendar has.
    pub(in crate::jobs) fn once(at: SystemTime) -> Result<Self, JobError> {
        let micros = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_micros()).ok())
            .filter(|micros| DateTime::<Utc>::from_timestamp_micros(*micros).is_some());
        micros
            .map(Self::Once)
            .ok_or_else(|| wrong("/run_at", "is no time after 1970 that can be kept"))
    }

    /// As it is stored: the pattern, the zone, the interval, the time.
    pub(in crate::jobs) fn columns(&self) -> (Option<&str>, &str, Option<i64>, Option<i64>) {
        match self {
            Self::Cron { pattern, timezone } => (Some(pattern), timezone.name(), None, None),
            Self::Every(micros) => (None, "UTC", Some(*micros), None),
            Self::Once(at) => (None, "UTC", None, Some(*at)),
        }
    }

    /// The first run after a time; `None` when there is none. `last` is the time that the latest run was due.
    pub(in crate::jobs) fn next(&self, after: i64, last: Option<i64>) -> Option<i64> {
        match self {
            Self::Cron { pattern, timezone } => {
                let after = DateTime::<Utc>::from_timestamp_micros(after)?;
                let next = cron::next(pattern, *timezone, after)?;
                Some(next.timestamp_micros())
            }
            Self::Every(interval) => {
                let Some(last) = last else {
                    return after.checked_add(*interval);
                };
                // Multiples of the interval since the first run, however long no process ran.
                let missed = (after - last).max(0) / interval;
                last.checked_add((missed + 1).checked_mul(*interval)?)
            }
            Self::Once(at) => last.is_none().then_some(*at),
        }
    }

    /// The next run, if the one that was planned is later than any that can follow now: a clock was ahead when it was planned. `None` when it
    /// may stay. What was planned for one time alone stays.
    pub(in crate::jobs) fn earlier(&self, now: i64, planned: Option<i64>) -> Option<i64> {
        /// How far clocks of processes may differ.
        const MAX_SKEW: i64 = 60_000_000;
        let planned = planned?;
        let latest = self.next(now.checked_add(MAX_SKEW)?, None)?;
        if planned <= latest {
            return None;
        }
        match self {
            Self::Cron { .. } => self.next(now, None),
            Self::Every(interval) => {
                // It stays a multiple of the interval away.
                let rest = (planned - now).checked_rem(*interval)?;
                Some(now + if rest == 0 { *interval } else { rest })
            }
            Self::Once(_) => None,
        }
    }

    /// The next runs, for those who look.
    pub(in crate::jobs) fn upcoming(&self, first: Option<i64>, count: usize) -> Vec<DateTime<Utc>> {
        let mut runs = Vec::new();
        let mut next = first;
        while let Some(at) = next {
            runs.extend(DateTime::from_timestamp_micros(at));
            if runs.len() >= count {
                break;
            }
            next = self.next(at, Some(at));
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<DateTime<Utc>>().unwrap().timestamp_micros()
    }

    #[test]
    fn cron_heeds_the_time_zone_and_its_summer() {
        let nightly = Recurrence::cron("30 2 * * *", "Europe/Berlin").unwrap();
        let next = |after: &str| {
            let next = nightly.next(at(after), None).unwrap();
            DateTime::<Utc>::from_timestamp_micros(next)
                .unwrap()
                .to_rfc3339()
        };
        assert_eq!(next("2026-01-10T12:00:00Z"), "2026-01-11T01:30:00+00:00");
        assert_eq!(next("2026-07-10T12:00:00Z"), "2026-07-11T00:30:00+00:00");
        // 02:30 is not there on 29 March 2026: the run is when the gap ends.
        assert_eq!(next("2026-03-28T12:00:00Z"), "2026-03-29T01:00:00+00:00");
        // 02:30 is there twice on 25 October 2026: it runs once.
        assert_eq!(next("2026-10-24T12:00:00Z"), "2026-10-25T00:30:00+00:00");
        assert_eq!(next("2026-10-25T00:30:00Z"), "2026-10-26T01:30:00+00:00");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (pattern, zone, pointer) in [
            ("", "UTC", "/cron"),
            ("* * *", "UTC", "/cron"),
            ("61 * * * *", "UTC", "/cron"),
            ("0 0 30 2 *", "UTC", "/cron"),
            ("* * * * *", "Mars/Olympus", "/timezone"),
        ] {
            let error = Recurrence::cron(pattern, zone).unwrap_err().to_string();
            assert!(error.starts_with(pointer), "{pattern}: {error}");
        }
        assert!(Recurrence::every(Duration::from_millis(10)).is_err());
        assert!(Recurrence::every(Duration::MAX).is_err());
    }

    #[test]
    fn an_interval_keeps_its_beat() {
        let every = Recurrence::every(Duration::from_secs(10)).unwrap();
        let second = 1_000_000;
        assert_eq!(every.next(100 * second, None), Some(110 * second));
        assert_eq!(
            every.next(111 * second, Some(110 * second)),
            Some(120 * second)
        );
        // No process ran for an hour: one run is due, and then the interval goes on.
        assert_eq!(
            every.next(3713 * second, Some(110 * second)),
            Some(3720 * second)
        );
        let once = Recurrence::Once(5);
        assert_eq!((once.next(9, None), once.next(9, Some(5))), (Some(5), None));
    }

    #[test]
    fn what_was_planned_by_a_clock_that_was_ahead_is_planned_again() {
        const MINUTE: i64 = 60_000_000;
        let now = at("2026-03-01T12:00:30Z");
        let nightly = Recurrence::cron("30 2 * * *", "UTC").unwrap();
        let right = at("2026-03-02T02:30:00Z");
        assert_eq!(nightly.earlier(now, Some(right)), None);
        assert_eq!(nightly.earlier(now, Some(now - 1)), None);
        assert_eq!(nightly.earlier(now, None), None);
        let late = at("2027-04-05T02:30:00Z");
        assert_eq!(nightly.earlier(now, Some(late)), Some(right));
        // Another process may have been first, and its clock is a little ahead.
        let each_minute = Recurrence::cron("* * * * *", "UTC").unwrap();
        let after_next = at("2026-03-01T12:02:00Z");
        assert_eq!(each_minute.earlier(now, Some(after_next)), None);

        let hourly = Recurrence::Every(60 * MINUTE);
        assert_eq!(hourly.earlier(now, Some(now + 60 * MINUTE)), None);
        assert_eq!(
            hourly.earlier(now, Some(now + 607 * MINUTE)),
            Some(now + 7 * MINUTE)
        );
        assert_eq!(
            hourly.earlier(now, Some(now + 600 * MINUTE)),
            Some(now + 60 * MINUTE)
        );
        let once = Recurrence::Once(late);
        assert_eq!(once.earlier(now, Some(late)), None);
    }
}
