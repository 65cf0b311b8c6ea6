//! Durations as clients send them: a number of seconds, or `500ms`, `2s`, `5m`, `1h30m`, as in `#[task(timeout = "…")]`.

#[cfg(feature = "database")]
use std::fmt;
use std::time::Duration;

#[cfg(feature = "database")]
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// How a duration may be written as a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// How many parts it may have, each a number of one to four digits and a unit.
    pub(crate) parts: usize,
    /// The least that is asked for elsewhere, in milliseconds. If it is more than nothing, the first number does not begin with a zero; if it
    /// is a second, there are no milliseconds.
    pub(crate) least: u64,
}

/// Reads a text: parts that add up, each a whole number and one of `ms`, `s`, `m` and `h`, as the documents say it by a pattern. What is less
/// than the least is read, too, so that it is refused for that.
pub(crate) fn parse(text: &str, form: Form) -> Option<Duration> {
    const MAX_DIGITS: usize = 4;
    let mut rest = text;
    let (mut total, mut parts, mut has_milliseconds) = (0_u64, 0, false);
    while parts == 0 || !rest.is_empty() {
        if parts > 0 {
            rest = rest.strip_prefix(' ').unwrap_or(rest);
        }
        parts += 1;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        if digits > MAX_DIGITS || parts > form.parts {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        let (milliseconds, after) = if let Some(after) = after.strip_prefix("ms") {
            has_milliseconds = true;
            (1, after)
        } else if let Some(after) = after.strip_prefix('s') {
            (1000, after)
        } else if let Some(after) = after.strip_prefix('m') {
            (60_000, after)
        } else {
            (3_600_000, after.strip_prefix('h')?)
        };
        total += number * milliseconds;
        rest = after;
    }
    let is_long = total >= form.least && form.least > 0;
    if is_long && (text.starts_with('0') || (has_milliseconds && form.least >= 1000)) {
        return None;
    }
    Some(Duration::from_millis(total))
}

/// Reads a text of a query: a number of seconds, as JSON has them, or a text.
pub(crate) fn parse_query(text: &str, form: Form) -> Option<Duration> {
    let is_number = text.bytes().all(|byte| !byte.is_ascii_whitespace());
    match serde_json::from_str::<f64>(text) {
        Ok(seconds) if is_number => Duration::try_from_secs_f64(seconds).ok(),
        _ => parse(text, form),
    }
}

/// What is expected, in words.
pub(crate) const EXPECTED: &str = "a number of seconds, or a text like \"2s\", \"5m\" or \"1h30m\"";

/// A duration in a body, of at least so many milliseconds, which is asked for elsewhere.
#[cfg(feature = "database")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seconds<const LEAST: u64>(pub(crate) Duration);

/// How many parts a text may have in a body.
#[cfg(feature = "database")]
const PARTS: usize = 4;

#[cfg(feature = "database")]
impl<'de, const LEAST: u64> Deserialize<'de> for Seconds<LEAST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads<const LEAST: u64>;

        impl<const LEAST: u64> Visitor<'_> for Reads<LEAST> {
            type Value = Seconds<LEAST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<Seconds<LEAST>, E> {
                Ok(Seconds(Duration::from_secs(seconds)))
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Seconds<LEAST>, E> {
                u64::try_from(seconds)
                    .map(|seconds| Seconds(Duration::from_secs(seconds)))
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(seconds), &self))
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds<LEAST>, E> {
                Duration::try_from_secs_f64(seconds)
                    .map(Seconds)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Float(seconds), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Seconds<LEAST>, E> {
                let form = Form {
                    parts: PARTS,
                    least: LEAST,
                };
                parse(text, form)
                    .map(Seconds)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Reads::<LEAST>)
    }
}

#[cfg(feature = "database")]
impl<const LEAST: u64> Seconds<LEAST> {
    /// The schema of such a duration, or null.
    pub(crate) fn schema() -> schemars::Schema {
        /// Ten years.
        const MAX_SECONDS: u64 = 316_224_000;
        // A text of which the first part is not zero is long enough; without a least, it may be.
        let first = if LEAST > 0 {
            "[1-9][0-9]{0,3}"
        } else {
            "[0-9]{1,4}"
        };
        let (number, units) = if LEAST < 1000 {
            ("number", "(ms|s|m|h)")
        } else {
            ("integer", "(s|m|h)")
        };
        let least = if number == "integer" {
            serde_json::json!(LEAST / 1000)
        } else {
            serde_json::json!(LEAST as f64 / 1000.0)
        };
        let more = PARTS - 1;
        let pattern = format!("^{first}{units}( ?[0-9]{{1,4}}{units}){{0,{more}}}$");
        schemars::json_schema!({
            "anyOf": [
                {"type": number, "minimum": least, "maximum": MAX_SECONDS},
                {"type": "string", "pattern": pattern},
                {"type": "null"},
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Form = Form { parts: 4, least: 0 };
    const TIMEOUT: Form = Form { parts: 4, least: 1 };
    const INTERVAL: Form = Form {
        parts: 4,
        least: 1000,
    };

    #[test]
    fn units_are_read() {
        for (text, expected) in [
            ("500ms", 500),
            ("2s", 2_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("1s 1ms 1m 1h", 3_661_001),
            ("0s", 0),
            ("05s", 5_000),
            ("0h5m", 300_000),
            ("9999h9999h9999h9999h", 4 * 9_999 * 3_600_000),
        ] {
            let expected = Some(Duration::from_millis(expected));
            assert_eq!(parse(text, DELAY), expected, "{text}");
        }
    }

    #[test]
    fn what_the_pattern_leaves_out_is_refused() {
        for text in [
            "",
            " ",
            "s",
            "5",
            "-1",
            "-1s",
            "+5s",
            "1d",
            "1.5s",
            "NaN",
            "inf",
            "1e3",
            "1e-3",
            "1E3",
            "1e3s",
            "30s!",
            " 5s",
            "5s ",
            "5s\n",
            "1h  30m",
            "1h\t30m",
            "10000s",
            "00001s",
            "1s1s1s1s1s",
            "5S",
            "5 s",
            "1hour",
            "٥s",
            "1_0s",
            "s5",
        ] {
            assert_eq!(parse(text, DELAY), None, "{text:?}");
        }
        for text in ["05s", "0h5m", "00m1ms"] {
            assert_eq!(parse(text, TIMEOUT), None, "{text}");
        }
        for text in ["1000ms", "1s500ms", "05s"] {
            assert_eq!(parse(text, INTERVAL), None, "{text}");
        }
        // Less than the least, which is said elsewhere.
        assert_eq!(parse("0s", TIMEOUT), Some(Duration::ZERO));
        assert_eq!(parse("500ms", INTERVAL), Some(Duration::from_millis(500)));
    }

    #[test]
    fn queries_have_numbers_of_json_as_well() {
        let seconds = |text| parse_query(text, TIMEOUT).map(|found| found.as_secs_f64());
        for (text, expected) in [("2", 2.0), ("0.5", 0.5), ("1e1", 10.0), ("500ms", 0.5)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in [
            "", " ", " 2", "2 ", "+2", "2.", ".5", "-1", "inf", "NaN", "1e300", "02",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }
}
