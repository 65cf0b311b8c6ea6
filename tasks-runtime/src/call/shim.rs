//! Between a task's function and the executor: the code that decodes, injects, calls and writes the result.
//!
//! It is generic over the function and its parameters, so that it is checked here, once, and `#[task]` generates one
//! call of [`asynchronous`] or [`blocking`] with a closure that names the function.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::any::{TypeId, type_name};
use std::future::poll_fn;

use schemars::{Schema, SchemaGenerator};

use super::error::ExecuteError;
use super::pending::PendingCall;
use super::pending::read;
use super::returned::TaskReturn;
use super::run::{Run, Running, Started};
use super::target::CallTarget;
use crate::arguments::{AnyArgCells, AnySlot, Input, InvalidArguments, Slots};
use crate::inject::{Providers, Requirements};
use crate::task::Outcome;

/// A task's function as the executor sees it.
pub trait Shim: Sync {
    /// Reads the arguments; the future waits for its turn, injects and runs the function.
    ///
    /// # Errors
    ///
    /// All that is wrong with the arguments.
    fn start(&'static self, call: PendingCall<'_>) -> Result<Started, InvalidArguments>;
    /// Reads the arguments, and nothing more.
    ///
    /// # Errors
    ///
    /// All that is wrong with the arguments.
    fn check(&'static self, call: CheckCall<'_>) -> Result<(), InvalidArguments>;
    fn slot(&self, index: usize) -> Option<&dyn AnySlot>;
    fn info(&self) -> &FunctionInfo;
    /// What the rules of its arguments need from the executor.
    fn rules_require(&self) -> &[RuleRequires] {
        &[]
    }
}

/// What the rules of one parameter, which is named by its index, need from the executor.
pub(super) type RuleRequires = (usize, fn(&mut Requirements));

/// The arguments of a call that is not run.
pub struct CheckCall<'a> {
    pub(crate) target: &'a CallTarget,
    pub(crate) providers: &'a Providers,
    pub(crate) input: Input<'a>,
}

/// What is known of a function beside how to call it.
pub struct FunctionInfo {
    /// Identifies the function: function items have types of their own.
    pub(crate) id: fn() -> TypeId,
    /// Whether it is not `async`, and so runs on the blocking pool.
    pub(crate) blocking: bool,
    pub(crate) output_schema: fn(&mut SchemaGenerator) -> Option<Schema>,
    /// The whole path of the type that it returns.
    pub(crate) output_type: fn() -> &'static str,
    /// The type of its errors; `None` when it returns no `Result`.
    pub(crate) error_type: Option<fn() -> TypeId>,
}

/// Turns what the function returned into the end of the execution.
pub type Finish<R> = fn(TaskReturn<R>, Run) -> Outcome;

/// A function with its parameters.
pub struct FunctionShim<S: Slots, F: 'static, R: 'static> {
    info: FunctionInfo,
    pub(super) slots: S,
    call: F,
    finish: Finish<R>,
    /// Begins a run whose arguments were read, as the kind of the function asks for.
    pub(super) run: fn(&'static Self, Run, S::ArgCells) -> Running,
}

/// The shim of an `async` function.
pub const fn asynchronous<Function, S, F, Fut, R>(
    _: Function,
    slots: S,
    call: F,
    finish: Finish<R>,
    output_schema: fn(&mut SchemaGenerator) -> Option<Schema>,
    error_type: Option<fn() -> TypeId>,
) -> FunctionShim<S, F, R>
where
    Function: Copy + 'static,
    S: Slots,
    F: Fn(S::ArgCells) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
{
    FunctionShim {
        info: FunctionInfo {
            id: TypeId::of::<Function>,
            blocking: false,
            output_schema,
            output_type: type_name::<R>,
            error_type,
        },
        slots,
        call,
        finish,
        run: |shim, run, cells| Box::pin(run_async(run, cells, shim.call, shim.finish)),
    }
}

/// The shim of a function that is not `async`.
pub const fn blocking<Function, S, F, R>(
    _: Function,
    slots: S,
    call: F,
    finish: Finish<R>,
    output_schema: fn(&mut SchemaGenerator) -> Option<Schema>,
    error_type: Option<fn() -> TypeId>,
) -> FunctionShim<S, F, R>
where
    Function: Copy + 'static,
    S: Slots,
    F: Fn(S::ArgCells) -> R + Copy + Send + Sync + 'static,
{
    FunctionShim {
        info: FunctionInfo {
            id: TypeId::of::<Function>,
            blocking: true,
            output_schema,
            output_type: type_name::<R>,
            error_type,
        },
        slots,
        call,
        finish,
        run: |shim, run, cells| Box::pin(run_blocking(run, cells, shim.call, shim.finish)),
    }
}

impl<S: Slots, F: Sync + 'static, R: 'static> Shim for FunctionShim<S, F, R> {
    fn start(&'static self, call: PendingCall<'_>) -> Result<Started, InvalidArguments> {
        let mut cells = self.slots.cells();
        let run = call.decode(&mut cells)?;
        let context = run.context.clone();
        let running = (self.run)(self, run, cells);
        Ok(Started { running, context })
    }

    fn check(&'static self, call: CheckCall<'_>) -> Result<(), InvalidArguments> {
        read(call.input, call.target, &mut self.slots.cells()).map(drop)
    }

    fn slot(&self, index: usize) -> Option<&dyn AnySlot> {
        self.slots.get(index)
    }

    fn info(&self) -> &FunctionInfo {
        &self.info
    }
}

pub(crate) async fn run_async<C: AnyArgCells, Fut: Future>(
    mut run: Run,
    mut cells: C,
    call: impl FnOnce(C) -> Fut,
    finish: Finish<Fut::Output>,
) -> Result<Outcome, Box<ExecuteError>> {
    poll_fn(|cx| run.poll_ready(cx, &mut cells)).await?;
    let result = call(cells).await;
    Ok(finish(TaskReturn(result), run))
}

pub(crate) async fn run_blocking<C: AnyArgCells + Send + 'static, R: 'static>(
    mut run: Run,
    mut cells: C,
    call: impl FnOnce(C) -> R + Send + 'static,
    finish: Finish<R>,
) -> Result<Outcome, Box<ExecuteError>> {
    poll_fn(|cx| run.poll_ready(cx, &mut cells)).await?;
    let task = move |run| finish(TaskReturn(call(cells)), run);
    Ok(run.blocking(Box::new(task)).await)
}
