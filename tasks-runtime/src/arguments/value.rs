//! Values that are written beside a parameter: its default and its example.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::marker::PhantomData;

use serde::Serialize;
use serde_json::Value;

use super::source::{Injected, Requested};

/// Shows a value as JSON.
pub(super) type ToJson<T> = fn(&T) -> Option<Value>;

/// The value of a parameter that a request leaves out.
pub struct Default<T> {
    pub value: fn() -> T,
    pub json: Option<ToJson<T>>,
}

/// A value to show in documentation.
pub struct Example<T> {
    pub(super) value: fn() -> T,
    pub(super) json: ToJson<T>,
}

pub const fn example<T, S: ExampleSource<T> + Copy>(_: S, value: fn() -> T) -> Example<T> {
    Example {
        value,
        json: S::JSON,
    }
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Option<Value> {
    serde_json::to_value(value).ok()
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

/// Asks a type whether it serializes, to show its default as JSON.
#[derive(Debug)]
pub struct JsonProbe<T>(PhantomData<T>);

impl<T: Serialize> JsonProbe<T> {
    pub const __TASK_JSON: Option<ToJson<T>> = Some(to_json::<T>);
}

pub trait JsonFallback {
    type Value;

    const __TASK_JSON: Option<ToJson<Self::Value>> = None;
}

impl<T> JsonFallback for JsonProbe<T> {
    type Value = T;
}

/// A default that is a string literal.
#[diagnostic::on_unimplemented(
    message = "a string literal cannot be the default of a `{Self}`",
    label = "expected an expression of type `{Self}`",
    note = "a string literal is converted with `From<&str>`, and is `Some` for an `Option`; every other expression must have the parameter's type"
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

/// Makes a value of a string literal: the inherent function of an `Option` wins over the one of [`TextFallback`].
#[derive(Debug)]
pub struct TextProbe<T>(PhantomData<T>);

impl<T: FromText> TextProbe<Option<T>> {
    #[must_use]
    pub fn __task_text(text: &'static str) -> Option<T> {
        Some(T::from_text(text))
    }
}

pub trait TextFallback {
    type Value;

    fn __task_text(text: &'static str) -> Self::Value
    where
        Self::Value: FromText,
    {
        Self::Value::from_text(text)
    }
}

impl<T> TextFallback for TextProbe<T> {
    type Value = T;
}
