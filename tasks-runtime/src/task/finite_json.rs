//! Writes a result as JSON, and finds the numbers that JSON does not have.
//!
//! `serde_json` writes `null` for a NaN or an infinity, which a client takes for "nothing". A result without any null is done
//! when it is written; one with some is looked through once more, since most of them mean what they say.

use std::fmt::{self, Display};
use std::io::{self, Write};

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::ser::Formatter;

use crate::pointer::escape;

/// Why a result cannot be written.
#[derive(Debug)]
pub enum OutputError {
    /// It cannot be serialized.
    Json(serde_json::Error),
    /// It holds a number that JSON does not have.
    NotFinite {
        /// Where: a JSON Pointer into the result.
        pointer: String,
        /// The number: `NaN`, `inf` or `-inf`.
        number: String,
    },
}

/// Writes a value behind what is there.
pub(super) fn write<T: Serialize>(value: &T, json: &mut Vec<u8>) -> Result<(), OutputError> {
    let mut has_null = false;
    let formatter = NullFormatter {
        has_null: &mut has_null,
    };
    value
        .serialize(&mut serde_json::Serializer::with_formatter(
            &mut *json, formatter,
        ))
        .map_err(OutputError::Json)?;
    if has_null { check(value) } else { Ok(()) }
}

/// Looks for a number that was written as null.
#[cold]
fn check<T: Serialize>(value: &T) -> Result<(), OutputError> {
    match value.serialize(Finder) {
        Err(NotFinite {
            number: Some(number),
            path,
        }) => Err(OutputError::NotFinite {
            pointer: path
                .iter()
                .rev()
                .map(|part| format!("/{}", escape(part)))
                .collect(),
            number: number.to_string(),
        }),
        // What else is wrong the first time would have said.
        Ok(()) | Err(NotFinite { number: None, .. }) => Ok(()),
    }
}

/// Compact JSON, of which is known whether there is a null in it.
struct NullFormatter<'a> {
    has_null: &'a mut bool,
}

impl Formatter for NullFormatter<'_> {
    fn write_null<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        *self.has_null = true;
        writer.write_all(b"null")
    }
}

#[derive(Debug)]
struct NotFinite {
    number: Option<f64>,
    /// Where it is, from the inside out.
    path: Vec<String>,
}

impl NotFinite {
    fn within(mut self, part: impl Display) -> Self {
        self.path.push(part.to_string());
        self
    }
}

impl Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a number of JSON")
    }
}

impl std::error::Error for NotFinite {}

impl serde::ser::Error for NotFinite {
    fn custom<T: Display>(_: T) -> Self {
        Self {
            number: None,
            path: Vec::new(),
        }
    }
}

/// Writes nothing, and fails at the first number that JSON does not have.
#[derive(Clone, Copy)]
struct Finder;

macro_rules! nothing {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<(), NotFinite> {
            Ok(())
        })*
    };
}

impl Serializer for Finder {
    type Ok = ();
    type Error = NotFinite;
    type SerializeSeq = Inside;
    type SerializeTuple = Inside;
    type SerializeTupleStruct = Inside;
    type SerializeTupleVariant = Inside;
    type SerializeMap = Inside;
    type SerializeStruct = Inside;
    type SerializeStructVariant = Inside;

    nothing!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    );

    fn serialize_f32(self, number: f32) -> Result<(), NotFinite> {
        self.serialize_f64(f64::from(number))
    }

    fn serialize_f64(self, number: f64) -> Result<(), NotFinite> {
        if number.is_finite() {
            Ok(())
        } else {
            Err(NotFinite {
                number: Some(number),
                path: Vec::new(),
            })
        }
    }

    fn serialize_none(self) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), NotFinite> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), NotFinite> {
        Ok(())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotFinite> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotFinite> {
        value.serialize(self).map_err(|error| error.within(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside, NotFinite> {
        Ok(Inside::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Inside, NotFinite> {
        Ok(Inside::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Inside, NotFinite> {
        Ok(Inside::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside, NotFinite> {
        Ok(Inside::of(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside, NotFinite> {
        Ok(Inside::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside, NotFinite> {
        Ok(Inside::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside, NotFinite> {
        Ok(Inside::of(variant))
    }
}

/// The members of a list, a map or a struct.
#[derive(Default)]
struct Inside {
    /// The variant of an enum that they are the content of.
    variant: Option<&'static str>,
    index: usize,
    key: String,
}

impl Inside {
    fn of(variant: &'static str) -> Self {
        Self {
            variant: Some(variant),
            ..Self::default()
        }
    }

    fn member<T: ?Sized + Serialize>(
        &self,
        part: impl Display,
        value: &T,
    ) -> Result<(), NotFinite> {
        value.serialize(Finder).map_err(|error| {
            let error = error.within(part);
            match self.variant {
                Some(variant) => error.within(variant),
                None => error,
            }
        })
    }

    fn element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), NotFinite> {
        let index = self.index;
        self.index += 1;
        self.member(index, value)
    }
}

macro_rules! elements {
    ($($kind:ident: $method:ident),* $(,)?) => {
        $(impl $kind for Inside {
            type Ok = ();
            type Error = NotFinite;

            fn $method<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), NotFinite> {
                self.element(value)
            }

            fn end(self) -> Result<(), NotFinite> {
                Ok(())
            }
        })*
    };
}

macro_rules! fields {
    ($($kind:ident),* $(,)?) => {
        $(impl $kind for Inside {
            type Ok = ();
            type Error = NotFinite;

            fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), NotFinite> {
                self.member(name, value)
            }

            fn end(self) -> Result<(), NotFinite> {
                Ok(())
            }
        })*
    };
}

elements!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
);
fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Inside {
    type Ok = ();
    type Error = NotFinite;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), NotFinite> {
        self.key = name_of(key);
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), NotFinite> {
        self.member(&self.key, value)
    }

    fn serialize_entry<K: ?Sized + Serialize, V: ?Sized + Serialize>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), NotFinite> {
        // Which key it is matters only where something is wrong.
        value
            .serialize(Finder)
            .map_err(|error| error.within(name_of(key)))
    }

    fn end(self) -> Result<(), NotFinite> {
        Ok(())
    }
}

/// A key as it is written.
fn name_of<T: ?Sized + Serialize>(key: &T) -> String {
    let json = serde_json::to_string(key).unwrap_or_default();
    serde_json::from_str(&json).unwrap_or(json)
}
