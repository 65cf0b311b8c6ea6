//! Identifiers of what is stored: ULIDs, each kind a type of its own.

use std::fmt;

use ulid::Ulid;

/// What a ULID looks like: 26 characters of Crockford's base 32, in capital letters
/// ([specification](https://github.com/ulid/spec#canonical-string-representation)).
pub(crate) const PATTERN: &str = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$";

/// A text is not an identifier.
///
/// ```
/// use tasks_runtime::jobs::JobId;
///
/// let error = "42".parse::<JobId>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "is not an id: one has 26 digits and capital letters, such as 01ARZ3NDEKTSV4RRFFQ69G5FAV"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "is not an id: one has 26 digits and capital letters, such as 01ARZ3NDEKTSV4RRFFQ69G5FAV",
        )
    }
}

impl std::error::Error for InvalidId {}

/// Reads a ULID in the one way in which it is written.
pub(crate) fn parse(text: &str) -> Result<Ulid, InvalidId> {
    let canonical = text.len() == 26
        && text.starts_with(|c: char| ('0'..='7').contains(&c))
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b)));
    if !canonical {
        return Err(InvalidId);
    }
    Ulid::from_string(text).map_err(|_| InvalidId)
}

/// A kind of identifier. The third argument is an extension of its schema, which is `true`.
macro_rules! id {
    ($(#[$documentation:meta])* $name:ident, $description:literal $(, $extension:literal)?) => {
        $(#[$documentation])*
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            diesel::deserialize::FromSqlRow,
            diesel::expression::AsExpression,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub struct $name(ulid::Ulid);

        impl $name {
            /// What one looks like: 26 characters of Crockford's base 32, in capital letters
            /// ([specification](https://github.com/ulid/spec#canonical-string-representation)), as a regular expression.
            pub const PATTERN: &'static str = $crate::id::PATTERN;

            /// A new one, later in order than those that were made before, to the millisecond.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "each is another")]
            pub fn new() -> Self {
                Self(ulid::Ulid::new())
            }

            /// When it was made, to the millisecond.
            #[must_use]
            pub fn created_at(self) -> std::time::SystemTime {
                self.0.datetime()
            }

            /// One that nothing has.
            #[allow(dead_code, reason = "not each kind needs it")]
            pub(crate) const fn nil() -> Self {
                Self(ulid::Ulid::nil())
            }

            /// One that the database has.
            #[allow(dead_code, reason = "not each kind needs it")]
            pub(crate) fn stored(text: &str) -> Self {
                ulid::Ulid::from_string(text).map_or(Self::nil(), Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::id::parse(text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = [0; ulid::ULID_LEN];
                serializer.serialize_str(self.0.array_to_str(&mut buffer))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!($description, ", as a string"))
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(|error| {
                            E::custom(format_args!(
                                "`{}` {error}",
                                text.chars().take(64).collect::<String>().escape_debug()
                            ))
                        })
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $crate::id::PATTERN,
                    "description": concat!($description, ": a ULID."),
                    $($extension: true,)?
                })
            }
        }

        #[cfg(feature = "postgres")]
        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                use std::io::Write as _;
                let mut buffer = [0; ulid::ULID_LEN];
                out.write_all(self.0.array_to_str(&mut buffer).as_bytes())?;
                Ok(diesel::serialize::IsNull::No)
            }
        }

        #[cfg(feature = "sqlite")]
        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::sqlite::Sqlite> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::sqlite::Sqlite>,
            ) -> diesel::serialize::Result {
                out.set_value(self.0.to_string());
                Ok(diesel::serialize::IsNull::No)
            }
        }

        impl<DB> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let text = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(value)?;
                Ok(text.parse()?)
            }
        }
    };
}
pub(crate) use id;
