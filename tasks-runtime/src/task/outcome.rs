//! What a task returns, on its way to JSON.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::TaskFailure;
use super::finite_json::{self, OutputError};

/// A value that a task may return: anything that serializes.
#[diagnostic::on_unimplemented(
    message = "a task cannot return `{Self}`",
    label = "not serializable to JSON",
    note = "a result implements `serde::Serialize`: derive it for types of this crate; for those of another crate, turn on its feature for serde, or return a type of this crate that is made from them"
)]
pub trait TaskOutput {
    #[doc(hidden)]
    fn write(&self, json: &mut Vec<u8>) -> Result<(), OutputError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> TaskOutput for T {
    fn write(&self, json: &mut Vec<u8>) -> Result<(), OutputError> {
        finite_json::write(self, json)
    }
}

/// The end of an execution.
#[derive(Debug)]
pub enum Outcome {
    /// The JSON that was begun before the call, with the result at its end.
    Completed(Vec<u8>),
    /// In a box: most outcomes are none, and all of them are moved some times.
    Failed(Box<TaskFailure>),
}

/// Asks a type for its schema, which it may not have: a result type of another crate must not need one.
#[derive(Debug)]
pub struct OutputSchema<T>(PhantomData<fn() -> T>);

impl<T> OutputSchema<T> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: JsonSchema> OutputSchema<T> {
    pub fn __task_schema(self, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }
}

pub trait SchemaFallback: Sized {
    fn __task_schema(self, _: &mut SchemaGenerator) -> Option<Schema> {
        None
    }
}

impl<T> SchemaFallback for OutputSchema<T> {}
