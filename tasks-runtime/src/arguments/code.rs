//! What kind of thing is wrong with an argument.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of thing is wrong with an argument: the rule that it breaks, for clients that do not read words.
///
/// In JSON it is its name in `snake_case`. New ones may come: treat one that you do not know as [`Invalid`](Self::Invalid).
///
/// ```
/// use tasks_runtime::ArgumentErrorCode;
///
/// assert_eq!(ArgumentErrorCode::MultipleOf.as_str(), "multiple_of");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum ArgumentErrorCode {
    /// Another kind of value: a string in place of a number, say.
    Type,
    /// Required, and not there.
    Missing,
    /// Not known: a parameter, a field or an option of another name.
    Unknown,
    /// Given twice.
    Repeated,
    /// Not for clients: an injected parameter.
    NotAllowed,
    /// A number outside of its range.
    Range,
    /// A number that is no multiple of another one.
    MultipleOf,
    /// Too short or too long: the characters of a string, the items of a list, the members of an object.
    Length,
    /// A string that does not match a regular expression.
    Pattern,
    /// A string that is not of a format, such as an e-mail address.
    Format,
    /// None of the values that are allowed.
    OneOf,
    /// A list with an item that is there twice.
    Unique,
    /// A number with more digits than are kept.
    Precision,
    /// Nested too deep.
    Depth,
    /// What is shown in place of a secret.
    Masked,
    /// Stands for the errors that are not listed, since there are too many.
    TooMany,
    /// Anything else: `detail` says what.
    #[default]
    Invalid,
}

impl ArgumentErrorCode {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Repeated => "repeated",
            Self::NotAllowed => "not_allowed",
            Self::Range => "range",
            Self::MultipleOf => "multiple_of",
            Self::Length => "length",
            Self::Pattern => "pattern",
            Self::Format => "format",
            Self::OneOf => "one_of",
            Self::Unique => "unique",
            Self::Precision => "precision",
            Self::Depth => "depth",
            Self::Masked => "masked",
            Self::TooMany => "too_many",
            Self::Invalid => "invalid",
        }
    }
}

/// The code of a message of serde.
#[must_use]
pub fn code_of_serde(words: &str) -> ArgumentErrorCode {
    let known = [
        ("invalid type", ArgumentErrorCode::Type),
        ("missing field", ArgumentErrorCode::Missing),
        ("unknown field", ArgumentErrorCode::Unknown),
        ("unknown variant", ArgumentErrorCode::OneOf),
        ("duplicate field", ArgumentErrorCode::Repeated),
        ("invalid length", ArgumentErrorCode::Length),
        ("invalid value: integer", ArgumentErrorCode::Range),
        ("number out of range", ArgumentErrorCode::Range),
    ];
    let found = known.iter().find(|(start, _)| words.starts_with(start));
    found.map_or(ArgumentErrorCode::Invalid, |(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::ArgumentErrorCode as Code;

    #[test]
    fn names_are_those_in_json() {
        let all = [
            Code::Type,
            Code::Missing,
            Code::Unknown,
            Code::Repeated,
            Code::NotAllowed,
            Code::Range,
            Code::MultipleOf,
            Code::Length,
            Code::Pattern,
            Code::Format,
            Code::OneOf,
            Code::Unique,
            Code::Precision,
            Code::Depth,
            Code::Masked,
            Code::TooMany,
            Code::Invalid,
        ];
        for code in all {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
