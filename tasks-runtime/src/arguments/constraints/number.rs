//! Numbers as JSON spells them, compared without a loss: integers as integers, decimals digit by digit.

use std::cmp::Ordering;

/// A number of a schema.
#[derive(Clone, Debug)]
pub(super) struct Number {
    /// As it is written.
    pub(super) text: String,
    /// As an integer of the size that most have.
    short: Option<i64>,
    integer: Option<i128>,
    float: f64,
}

/// A number of a request, which is read once for all that it is compared with.
pub(super) struct Given<'j> {
    json: &'j str,
    short: Option<i64>,
    /// Where it is no short integer: what it is otherwise.
    float: f64,
}

impl<'j> Given<'j> {
    #[inline(always)]
    pub(super) fn of(json: &'j str) -> Self {
        let short = json.parse().ok();
        let float = match short {
            Some(_) => 0.0,
            None => json.parse().unwrap_or(f64::NAN),
        };
        Self { json, short, float }
    }

    #[inline]
    pub(super) fn is_short_integer(&self) -> bool {
        self.short.is_some()
    }

    fn integer(&self) -> Option<i128> {
        match self.short {
            Some(short) => Some(short.into()),
            None => self.json.parse().ok(),
        }
    }

    fn float(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "the other number has no more")]
        self.short.map_or(self.float, |short| short as f64)
    }
}

impl Number {
    /// Reads a number of a schema.
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(Self {
            text: text.to_owned(),
            short: text.parse().ok(),
            integer: text.parse().ok(),
            float: text.parse().ok()?,
        })
    }

    /// How a number of a request compares with this one; `None` when it is no number.
    #[inline]
    pub(super) fn compare(&self, given: &Given<'_>) -> Option<Ordering> {
        match (self.short, given.short) {
            (Some(bound), Some(number)) => Some(number.cmp(&bound)),
            _ => self.compare_slowly(given),
        }
    }

    fn compare_slowly(&self, given: &Given<'_>) -> Option<Ordering> {
        if let Some(bound) = self.integer
            && let Some(number) = given.integer()
        {
            return Some(number.cmp(&bound));
        }
        given.float().partial_cmp(&self.float)
    }

    /// Whether a number of a request is this one times an integer (JSON Schema Validation, section 6.2.1).
    pub(super) fn divides(&self, given: &Given<'_>) -> bool {
        if let (Some(step), Some(number)) = (self.short, given.short) {
            return step != 0 && number.wrapping_rem(step) == 0;
        }
        match (decimal(given.json), decimal(&self.text)) {
            (Some(number), Some(step)) => {
                let scale = number.scale.max(step.scale);
                match (number.at(scale), step.at(scale)) {
                    (Some(number), Some(step)) => step != 0 && number % step == 0,
                    _ => self.nearly_divides(given),
                }
            }
            _ => self.nearly_divides(given),
        }
    }

    /// The same with doubles, for numbers of more digits than fit.
    fn nearly_divides(&self, given: &Given<'_>) -> bool {
        (given.float() / self.float).fract() == 0.0
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

    fn compare(bound: &Number, json: &str) -> Option<Ordering> {
        bound.compare(&Given::of(json))
    }

    #[test]
    fn integers_are_compared_to_their_last_digit() {
        let bound = Number::of("9007199254740993").unwrap();
        assert_eq!(compare(&bound, "9007199254740992"), Some(Ordering::Less));
        assert_eq!(compare(&bound, "9007199254740993"), Some(Ordering::Equal));
        assert_eq!(compare(&bound, "1e300"), Some(Ordering::Greater));
        assert_eq!(
            compare(&Number::of("0.5").unwrap(), "1"),
            Some(Ordering::Greater)
        );
    }

    #[test]
    fn decimals_are_multiples_digit_by_digit() {
        let cent = Number::of("0.01").unwrap();
        for multiple in ["0.07", "1", "19.99", "-0.03", "1e2", "0", "1.10"] {
            assert!(cent.divides(&Given::of(multiple)), "{multiple}");
        }
        for other in ["0.075", "1e-3", "0.001"] {
            assert!(!cent.divides(&Given::of(other)), "{other}");
        }
        let seven = Number::of("7").unwrap();
        assert!(
            seven.divides(&Given::of("49"))
                && seven.divides(&Given::of("7.0"))
                && !seven.divides(&Given::of("50"))
        );
    }
}
