//! Types whose values are read from a request.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use crate::schema::short_type_name;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, Visitor};

/// A type that is read from the request: any that implements [`serde::Deserialize`] and [`schemars::JsonSchema`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a task",
    label = "neither injectable nor readable from a request",
    note = "what is read from `params` implements `serde::Deserialize` and `schemars::JsonSchema`: derive them for types of this crate; for those of another crate, turn on its features for serde and schemars, or wrap them in a type of this crate with `#[serde(with = \"…\")]` and `#[schemars(with = \"…\")]`",
    note = "what is injected is given to `provide`: derive `Injectable` for types of this crate; take those of another crate as `State<…>`"
)]
pub trait RequestParam: Sized + 'static {
    #[doc(hidden)]
    const FUNCTIONS: RequestFns<Self>;
}

/// How values of one type are read.
#[doc(hidden)]
pub struct RequestFns<T> {
    /// Reads a value from the start of the text, and says how long it was.
    pub(crate) read: fn(&str) -> Option<(T, usize)>,
    /// The value of an absent parameter, if the type has one.
    pub(crate) absent: fn() -> Option<T>,
    /// Says what is wrong with a value that `read` refused: a pointer into it, and words.
    pub(crate) explain: fn(&str) -> (String, String),
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + 'static> RequestParam for T {
    const FUNCTIONS: RequestFns<Self> = RequestFns {
        read: read::<T>,
        absent: absent::<T>,
        explain: explain::<T>,
        schema: SchemaGenerator::subschema_for::<T>,
    };
}

fn read<T: DeserializeOwned>(json: &str) -> Option<(T, usize)> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = T::deserialize(&mut deserializer).ok()?;
    // What follows is never asked for: this only says where it would begin.
    let rest = deserializer.into_iter::<IgnoredAny>();
    Some((value, rest.byte_offset()))
}

fn absent<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Absent).ok()
}

#[cold]
pub(super) fn explain<T: DeserializeOwned>(json: &str) -> (String, String) {
    let deserializer = &mut serde_json::Deserializer::from_str(json);
    match serde_path_to_error::deserialize::<_, T>(deserializer) {
        // It was read up to somewhere in the middle, as `1.0` is for an integer.
        Ok(_) => {
            let expected = short_type_name::<T>();
            (
                String::new(),
                format!("invalid value, expected `{expected}`"),
            )
        }
        Err(error) => (pointer(error.path()), words(&error.into_inner())),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&crate::pointer::escape(key)),
            Segment::Enum { variant } => pointer.push_str(&crate::pointer::escape(variant)),
            Segment::Unknown => {
                pointer.pop();
                break;
            }
        }
    }
    pointer
}

/// serde's words without the line and column, which count from the start of the one value.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Deserializes as `None` and as nothing else, as a missing field does in `serde_derive`.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("absent"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
