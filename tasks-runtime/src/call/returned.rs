//! What a task's function returned, on its way to the end of the execution.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::any::TypeId;

use super::run::Run;
use crate::task::{IntoTaskFailure, Outcome, OutputSchema, TaskOutput};

/// What a task's function returned. `Result` and plain values are told apart without specialization: the inherent items
/// of `TaskReturn<Result<…>>` win over those of [`PlainReturn`]. The bounds are on the methods, not on the impls, so a type
/// that does not meet them is an error in our words instead of a silent fall-through.
#[derive(Debug)]
pub struct TaskReturn<R>(pub R);

impl<T, E: 'static> TaskReturn<Result<T, E>> {
    pub const __TASK_OUTPUT: OutputSchema<T> = OutputSchema::new();
    pub const __TASK_ERROR: Option<fn() -> TypeId> = Some(TypeId::of::<E>);

    pub fn __task_finish(self, run: Run) -> Outcome
    where
        T: TaskOutput,
        E: IntoTaskFailure,
    {
        match self.0 {
            Ok(value) => run.completed(&value),
            Err(error) => Outcome::Failed(Box::new(error.into_task_failure(run.traceback()))),
        }
    }
}

pub trait PlainReturn {
    type Value;

    const __TASK_OUTPUT: OutputSchema<Self::Value> = OutputSchema::new();
    const __TASK_ERROR: Option<fn() -> TypeId> = None;

    fn __task_finish(self, run: Run) -> Outcome
    where
        Self::Value: TaskOutput;
}

impl<T> PlainReturn for TaskReturn<T> {
    type Value = T;

    fn __task_finish(self, run: Run) -> Outcome
    where
        T: TaskOutput,
    {
        run.completed(&self.0)
    }
}
