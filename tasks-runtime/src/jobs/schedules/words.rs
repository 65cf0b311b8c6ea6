//! A recurrence in plain English, for those who do not read patterns of cron.

use std::str::FromStr as _;

use croner::Cron;
use croner::describe::{English, Language};

use super::recurrence::Recurrence;

/// How long a description may be, in bytes: a longer one says less than the pattern does.
const MAX_LENGTH: usize = 160;

/// When a schedule runs, such as `every 5 minutes` or `at 03:00 on weekdays, Europe/Berlin`; `None` where no short sentence says it rightly.
pub(super) fn describe(recurrence: &Recurrence) -> Option<String> {
    match recurrence {
        Recurrence::Cron { pattern, timezone } => {
            let words = cron(pattern)?;
            let text = if names_days_or_hours(pattern) {
                format!("{words}, {timezone}")
            } else {
                words
            };
            (text.len() <= MAX_LENGTH).then_some(text)
        }
        Recurrence::Every(micros) => Some(interval(micros.unsigned_abs())),
        Recurrence::Once(_) => Some("once".to_owned()),
    }
}

fn interval(micros: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000_000, "day"),
        (3_600_000_000, "hour"),
        (60_000_000, "minute"),
        (1_000_000, "second"),
    ];
    let whole = UNITS
        .into_iter()
        .find(|(unit, _)| micros >= *unit && micros.is_multiple_of(*unit));
    match whole.map(|(unit, name)| (micros / unit, name)) {
        Some((1, name)) => format!("every {name}"),
        Some((count, name)) => format!("every {count} {name}s"),
        None => format!("every {} seconds", micros as f64 / 1_000_000.0),
    }
}

/// The fields of a pattern, from the seconds on; `None` for a name.
fn fields(pattern: &str) -> Option<Vec<&str>> {
    let pattern = pattern.trim();
    if pattern.starts_with('@') {
        return None;
    }
    let mut fields: Vec<&str> = pattern.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    Some(fields)
}

/// Whether it depends on the time zone when the pattern comes.
fn names_days_or_hours(pattern: &str) -> bool {
    match fields(pattern) {
        Some(fields) => fields.iter().skip(2).any(|field| *field != "*"),
        None => !pattern.trim().eq_ignore_ascii_case("@hourly"),
    }
}

fn cron(pattern: &str) -> Option<String> {
    if let Some(fields) = fields(pattern)
        && !fields
            .iter()
            .enumerate()
            .all(|(place, field)| is_regular(place, field))
    {
        return None;
    }
    let text = Cron::from_str(pattern.trim()).ok()?.describe_lang(Words);
    let text = text.strip_suffix('.').unwrap_or(&text);
    let text = text.replace(", on ", " on ").replace(", in ", " in ");
    let mut letters = text.chars();
    let first = letters.next()?.to_lowercase();
    Some(first.chain(letters).collect())
}

/// Whether the library has the right words for a field: it knows one step of each, and takes it for one of the whole field.
fn is_regular(place: usize, field: &str) -> bool {
    if !field.contains('/') {
        return true;
    }
    let values: u16 = match place {
        0 | 1 => 60,
        2 => 24,
        _ => return false,
    };
    let step = field.strip_prefix("*/").and_then(|step| step.parse().ok());
    // The last of a step that does not fit is shorter than the others.
    step.is_some_and(|step: u16| step > 0 && values.is_multiple_of(step))
}

/// English, in short sentences.
#[derive(Clone, Copy, Debug)]
struct Words;

impl Language for Words {
    fn every_minute(&self) -> &'static str {
        "every minute"
    }
    fn every_second_phrase(&self) -> &'static str {
        "every second"
    }
    fn every_x_minutes(&self, step: u16) -> String {
        English.every_x_minutes(step)
    }
    fn every_x_seconds(&self, step: u16) -> String {
        English.every_x_seconds(step)
    }
    fn every_x_hours(&self, step: u16) -> String {
        format!("every {step} hours")
    }
    fn every_minute_of_every_x_hours(&self, step: u16) -> String {
        format!("every minute of every {step} hours")
    }
    fn at_time(&self, time: &str) -> String {
        format!("at {time}")
    }
    fn at_time_and_every_x_seconds(&self, time: &str, step: u16) -> String {
        format!("every {step} seconds in the minute {time}")
    }
    fn at_time_at_second(&self, time: &str, second: &str) -> String {
        format!("at {time}, at second {second}")
    }
    fn at_phrase(&self, phrase: &str) -> String {
        let phrase = match phrase.strip_prefix("minute 0, ") {
            Some(hours) if hours.starts_with("every ") => hours,
            _ => phrase,
        };
        if phrase.starts_with("every ") {
            phrase.to_owned()
        } else {
            format!("at {phrase}")
        }
    }
    fn on_phrase(&self, phrase: &str) -> String {
        match phrase {
            "Monday, Tuesday, Wednesday, Thursday, and Friday" => "on weekdays".to_owned(),
            "Sunday and Saturday" => "on weekends".to_owned(),
            phrase => format!("on {phrase}"),
        }
    }
    fn in_phrase(&self, phrase: &str) -> String {
        English.in_phrase(phrase)
    }
    fn second_phrase(&self, s: &str) -> String {
        English.second_phrase(s)
    }
    fn minute_phrase(&self, s: &str) -> String {
        English.minute_phrase(s)
    }
    fn minute_past_every_hour_phrase(&self, s: &str) -> String {
        if s == "minute 0" {
            "every hour".to_owned()
        } else {
            format!("{s} of every hour")
        }
    }
    fn hour_phrase(&self, s: &str) -> String {
        let is_one = s.bytes().all(|byte| byte.is_ascii_digit());
        let hours = if is_one { "hour" } else { "hours" };
        format!("in the {hours} {s}")
    }
    fn past_hour_phrase(&self, s: &str) -> String {
        self.hour_phrase(s)
    }
    fn every_past_phrase(&self, every: &str, hours: &str) -> String {
        if hours.starts_with("every ") {
            format!("{every} of {hours}")
        } else {
            format!("{every} {hours}")
        }
    }
    fn year_phrase(&self, s: &str) -> String {
        s.to_owned()
    }
    fn day_phrase(&self, s: &str) -> String {
        English.day_phrase(s)
    }
    fn the_last_day_of_the_month(&self) -> &'static str {
        English.the_last_day_of_the_month()
    }
    fn the_weekday_nearest_day(&self, day: &str) -> String {
        English.the_weekday_nearest_day(day)
    }
    fn the_last_weekday_of_the_month(&self, day: &str) -> String {
        English.the_last_weekday_of_the_month(day)
    }
    fn the_nth_weekday_of_the_month(&self, n: u8, day: &str) -> String {
        English.the_nth_weekday_of_the_month(n, day)
    }
    fn dom_and_dow_if_also(&self, dow: &str) -> String {
        English.dom_and_dow_if_also(dow)
    }
    fn dom_and_dow_if_also_one_of(&self, dow: &str) -> String {
        English.dom_and_dow_if_also_one_of(dow)
    }
    fn list_conjunction_and(&self) -> &'static str {
        English.list_conjunction_and()
    }
    fn list_conjunction_or(&self) -> &'static str {
        English.list_conjunction_or()
    }
    fn list_conjunction_and_comma(&self) -> &'static str {
        English.list_conjunction_and_comma()
    }
    fn day_of_week_names(&self) -> [&'static str; 7] {
        English.day_of_week_names()
    }
    fn month_names(&self) -> [&'static str; 12] {
        English.month_names()
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use proptest::prelude::*;

    use super::*;

    fn said(pattern: &str) -> Option<String> {
        describe(&Recurrence::Cron {
            pattern: pattern.to_owned(),
            timezone: Tz::Europe__Berlin,
        })
    }

    #[test]
    fn common_patterns_are_said_in_words() {
        for (pattern, words) in [
            ("* * * * *", "every minute"),
            ("*/5 * * * *", "every 5 minutes"),
            ("*/10 * * * * *", "every 10 seconds"),
            ("0 * * * *", "every hour"),
            ("@hourly", "every hour"),
            ("5,35 * * * *", "at minute 5 and 35 of every hour"),
            ("0 */2 * * *", "every 2 hours, Europe/Berlin"),
            ("0 3 * * 1-5", "at 03:00 on weekdays, Europe/Berlin"),
            ("0 3 * * SAT,SUN", "at 03:00 on weekends, Europe/Berlin"),
            ("30 18 * * FRI", "at 18:30 on Friday, Europe/Berlin"),
            ("@daily", "at 00:00, Europe/Berlin"),
            ("0 0 1 * *", "at 00:00 on day 1, Europe/Berlin"),
            (
                "0 0 L JAN,JUL *",
                "at 00:00 on the last day of the month in January and July, Europe/Berlin",
            ),
            (
                "0 9 * * MON#1",
                "at 09:00 on the 1st Monday of the month, Europe/Berlin",
            ),
            (
                "*/15 9-17 * * MON-FRI",
                "every 15 minutes in the hours 9-17 on weekdays, Europe/Berlin",
            ),
            ("0 0 1 * FRI", "at 00:00 on day 1 or Friday, Europe/Berlin"),
        ] {
            assert_eq!(said(pattern).as_deref(), Some(words), "{pattern}");
        }
    }

    #[test]
    fn what_no_short_sentence_says_rightly_is_left_to_the_pattern() {
        for pattern in [
            "*/7 * * * *",
            "0-30/10 * * * *",
            "5,*/10 * * * *",
            "0 0 */2 * *",
            "0 0 1 */3 *",
            "0 0 0 1 1 * */2",
            "1,3,5,7,9,11,13,15,17,19,21,23,25 2,4,6,8,10,12,14,16,18,20 1,3,5,7,9,11,13 1,3,5,7,9,11 *",
            "not a pattern",
            "",
        ] {
            assert_eq!(said(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn intervals_are_said_in_the_largest_unit() {
        for (seconds, words) in [
            (1, "every second"),
            (90, "every 90 seconds"),
            (300, "every 5 minutes"),
            (3600, "every hour"),
            (172_800, "every 2 days"),
        ] {
            assert_eq!(interval(seconds * 1_000_000), words);
        }
        assert_eq!(interval(1_500_000), "every 1.5 seconds");
        assert_eq!(describe(&Recurrence::Once(5)).as_deref(), Some("once"));
    }

    proptest! {
        #[test]
        fn any_text_is_described_in_few_words_or_none(text in "[0-9*/,#LWA-Za-z@ -]{0,60}|\\PC{0,40}") {
            if let Some(words) = said(&text) {
                prop_assert!(words.len() <= MAX_LENGTH);
            }
        }

        /// A pattern that says a time of the day says that time.
        #[test]
        fn times_are_said_as_they_are(minute in 0_u16..60, hour in 0_u16..24, interval: i64) {
            let words = said(&format!("{minute} {hour} * * *")).unwrap();
            prop_assert_eq!(words, format!("at {hour:02}:{minute:02}, Europe/Berlin"));
            prop_assert!(describe(&Recurrence::Every(interval)).unwrap().len() <= MAX_LENGTH);
        }
    }
}
