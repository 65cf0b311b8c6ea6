//! Everything that is known about a parameter's type.
//!
//! One `Slot` per parameter decodes, says what an absent value means, gives the schema or injects. The metadata asks
//! the same slot, so it cannot drift from what happens.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde_json::Value;

use crate::inject::{Injectable, Injection, Injector, Requirements};
use crate::task::Parameter;

/// A type that is read from the request: any that implements [`serde::Deserialize`] and [`schemars::JsonSchema`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a task",
    label = "neither injectable nor readable from a request",
    note = "to read it from `params`, derive `serde::Deserialize` and `schemars::JsonSchema` for `{Self}`",
    note = "to have it injected, derive `Injectable` for `{Self}` and provide a value to the executor"
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
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Some((value, values.byte_offset())),
        _ => None,
    }
}

fn absent<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Absent).ok()
}

#[cold]
pub(super) fn explain<T: DeserializeOwned>(json: &str) -> (String, String) {
    let deserializer = &mut serde_json::Deserializer::from_str(json);
    match serde_path_to_error::deserialize::<_, T>(deserializer) {
        Ok(_) => (String::new(), "not accepted".to_owned()),
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
            Segment::Map { key } => pointer.push_str(&super::error::escape(key)),
            Segment::Enum { variant } => pointer.push_str(&super::error::escape(variant)),
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

/// Chooses by type where a parameter comes from: the inherent constant of an injectable type wins over the one of
/// [`RequestFallback`], which every type has.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<T: Injectable> Probe<T> {
    pub const SOURCE: Injected<T> = Injected::FORCED;
}

pub trait RequestFallback {
    type Value;

    const SOURCE: Requested<Self::Value> = Requested::FORCED;
}

impl<T> RequestFallback for Probe<T> {
    type Value = T;
}

/// The parameter is injected.
#[derive(Debug)]
pub struct Injected<T>(PhantomData<fn() -> T>);

/// The parameter is read from the request.
#[derive(Debug)]
pub struct Requested<T>(PhantomData<fn() -> T>);

impl<T> Clone for Injected<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Injected<T> {}

impl<T> Clone for Requested<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Requested<T> {}

impl<T> Injected<T> {
    pub const FORCED: Self = Self(PhantomData);
}

impl<T> Requested<T> {
    pub const FORCED: Self = Self(PhantomData);
}

#[doc(hidden)]
pub enum Kind<T: 'static> {
    Request(RequestFns<T>),
    Inject {
        inject: fn(&Injector<'_>) -> Injection<T>,
        requires: fn(&mut Requirements),
    },
}

/// Where a parameter of type `T` comes from.
///
/// Says what [`RequestParam`] says, without the way from the one to the other.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be a parameter of a task",
    label = "neither injectable nor readable from a request",
    note = "to read it from `params`, derive `serde::Deserialize` and `schemars::JsonSchema` for `{T}`",
    note = "to have it injected, derive `Injectable` for `{T}` and provide a value to the executor"
)]
pub trait Source<T: 'static> {
    #[doc(hidden)]
    const KIND: Kind<T>;
}

impl<T: Injectable> Source<T> for Injected<T> {
    const KIND: Kind<T> = Kind::Inject {
        inject: T::inject,
        requires: T::requires,
    };
}

#[diagnostic::do_not_recommend]
impl<T: RequestParam> Source<T> for Requested<T> {
    const KIND: Kind<T> = Kind::Request(T::FUNCTIONS);
}

/// A source for which `default`, `example` and `secret` make sense.
#[diagnostic::on_unimplemented(
    message = "an injected parameter cannot have a default or an example, nor be secret",
    label = "injected because of its type, so clients never send it",
    note = "take an `Option<…>` if it may be missing, or read it from the request with `#[task(request)]`"
)]
pub trait RequestSource<T: 'static>: Source<T> {}

impl<T: RequestParam> RequestSource<T> for Requested<T> {}

/// Shows a value as JSON.
pub(super) type ToJson<T> = fn(&T) -> Option<Value>;

/// The value of a parameter that a request leaves out.
pub struct Default<T> {
    pub value: fn() -> T,
    pub json: Option<ToJson<T>>,
}

/// A value to show in documentation.
pub struct Example<T> {
    value: fn() -> T,
    json: ToJson<T>,
}

/// A source whose values can be shown. An injected one has none, so that an example for it is one error, not two.
#[diagnostic::on_unimplemented(
    message = "an example of type `{T}` cannot be shown",
    label = "not serializable to JSON",
    note = "derive `serde::Serialize` for `{T}`"
)]
pub trait ExampleSource<T> {
    #[doc(hidden)]
    const JSON: ToJson<T>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> ExampleSource<T> for Requested<T> {
    const JSON: ToJson<T> = to_json::<T>;
}

#[diagnostic::do_not_recommend]
impl<T> ExampleSource<T> for Injected<T> {
    const JSON: ToJson<T> = |_| None;
}

pub const fn example<T, S: ExampleSource<T> + Copy>(_: S, value: fn() -> T) -> Example<T> {
    Example {
        value,
        json: S::JSON,
    }
}

fn to_json<T: Serialize>(value: &T) -> Option<Value> {
    serde_json::to_value(value).ok()
}

/// Asks a type whether it serializes, to show its default as JSON.
#[derive(Debug)]
pub struct JsonProbe<T>(PhantomData<T>);

impl<T: Serialize> JsonProbe<T> {
    pub const OF: Option<ToJson<T>> = Some(to_json::<T>);
}

pub trait JsonFallback {
    type Value;

    const OF: Option<ToJson<Self::Value>> = None;
}

impl<T> JsonFallback for JsonProbe<T> {
    type Value = T;
}

/// A default that is a string literal.
#[diagnostic::on_unimplemented(
    message = "a string literal cannot be the default of a `{Self}`",
    label = "expected an expression of type `{Self}`",
    note = "a string literal is converted with `From<&str>`; every other expression must have the parameter's type"
)]
pub trait FromText: Sized {
    #[doc(hidden)]
    fn from_text(text: &'static str) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: From<&'static str>> FromText for T {
    fn from_text(text: &'static str) -> Self {
        Self::from(text)
    }
}

pub fn text<T: FromText>(text: &'static str) -> T {
    T::from_text(text)
}

/// Everything that is known about one parameter.
pub struct Slot<T: 'static> {
    parameter: Parameter,
    pub(super) kind: Kind<T>,
    pub(super) default: Option<Default<T>>,
    example: Option<Example<T>>,
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.parameter.name)
    }
}

/// The one place where a parameter's type has to meet a bound, so that a type that does not is one error.
pub const fn slot<T: 'static, S: Source<T> + Copy>(_: S, parameter: Parameter) -> Slot<T> {
    Slot {
        parameter,
        kind: S::KIND,
        default: None,
        example: None,
    }
}

pub const fn request_slot<T: 'static, S: RequestSource<T> + Copy>(
    _: S,
    parameter: Parameter,
    default: Option<Default<T>>,
    example: Option<Example<T>>,
) -> Slot<T> {
    Slot {
        parameter,
        kind: S::KIND,
        default,
        example,
    }
}

impl<T> Slot<T> {
    /// The value of an absent parameter: its default, or what its type says.
    pub(super) fn absent(&self) -> Option<T> {
        match (&self.default, &self.kind) {
            (Some(default), _) => Some((default.value)()),
            (None, Kind::Request(functions)) => (functions.absent)(),
            (None, Kind::Inject { .. }) => None,
        }
    }
}

/// A slot whose type is not known.
pub trait AnySlot: fmt::Debug + Sync {
    fn parameter(&self) -> &Parameter;
    fn injected(&self) -> bool;
    /// Whether a request has to hold the parameter.
    fn required(&self) -> bool;
    fn requires(&self) -> Option<fn(&mut Requirements)>;
    fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema>;
    fn default_json(&self) -> Option<Value>;
    fn example_json(&self) -> Option<Value>;
}

impl<T> AnySlot for Slot<T> {
    fn parameter(&self) -> &Parameter {
        &self.parameter
    }

    fn injected(&self) -> bool {
        matches!(self.kind, Kind::Inject { .. })
    }

    fn required(&self) -> bool {
        match &self.kind {
            Kind::Request(functions) => self.default.is_none() && (functions.absent)().is_none(),
            Kind::Inject { .. } => false,
        }
    }

    fn requires(&self) -> Option<fn(&mut Requirements)> {
        match self.kind {
            Kind::Inject { requires, .. } => Some(requires),
            Kind::Request(_) => None,
        }
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        match &self.kind {
            Kind::Request(functions) => Some((functions.schema)(generator)),
            Kind::Inject { .. } => None,
        }
    }

    fn default_json(&self) -> Option<Value> {
        let default = self.default.as_ref()?;
        default.json?(&(default.value)())
    }

    fn example_json(&self) -> Option<Value> {
        let example = self.example.as_ref()?;
        (example.json)(&(example.value)())
    }
}
