//! Patterns of cron: which are taken, and what is wrong with another. The library that reads them takes more than the book has, so each value of a
//! field is looked at here first.

use std::str::FromStr as _;

use chrono::Utc;
use chrono_tz::Tz;
use croner::Cron;

/// How long a pattern may be, in bytes.
const MAX_LENGTH: usize = 200;
/// How many characters of a value are shown.
const MAX_SHOWN: usize = 50;

/// A field of a pattern, and what it may be.
struct Field {
    name: &'static str,
    values: &'static str,
    example: &'static str,
    /// The lowest value.
    first: u16,
    /// How many values it has; that Sunday has two numbers does not count.
    count: u16,
    /// Names of values, from the lowest on.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Index of the day of the month in [`FIELDS`].
const DAY_OF_MONTH: usize = 3;
/// Index of the day of the week in [`FIELDS`].
const DAY_OF_WEEK: usize = 5;

/// Names that stand for patterns, behind an `@`.
const NICKNAMES: [&str; 6] = ["yearly", "annually", "monthly", "weekly", "daily", "hourly"];

/// With five fields, the first and the last are left out; with six, the last.
const FIELDS: [Field; 7] = [
    Field {
        name: "second",
        values: "0 to 59",
        example: "`0`, `0,30`, `10-20` or `*/15`",
        first: 0,
        count: 60,
        names: &[],
    },
    Field {
        name: "minute",
        values: "0 to 59",
        example: "`30`, `0,30`, `10-20` or `*/15`",
        first: 0,
        count: 60,
        names: &[],
    },
    Field {
        name: "hour",
        values: "0 to 23",
        example: "`2`, `2,14`, `9-17` or `*/6`",
        first: 0,
        count: 24,
        names: &[],
    },
    Field {
        name: "day of the month",
        values: "1 to 31, or `L` for the last one",
        example: "`1`, `1,15`, `1-7`, `*/2` or `15W`, the weekday that is nearest to the 15th",
        first: 1,
        count: 31,
        names: &[],
    },
    Field {
        name: "month",
        values: "1 to 12, or JAN to DEC",
        example: "`3`, `JAN,JUL`, `6-8` or `*/3`",
        first: 1,
        count: 12,
        names: &MONTHS,
    },
    Field {
        name: "day of the week",
        values: "0 to 7, of which both ends are Sunday, or SUN to SAT",
        example: "`1-5`, `MON,THU`, `MON#1`, the first Monday, or `FRI#L`, the last Friday",
        first: 0,
        count: 7,
        names: &DAYS,
    },
    Field {
        name: "year",
        values: "1 to 5000",
        example: "`2030`, `2030,2032`, `2030-2035` or `*`",
        first: 1,
        count: 5000,
        names: &[],
    },
];

/// Says in one text all that is wrong with a pattern.
pub(super) fn check(pattern: &str, timezone: Tz) -> Result<(), String> {
    if pattern.len() > MAX_LENGTH {
        return Err(format!(
            "has {} bytes, and {MAX_LENGTH} are allowed",
            pattern.len()
        ));
    }
    let cron = read(pattern).ok_or_else(|| explain(pattern.trim()))?;
    // The 30th of February is well-formed, and never comes.
    cron.find_next_occurrence(&Utc::now().with_timezone(&timezone), false)
        .map(drop)
        .map_err(|_| {
            format!(
                "`{}` never comes: none of its months has such a day, or its years are over",
                shown(pattern.trim())
            )
        })
}

/// What a pattern stands for, if it is one that the book has.
fn read(pattern: &str) -> Option<Cron> {
    let text = pattern.trim();
    if let Some(name) = text.strip_prefix('@') {
        let is_known = NICKNAMES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name));
        return is_known.then(|| Cron::from_str(text).ok()).flatten();
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let first = first_field(fields.len())?;
    let fit = fields
        .iter()
        .zip(first..)
        .all(|(text, index)| fits(text, index));
    fit.then(|| Cron::from_str(text).ok()).flatten()
}

/// The index of the first field of a pattern that has so many.
fn first_field(count: usize) -> Option<usize> {
    match count {
        5 => Some(1),
        6 | 7 => Some(0),
        _ => None,
    }
}

fn explain(pattern: &str) -> String {
    if pattern.starts_with('@') {
        let names = NICKNAMES.map(|name| format!("@{name}")).join(", ");
        return format!(
            "`{}` does not stand for a pattern: there are {names}",
            shown(pattern)
        );
    }
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let Some(first) = first_field(fields.len()) else {
        return format!(
            "has {} fields, and five are expected: minute, hour, day of the month, month, day of the week, as in \
             `30 2 * * 1-5`; with six, the first is the second; with seven, the last is the year",
            fields.len()
        );
    };
    let wrong: Vec<String> = fields
        .iter()
        .zip(first..)
        .filter(|(text, index)| !fits(text, *index))
        .filter_map(|(text, index)| {
            let field = FIELDS.get(index)?;
            // Of a list, what is wrong in it.
            let part = text.split(',').find(|part| !fits(part, index));
            let part = part.filter(|part| !part.is_empty()).unwrap_or(text);
            let step = match longest_step(part, field) {
                Some((longest, step)) if !(1..=longest).contains(&step) => {
                    format!(", with a step of 1 to {longest}")
                }
                _ => String::new(),
            };
            Some(format!(
                "the {} cannot be `{}`: expected {}{step}, as in {}",
                field.name,
                shown(part),
                field.values,
                field.example
            ))
        })
        .collect();
    if wrong.is_empty() {
        return format!(
            "`{}` is not a pattern, as `30 2 * * 1-5` is one",
            shown(pattern)
        );
    }
    wrong.join("; ")
}

/// Whether a text may be that field.
fn fits(text: &str, index: usize) -> bool {
    let Some(known) = FIELDS.get(index) else {
        return false;
    };
    if !text.split(',').all(|part| is_known(part, index, known)) {
        return false;
    }
    let mut fields = ["*"; FIELDS.len()];
    match fields.get_mut(index) {
        Some(field) => *field = text,
        None => return false,
    }
    Cron::from_str(&fields.join(" ")).is_ok()
}

/// Whether the book has what a field, or one of a list in it, looks like. Which numbers there may be is left to the library.
fn is_known(part: &str, index: usize, field: &Field) -> bool {
    let part = part.to_ascii_uppercase();
    let is_value = |text: &str| number(text, field).is_some();
    if let Some((values, _)) = part.split_once('/') {
        let is_range = values == "*" || values.contains('-');
        let fits = |(longest, step)| (1..=longest).contains(&step);
        return is_range && longest_step(&part, field).is_some_and(fits);
    }
    if let Some((from, to)) = part.split_once('-') {
        return is_value(from) && is_value(to);
    }
    let special = match index {
        DAY_OF_MONTH => part == "L" || part.strip_suffix('W').is_some_and(is_value),
        DAY_OF_WEEK => part.split_once('#').is_some_and(|(day, which)| {
            is_value(day) && matches!(which, "1" | "2" | "3" | "4" | "5" | "L")
        }),
        _ => false,
    };
    part == "*" || is_value(&part) || special
}

/// How long the step of a part may be, and how long it is; `None` when it has none that can be read. A longer one would never be made.
fn longest_step(part: &str, field: &Field) -> Option<(u16, u16)> {
    let (values, step) = part.split_once('/')?;
    let step = digits(step)?;
    if values == "*" {
        return Some((field.count, step));
    }
    let (from, to) = values.split_once('-')?;
    let (from, to) = match (number(from, field)?, number(to, field)?) {
        // A range may end with the name of Sunday.
        (from, 0) if digits(to).is_none() => (from, field.count),
        range => range,
    };
    Some((to.checked_sub(from)? + 1, step))
}

/// The number of a value, which may be given by its name.
fn number(text: &str, field: &Field) -> Option<u16> {
    digits(text).or_else(|| {
        let mut names = field.names.iter();
        let index = names.position(|name| name.eq_ignore_ascii_case(text))?;
        Some(field.first + u16::try_from(index).ok()?)
    })
}

/// Digits alone: no sign.
fn digits(text: &str) -> Option<u16> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| text.parse().ok()).flatten()
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken() {
        for pattern in [
            "* * * * *",
            "30 2 * * 1-5",
            "0 30 2 * * *",
            "0 0 12 1 1 * 2999",
            " */5  9-17 * JAN-MAR mon,FRI ",
            "0 0 L * *",
            "0 0 15W * *",
            "0 9 * * MON#1",
            "0 9 * * FRI#L",
            "0 0 L,15 * 7",
            "0 9-17/2 * * MON-FRI/2",
            "*/60 */24 1-31/31 */12 FRI-SUN/3",
            "0 0 * * fri#l,MON#1,0",
            "0 0 * JAN-DEC/12 SUN",
            "0 0 0 1 1 * */2",
            "@annually",
            "@daily",
            "@HOURLY",
        ] {
            assert_eq!(check(pattern, Tz::UTC), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn a_wrong_field_is_named_with_its_value_and_what_it_may_be() {
        for (pattern, expected) in [
            (
                "61 * * * *",
                &["the minute cannot be `61`: expected 0 to 59, as in `30`"][..],
            ),
            ("0 24 * * *", &["the hour cannot be `24`: expected 0 to 23"]),
            (
                "0 0 0,15,32 * *",
                &["the day of the month cannot be `0`: expected 1 to 31"],
            ),
            (
                "0 0 1 13 *",
                &["the month cannot be `13`: expected 1 to 12"],
            ),
            ("0 0 * FOO *", &["the month cannot be `FOO`"]),
            (
                "0 0 * * 8",
                &["the day of the week cannot be `8`: expected 0 to 7"],
            ),
            ("60 0 0 * * *", &["the second cannot be `60`"]),
            (
                "0 0 0 1 1 * 9999",
                &["the year cannot be `9999`: expected 1 to 5000"],
            ),
            ("5-1 * * * *", &["the minute cannot be `5-1`"]),
            ("*/0 * * * *", &["the minute cannot be `*/0`"]),
            (
                "-1 * * * x",
                &[
                    "the minute cannot be `-1`",
                    "; the day of the week cannot be `x`",
                ],
            ),
            // What the library takes and the book does not have.
            (
                "1,, * * * *",
                &["the minute cannot be `1,,`: expected 0 to 59"],
            ),
            (", * * * *", &["the minute cannot be `,`"]),
            (
                "*/99 * * * *",
                &["the minute cannot be `*/99`: expected 0 to 59, with a step of 1 to 60, as in"],
            ),
            (
                "0 */25 * * *",
                &["the hour cannot be `*/25`", "a step of 1 to 24"],
            ),
            (
                "0 9-17/10 * * *",
                &["the hour cannot be `9-17/10`", "a step of 1 to 9"],
            ),
            ("0 5/2 * * *", &["the hour cannot be `5/2`"]),
            ("0 0 ? * 7", &["the day of the month cannot be `?`"]),
            ("0 0 1 * ?", &["the day of the week cannot be `?`"]),
            ("0 0 LW * *", &["the day of the month cannot be `LW`"]),
            ("0 0 L-3 * *", &["the day of the month cannot be `L-3`"]),
            ("0 0 1 * +FRI", &["the day of the week cannot be `+FRI`"]),
            ("0 0 * * 5L", &["the day of the week cannot be `5L`"]),
            ("0 0 * * L", &["the day of the week cannot be `L`"]),
            (
                "0 0 * * MON-FRI#1",
                &["the day of the week cannot be `MON-FRI#1`"],
            ),
            ("0 0 * * JAN", &["the day of the week cannot be `JAN`"]),
            ("MON * * * *", &["the minute cannot be `MON`"]),
            ("0 0 1MON * *", &["the day of the month cannot be `1MON`"]),
            ("+5 * * * *", &["the minute cannot be `+5`"]),
            ("@midnight", &["`@midnight` does not stand for a pattern"]),
            ("* * * *", &["has 4 fields, and five are expected"]),
            ("", &["has 0 fields"]),
            ("1 2 3 4 5 6 7 8", &["has 8 fields"]),
            (
                "@often",
                &["`@often` does not stand for a pattern: there are @yearly"],
            ),
            ("0 0 30 2 *", &["`0 0 30 2 *` never comes"]),
            ("0 0 0 1 1 * 1999", &["never comes"]),
        ] {
            let said = check(pattern, Tz::UTC).unwrap_err();
            for expected in expected {
                assert!(said.contains(expected), "{pattern}: {said}");
            }
            // No word of the library's.
            for word in ["Component", "CronPattern", "Position", "bit"] {
                assert!(!said.contains(word), "{pattern}: {said}");
            }
        }
        let long = format!("{} * * * *", "1".repeat(100));
        assert!(check(&long, Tz::UTC).unwrap_err().len() < 200);
        assert!(
            check(&"1".repeat(201), Tz::UTC)
                .unwrap_err()
                .contains("201 bytes")
        );
    }
}
