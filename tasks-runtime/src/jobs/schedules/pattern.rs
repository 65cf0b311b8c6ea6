//! Patterns of cron: which are taken, and what is wrong with another.

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
}

/// With five fields, the first and the last are left out; with six, the last.
const FIELDS: [Field; 7] = [
    Field {
        name: "second",
        values: "0 to 59",
        example: "`0`, `0,30`, `10-20` or `*/15`",
    },
    Field {
        name: "minute",
        values: "0 to 59",
        example: "`30`, `0,30`, `10-20` or `*/15`",
    },
    Field {
        name: "hour",
        values: "0 to 23",
        example: "`2`, `2,14`, `9-17` or `*/6`",
    },
    Field {
        name: "day of the month",
        values: "1 to 31, or `L` for the last one",
        example: "`1`, `1,15`, `1-7`, `*/2` or `15W`, the weekday that is nearest to the 15th",
    },
    Field {
        name: "month",
        values: "1 to 12, or JAN to DEC",
        example: "`3`, `JAN,JUL`, `6-8` or `*/3`",
    },
    Field {
        name: "day of the week",
        values: "0 to 7, of which both ends are Sunday, or SUN to SAT",
        example: "`1-5`, `MON,THU`, `MON#1`, the first Monday, or `FRI#L`, the last Friday",
    },
    Field {
        name: "year",
        values: "1 to 5000",
        example: "`2030`, `2030,2032`, `2030-2035` or `*`",
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
    let cron = Cron::from_str(pattern).map_err(|_| explain(pattern.trim()))?;
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

fn explain(pattern: &str) -> String {
    if pattern.starts_with('@') {
        return format!(
            "`{}` does not stand for a pattern: there are @yearly, @monthly, @weekly, @daily and @hourly",
            shown(pattern)
        );
    }
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let first = match fields.len() {
        5 => 1,
        6 | 7 => 0,
        count => {
            return format!(
                "has {count} fields, and five are expected: minute, hour, day of the month, month, day of the week, as in \
                 `30 2 * * 1-5`; with six, the first is the second; with seven, the last is the year"
            );
        }
    };
    let wrong: Vec<String> = fields
        .iter()
        .zip(first..)
        .filter(|(text, index)| !fits(text, *index))
        .filter_map(|(text, index)| {
            let field = FIELDS.get(index)?;
            // Of a list, what is wrong in it.
            let part = text.split(',').find(|part| !fits(part, index));
            Some(format!(
                "the {} cannot be `{}`: expected {}, as in {}",
                field.name,
                shown(part.unwrap_or(text)),
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
    let mut fields = ["*"; FIELDS.len()];
    match fields.get_mut(index) {
        Some(field) => *field = text,
        None => return false,
    }
    Cron::from_str(&fields.join(" ")).is_ok()
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
            "0 0 ? * 7",
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
