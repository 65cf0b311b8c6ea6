//! The kinds of values that a schema allows.

use serde_json::Value;

use crate::arguments::json_kind::Kind;

/// The kinds of values that a schema allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    const ALL: u8 = u8::MAX;
    const ARRAY: u8 = 1 << 5;
    const INTEGER: u8 = 1 << 2;
    const NUMBER: u8 = 1 << 3;
    /// Null alone.
    pub(super) const NULL: Self = Self(1);
    const OBJECT: u8 = 1 << 6;
    const STRING: u8 = 1 << 4;

    /// What `type` says; `None` where it is missing.
    pub(super) fn of(names: Option<&Value>) -> Option<Self> {
        let bit = |name: &Value| match name.as_str() {
            Some("null") => 1,
            Some("boolean") => 1 << 1,
            Some("integer") => Self::INTEGER,
            Some("number") => Self::NUMBER,
            Some("string") => Self::STRING,
            Some("array") => Self::ARRAY,
            Some("object") => Self::OBJECT,
            // One that is not known here.
            _ => Self::ALL,
        };
        match names? {
            Value::Array(names) => Some(Self(names.iter().map(bit).fold(0, |all, bit| all | bit))),
            name => Some(Self(bit(name))),
        }
    }

    /// No value is allowed.
    pub(super) const NONE: Self = Self(0);

    /// Whether a value, in JSON, is of one of them. To JSON Schema, `1.0` is an integer.
    #[inline]
    pub(super) fn allow(self, json: &str) -> bool {
        let bit = match json.as_bytes().first() {
            Some(b'"') => Self::STRING,
            Some(b'[') => Self::ARRAY,
            Some(b'{') => Self::OBJECT,
            Some(b't' | b'f') => 1 << 1,
            Some(b'n') => 1,
            _ => return self.allow_number(json),
        };
        self.0 & bit != 0
    }

    #[inline]
    pub(super) fn allow_string(self) -> bool {
        self.0 & Self::STRING != 0
    }

    #[inline]
    pub(super) fn allow_any_number(self) -> bool {
        self.0 & Self::NUMBER != 0
    }

    #[inline]
    pub(super) fn allow_integer(self) -> bool {
        self.0 & Self::INTEGER != 0
    }

    #[cold]
    fn allow_number(self, json: &str) -> bool {
        if self.allow_any_number() {
            return true;
        }
        let is_whole = || {
            Kind::of(json) == Kind::Integer
                || json
                    .parse::<f64>()
                    .is_ok_and(|number| number.fract() == 0.0)
        };
        self.allow_integer() && is_whole()
    }
}
