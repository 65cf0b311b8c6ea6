//! Numbers as JSON spells them, compared without a loss: integers as integers, decimals digit by digit.

use std::cmp::Ordering;

/// A bound of a schema, or the number that one is compared with.
#[derive(Clone, Debug)]
pub(super) struct Number {
    /// As it is written.
    pub(super) text: String,
    integer: Option<i128>,
    float: f64,
}

impl Number {
    /// Reads a number of a schema.
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(Self {
            text: text.to_owned(),
            integer: integer(text),
            float: text.parse().ok()?,
        })
    }

    /// How a number of a request compares with this one; `None` when it is no number.
    pub(super) fn compare(&self, json: &str) -> Option<Ordering> {
        if let (Some(bound), Some(number)) = (self.integer, integer(json)) {
            return Some(number.cmp(&bound));
        }
        json.parse::<f64>().ok()?.partial_cmp(&self.float)
    }

    /// Whether a number of a request is this one times an integer (JSON Schema Validation, section 6.2.1).
    pub(super) fn divides(&self, json: &str) -> bool {
        match (decimal(json), decimal(&self.text)) {
            (Some(number), Some(step)) => {
                let scale = number.scale.max(step.scale);
                match (number.at(scale), step.at(scale)) {
                    (Some(number), Some(step)) => step != 0 && number % step == 0,
                    _ => self.nearly_divides(json),
                }
            }
            _ => self.nearly_divides(json),
        }
    }

    /// The same with doubles, for numbers of more digits than fit.
    fn nearly_divides(&self, json: &str) -> bool {
        let Ok(number) = json.parse::<f64>() else {
            return false;
        };
        (number / self.float).fract() == 0.0
    }
}

fn integer(text: &str) -> Option<i128> {
    // Most are short, and are read faster so.
    match text.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(_) => text.parse().ok(),
    }
}

/// `digits` divided by ten to the power of `scale`.
struct Decimal {
    digits: i128,
    scale: i32,
}

impl Decimal {
    fn at(&self, scale: i32) -> Option<i128> {
        let zeros = u32::try_from(scale - self.scale).ok()?;
        self.digits.checked_mul(10_i128.checked_pow(zeros)?)
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()? - i32::from(exponent);
    Some(Decimal { digits, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_compared_to_their_last_digit() {
        let bound = Number::of("9007199254740993").unwrap();
        assert_eq!(bound.compare("9007199254740992"), Some(Ordering::Less));
        assert_eq!(bound.compare("9007199254740993"), Some(Ordering::Equal));
        assert_eq!(bound.compare("1e300"), Some(Ordering::Greater));
        assert_eq!(
            Number::of("0.5").unwrap().compare("1"),
            Some(Ordering::Greater)
        );
    }

    #[test]
    fn decimals_are_multiples_digit_by_digit() {
        let cent = Number::of("0.01").unwrap();
        for multiple in ["0.07", "1", "19.99", "-0.03", "1e2", "0", "1.10"] {
            assert!(cent.divides(multiple), "{multiple}");
        }
        for other in ["0.075", "1e-3", "0.001"] {
            assert!(!cent.divides(other), "{other}");
        }
        let seven = Number::of("7").unwrap();
        assert!(seven.divides("49") && seven.divides("7.0") && !seven.divides("50"));
    }
}
