//! What kind of thing is wrong with an argument.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Defines the codes, with what each is of, and its name in JSON.
macro_rules! codes {
    ($(#[$attribute:meta])* { $(#[doc = $meaning:literal] $name:ident = $text:literal,)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(into = "String", from = "String")]
        #[non_exhaustive]
        pub enum ArgumentErrorCode {
            $(#[doc = $meaning] $name,)*
            /// Anything else: `detail` says what.
            #[default]
            Invalid,
            /// One that a rule of a task gives: see [`ArgumentError::with_code`](crate::ArgumentError::with_code).
            Custom(Cow<'static, str>),
        }

        /// The codes of the framework, with what they are of, in the order of the documentation.
        const KNOWN: &[(ArgumentErrorCode, &str)] = &[
            $((ArgumentErrorCode::$name, $meaning),)*
            (ArgumentErrorCode::Invalid, "Anything else: `detail` says what."),
        ];

        impl ArgumentErrorCode {
            /// Its name in JSON.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Invalid => "invalid",
                    Self::Custom(code) => code,
                }
            }
        }
    };
}

codes! {
    /// What kind of thing is wrong with an argument: the rule that it breaks, for clients that do not read words.
    ///
    /// In JSON it is its name in `snake_case`. New ones may come, and the rules of a task may give codes of their own
    /// ([`Custom`](Self::Custom)): treat one that you do not know as [`Invalid`](Self::Invalid).
    ///
    /// ```
    /// use tasks_runtime::ArgumentErrorCode;
    ///
    /// assert_eq!(ArgumentErrorCode::MultipleOf.as_str(), "multiple_of");
    /// assert_eq!(ArgumentErrorCode::from("multiple_of"), ArgumentErrorCode::MultipleOf);
    /// assert_eq!(ArgumentErrorCode::from("too_long_ago").as_str(), "too_long_ago");
    /// ```
    {
        /// Another kind of value: a string in place of a number, say.
        Type = "type",
        /// Required, and not there.
        Missing = "missing",
        /// Not known: a parameter, a field or an option of another name.
        Unknown = "unknown",
        /// Given twice.
        Repeated = "repeated",
        /// Not for clients: an injected parameter.
        NotAllowed = "not_allowed",
        /// A number outside of its range.
        Range = "range",
        /// A number that is no multiple of another one.
        MultipleOf = "multiple_of",
        /// Too short or too long: the characters of a string, the items of a list, the members of an object.
        Length = "length",
        /// A string that does not match a regular expression.
        Pattern = "pattern",
        /// A string that is not of a format, such as an e-mail address.
        Format = "format",
        /// None of the values that are allowed.
        OneOf = "one_of",
        /// A list with an item that is there twice.
        Unique = "unique",
        /// A number with more digits than are kept.
        Precision = "precision",
        /// Nested too deep.
        Depth = "depth",
        /// What is shown in place of a secret.
        Masked = "masked",
        /// Stands for the errors that are not listed, since there are too many.
        TooMany = "too_many",
    }
}

impl From<Cow<'static, str>> for ArgumentErrorCode {
    fn from(name: Cow<'static, str>) -> Self {
        let known = KNOWN.iter().find(|(code, _)| code.as_str() == name);
        known.map_or(Self::Custom(name), |(code, _)| code.clone())
    }
}

impl From<&'static str> for ArgumentErrorCode {
    fn from(name: &'static str) -> Self {
        Self::from(Cow::Borrowed(name))
    }
}

impl From<String> for ArgumentErrorCode {
    fn from(name: String) -> Self {
        Self::from(Cow::Owned(name))
    }
}

impl From<ArgumentErrorCode> for String {
    fn from(code: ArgumentErrorCode) -> Self {
        match code {
            ArgumentErrorCode::Custom(code) => code.into_owned(),
            known => known.as_str().to_owned(),
        }
    }
}

/// A string: a client must not refuse a code that it does not know. Those of the framework are among its examples.
impl JsonSchema for ArgumentErrorCode {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ArgumentErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = KNOWN.iter().map(|(code, _)| code.as_str());
        let mut description =
            "The rule that is broken. A task may have codes of its own, and new ones may come: treat one that you do \
             not know as `invalid`."
                .to_owned();
        for (code, meaning) in KNOWN {
            description.push_str(&format!("\n- `{}`: {}", code.as_str(), meaning.trim()));
        }
        json_schema!({
            "type": "string",
            "description": description,
            "examples": names.collect::<Vec<_>>(),
        })
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
    found.map_or(ArgumentErrorCode::Invalid, |(_, code)| code.clone())
}

#[cfg(test)]
mod tests {
    use super::ArgumentErrorCode as Code;

    #[test]
    fn names_are_those_in_json() {
        for (code, _) in super::KNOWN {
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.as_str());
            assert_eq!(serde_json::from_value::<Code>(json).unwrap(), *code);
            assert!(!matches!(code, Code::Custom(_)));
        }
        let custom: Code = serde_json::from_str("\"order\"").unwrap();
        assert_eq!(custom, Code::Custom("order".into()));
        assert_eq!(serde_json::to_string(&custom).unwrap(), "\"order\"");
    }
}
