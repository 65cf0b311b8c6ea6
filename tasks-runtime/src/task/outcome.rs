//! What a task returns, on its way to JSON.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::finite::{self, OutputError};
use super::{IntoTaskFailure, TaskFailure};
use crate::execute::Run;

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
        finite::write(self, json)
    }
}

/// The end of an execution.
#[derive(Debug)]
pub enum Outcome {
    /// The JSON that was begun before the call, with the result at its end.
    Completed(Vec<u8>),
    Failed(TaskFailure),
}

/// What a task's function returned. `Result` and plain values are told apart without specialization: the inherent items
/// of `Ret<Result<…>>` win over those of [`PlainReturn`]. The bounds are on the methods, not on the impls, so a type
/// that does not meet them is an error in our words instead of a silent fall-through.
#[derive(Debug)]
pub struct Ret<R>(pub R);

impl<T, E> Ret<Result<T, E>> {
    pub const __TASK_OUTPUT: OutputSchema<T> = OutputSchema(PhantomData);

    pub fn __task_finish(self, run: Run) -> Outcome
    where
        T: TaskOutput,
        E: IntoTaskFailure,
    {
        match self.0 {
            Ok(value) => run.completed(&value),
            Err(error) => Outcome::Failed(error.into_task_failure(run.traceback())),
        }
    }
}

pub trait PlainReturn {
    type Value;

    const __TASK_OUTPUT: OutputSchema<Self::Value> = OutputSchema(PhantomData);

    fn __task_finish(self, run: Run) -> Outcome
    where
        Self::Value: TaskOutput;
}

impl<T> PlainReturn for Ret<T> {
    type Value = T;

    fn __task_finish(self, run: Run) -> Outcome
    where
        T: TaskOutput,
    {
        run.completed(&self.0)
    }
}

/// Asks a type for its schema, which it may not have: a result type of another crate must not need one.
#[derive(Debug)]
pub struct OutputSchema<T>(PhantomData<fn() -> T>);

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
