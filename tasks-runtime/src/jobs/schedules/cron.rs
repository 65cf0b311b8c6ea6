//! When a pattern of cron comes next in a time zone whose clocks are changed.
//!
//! The rule is that of Vixie's cron, `cron(8)`: a pattern with a wildcard or a step in its minutes or hours follows elapsed time, so it
//! runs as often as the clock shows such a time, twice in an hour that comes twice and never in one that is skipped. Any other pattern
//! names times of the day, each of which runs once: at the first of two, and at the end of a gap that skips it. Several that one gap
//! skips are one run.

use std::str::FromStr as _;

use chrono::{DateTime, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// The first time after another that a pattern comes; `None` when it never does.
pub(super) fn next(pattern: &str, timezone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let cron = Cron::from_str(pattern).ok()?;
    if names_times(pattern) {
        next_named(&cron, timezone, after)
    } else {
        next_elapsed(&cron, timezone, after)
    }
}

/// Whether neither the minutes nor the hours have a wildcard or a step.
fn names_times(pattern: &str) -> bool {
    let pattern = pattern.trim();
    if let Some(name) = pattern.strip_prefix('@') {
        return !matches!(
            name.to_ascii_lowercase().as_str(),
            "hourly" | "minutely" | "secondly"
        );
    }
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    // With more than five, the seconds come first.
    let first = usize::from(fields.len() > 5);
    let open = |field: &&str| field.contains(['*', '/', '?']);
    !fields.iter().skip(first).take(2).any(open)
}

/// The next time on a calendar whose days all have 24 hours.
fn next_on_calendar(cron: &Cron, from: NaiveDateTime, inclusive: bool) -> Option<NaiveDateTime> {
    let next = cron.find_next_occurrence(&from.and_utc(), inclusive).ok()?;
    Some(next.naive_utc())
}

fn next_named(cron: &Cron, timezone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut from = after.with_timezone(&timezone).naive_local();
    let mut inclusive = true;
    // More than the times of a day that clocks are set back by.
    for _ in 0..100_000 {
        let time = next_on_calendar(cron, from, inclusive)?;
        let instant = first_instant(timezone, time)?;
        if instant > after {
            return Some(instant);
        }
        (from, inclusive) = (time, false);
    }
    None
}

/// When the clocks show a time first, or when the gap ends that skips it.
fn first_instant(timezone: Tz, time: NaiveDateTime) -> Option<DateTime<Utc>> {
    /// Whole days have been skipped at the date line.
    const LONGEST_GAP: i64 = 25 * 60;
    let whole = |minutes| {
        let later = time.checked_add_signed(TimeDelta::minutes(minutes))?;
        timezone.from_local_datetime(&later).earliest()
    };
    if let Some(instant) = whole(0) {
        return Some(instant.with_timezone(&Utc));
    }
    let after_gap = (1..=LONGEST_GAP).find_map(whole)?;
    // Of the minute in which the gap ends, its beginning.
    let seconds = after_gap.timestamp().rem_euclid(60);
    Some(after_gap.with_timezone(&Utc) - TimeDelta::seconds(seconds))
}

fn next_elapsed(cron: &Cron, timezone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    /// Changes of the clocks that one search may meet: two a year for a hundred years.
    const CHANGES: u32 = 200;
    let (mut from, mut inclusive) = (after, false);
    for _ in 0..CHANGES {
        let offset = timezone.offset_from_utc_datetime(&from.naive_utc()).fix();
        let shift = TimeDelta::seconds(i64::from(offset.local_minus_utc()));
        let time = next_on_calendar(cron, from.naive_utc() + shift, inclusive)?;
        let instant = (time - shift).and_utc();
        match first_change(timezone, from, instant) {
            None => return Some(instant),
            // From there on the clocks show other times.
            Some(change) => (from, inclusive) = (change, true),
        }
    }
    None
}

/// The first moment after one, and up to another, at which the clocks are changed.
fn first_change(timezone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
    const STEP: TimeDelta = TimeDelta::hours(12);
    let offset = |at: DateTime<Utc>| timezone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let before = offset(from);
    let mut same = from;
    loop {
        let next = (same + STEP).min(to);
        if offset(next) != before {
            // Between these two, to the second.
            let mut changed = next;
            while changed - same > TimeDelta::seconds(1) {
                let middle = same + (changed - same) / 2;
                if offset(middle) == before {
                    same = middle;
                } else {
                    changed = middle;
                }
            }
            let nanoseconds = i64::from(changed.timestamp_subsec_nanos());
            return Some(changed - TimeDelta::nanoseconds(nanoseconds));
        }
        if next == to {
            return None;
        }
        same = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runs between two times, as UTC hours and minutes.
    fn runs(pattern: &str, timezone: &str, from: &str, to: &str) -> Vec<String> {
        let timezone: Tz = timezone.parse().unwrap();
        let (mut at, to): (DateTime<Utc>, DateTime<Utc>) =
            (from.parse().unwrap(), to.parse().unwrap());
        let mut runs = Vec::new();
        while let Some(next) = next(pattern, timezone, at).filter(|next| *next < to) {
            runs.push(next.format("%H:%M").to_string());
            at = next;
        }
        runs
    }

    /// Made by hand, from the changes that the time zone database has: the pattern, the zone, the UTC times between which it is
    /// looked at, and the runs in UTC.
    const TABLE: &[(&str, &str, &str, &str, &[&str])] = &[
        // Berlin, 2026-10-25: 03:00 CEST is 02:00 CET, at 01:00 UTC.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            &["00:30"],
        ),
        (
            "30 2,14 * * *",
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            &["00:30", "13:30"],
        ),
        (
            "15,45 2 * * *",
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            &["00:15", "00:45"],
        ),
        (
            "0 2,3 * * *",
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            &["00:00", "02:00"],
        ),
        (
            "0 1-3 * * *",
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            &["23:00", "00:00", "02:00"],
        ),
        (
            "*/30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            &["00:00", "00:30", "01:00", "01:30"],
        ),
        (
            "30 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:00:00Z",
            "2026-10-25T03:00:00Z",
            &["23:30", "00:30", "01:30", "02:30"],
        ),
        // Berlin, 2026-03-29: 02:00 CET is 03:00 CEST, at 01:00 UTC.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            &["01:00"],
        ),
        (
            "30 2,14 * * *",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            &["01:00", "12:30"],
        ),
        (
            "15,45 2 * * *",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            &["01:00"],
        ),
        (
            "0 2,3 * * *",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            &["01:00"],
        ),
        (
            "*/30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            &[],
        ),
        (
            "30 * * * *",
            "Europe/Berlin",
            "2026-03-28T23:00:00Z",
            "2026-03-29T03:00:00Z",
            &["23:30", "00:30", "01:30", "02:30"],
        ),
        // New York, 2026-11-01: 02:00 EDT is 01:00 EST, at 06:00 UTC.
        (
            "30 1,13 * * *",
            "America/New_York",
            "2026-11-01T04:00:00Z",
            "2026-11-02T05:00:00Z",
            &["05:30", "18:30"],
        ),
        (
            "*/30 1 * * *",
            "America/New_York",
            "2026-11-01T04:00:00Z",
            "2026-11-02T05:00:00Z",
            &["05:00", "05:30", "06:00", "06:30"],
        ),
        // New York, 2026-03-08: 02:00 EST is 03:00 EDT, at 07:00 UTC.
        (
            "0,30 2 * * *",
            "America/New_York",
            "2026-03-08T05:00:00Z",
            "2026-03-09T04:00:00Z",
            &["07:00"],
        ),
        (
            "@daily",
            "America/New_York",
            "2026-03-08T04:00:00Z",
            "2026-03-09T05:00:00Z",
            &["05:00", "04:00"],
        ),
        // Lord Howe, 2026-04-05: 02:00 (+11) is 01:30 (+10:30), at 15:00 UTC of the day before.
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-04T13:00:00Z",
            "2026-04-05T13:00:00Z",
            &["14:45"],
        ),
        (
            "*/15 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-04T13:00:00Z",
            "2026-04-05T13:00:00Z",
            &["14:00", "14:15", "14:30", "14:45", "15:00", "15:15"],
        ),
        // Lord Howe, 2026-10-04: 02:00 (+10:30) is 02:30 (+11), at 15:30 UTC of the day before.
        (
            "15 2,3 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T14:00:00Z",
            "2026-10-04T13:00:00Z",
            &["15:30", "16:15"],
        ),
        // Santiago changes at midnight, 2026-09-06: 00:00 (-04) is 01:00 (-03), at 04:00 UTC.
        (
            "0 0 * * *",
            "America/Santiago",
            "2026-09-05T05:00:00Z",
            "2026-09-07T04:00:00Z",
            &["04:00", "03:00"],
        ),
        (
            "30 0,12 * * *",
            "America/Santiago",
            "2026-09-06T00:00:00Z",
            "2026-09-07T03:00:00Z",
            &["04:00", "15:30"],
        ),
        // Samoa left 2011-12-30 out: 24:00 of the 29th (-10) is 00:00 of the 31st (+14), at 10:00 UTC of the 30th.
        (
            "0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T10:00:00Z",
            "2011-12-31T10:00:00Z",
            &["22:00", "10:00", "22:00"],
        ),
        // Kolkata has no changes.
        (
            "30 2,14 * * *",
            "Asia/Kolkata",
            "2026-10-24T18:30:00Z",
            "2026-10-25T18:30:00Z",
            &["21:00", "09:00"],
        ),
        // Seconds come first where there are six fields.
        (
            "0 30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            &["00:30"],
        ),
    ];

    #[test]
    fn clocks_that_are_changed_lose_and_repeat_nothing() {
        let mut wrong = Vec::new();
        for (pattern, timezone, from, to, expected) in TABLE {
            let found = runs(pattern, timezone, from, to);
            if found != *expected {
                wrong.push(format!(
                    "{pattern} in {timezone} from {from}: {found:?}, not {expected:?}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_pattern_names_times_or_has_wildcards() {
        for pattern in [
            "0 2 * * *",
            "15,45 2 * * *",
            "0 9-17 * * 1-5",
            "5 0 3 * * *",
            "@daily",
        ] {
            assert!(names_times(pattern), "{pattern}");
        }
        for pattern in [
            "* * * * *",
            "*/5 2 * * *",
            "0 */2 * * *",
            "0-59/5 1 * * *",
            "0 5 * * * *",
            "@hourly",
        ] {
            assert!(!names_times(pattern), "{pattern}");
        }
    }
}
