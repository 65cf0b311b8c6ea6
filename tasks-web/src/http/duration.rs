//! Durations as clients send them: a number of seconds, or `500ms`, `2s`, `5m`, `1h30m`, as in `#[task(timeout = "…")]`.

#[cfg(feature = "database")]
use std::fmt;
use std::time::Duration;

#[cfg(feature = "database")]
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Reads a text: seconds, or parts that add up, each a whole number and one of `ms`, `s`, `m` and `h`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().ok()?;
        let part = match unit {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = after.trim_start();
    }
    (!text.trim().is_empty()).then_some(total)
}

/// What is expected, in words.
pub(crate) const EXPECTED: &str = "a number of seconds, or a text like \"2s\", \"5m\" or \"1h30m\"";

/// A duration in a body.
#[cfg(feature = "database")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) Duration);

#[cfg(feature = "database")]
impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;

        impl Visitor<'_> for Reads {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<Seconds, E> {
                Ok(Seconds(Duration::from_secs(seconds)))
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Seconds, E> {
                u64::try_from(seconds)
                    .map(|seconds| Seconds(Duration::from_secs(seconds)))
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(seconds), &self))
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds, E> {
                Duration::try_from_secs_f64(seconds)
                    .map(Seconds)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Float(seconds), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Seconds, E> {
                parse(text)
                    .filter(|_| text.bytes().any(|byte| byte.is_ascii_alphabetic()))
                    .map(Seconds)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Reads)
    }
}

/// The schema of a duration of at least so many seconds, or null.
#[cfg(feature = "database")]
pub(crate) fn schema(least: f64) -> schemars::Schema {
    /// Ten years.
    const MAX_SECONDS: u64 = 316_224_000;
    // A text of which the first part is not zero is long enough; without a least, it may be.
    let first = if least > 0.0 {
        "[1-9][0-9]{0,3}"
    } else {
        "[0-9]{1,4}"
    };
    let (number, units) = if least < 1.0 {
        ("number", "(ms|s|m|h)")
    } else {
        ("integer", "(s|m|h)")
    };
    let least = if number == "integer" {
        serde_json::json!(1)
    } else {
        serde_json::json!(least)
    };
    schemars::json_schema!({
        "anyOf": [
            {"type": number, "minimum": least, "maximum": MAX_SECONDS},
            {"type": "string", "pattern": format!("^{first}{units}( ?[0-9]{{1,4}}{units}){{0,3}}$")},
            {"type": "null"},
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_units_are_read() {
        let seconds = |text| parse(text).map(|duration| duration.as_secs_f64());
        for (text, expected) in [
            ("2", 2.0),
            ("0.5", 0.5),
            ("500ms", 0.5),
            ("2s", 2.0),
            ("5m", 300.0),
            ("1h30m", 5400.0),
            ("1h 30m", 5400.0),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in [
            "", " ", "s", "-1", "-1s", "1d", "1.5s", "NaN", "inf", "1e300", "30s!",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
