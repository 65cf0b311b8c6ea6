//! Async closures whose futures can move between threads.

/// An async closure of one argument whose future is `Send`. Implemented for all that are; there is nothing else to it.
///
/// `AsyncFnOnce` alone cannot say that about its future in today's Rust. diesel-async has the same helper for its
/// transactions, where it is private.
pub trait AsyncClosure<Argument, Output>:
    AsyncFnOnce(Argument) -> Output
    + FnOnce(Argument) -> <Self as AsyncClosure<Argument, Output>>::Running
{
    /// The future.
    type Running: Future<Output = Output>;
}

impl<F, Argument, Running, Output> AsyncClosure<Argument, Output> for F
where
    F: AsyncFnOnce(Argument) -> Output + FnOnce(Argument) -> Running,
    Running: Future<Output = Output>,
{
    type Running = Running;
}

/// An async closure of one argument that can run again, and whose futures are `Send`. Implemented for all that are, as [`AsyncClosure`] is.
pub trait RepeatableClosure<Argument, Output>:
    AsyncFn(Argument) -> Output + Fn(Argument) -> <Self as RepeatableClosure<Argument, Output>>::Running
{
    /// The future.
    type Running: Future<Output = Output>;
}

impl<F, Argument, Running, Output> RepeatableClosure<Argument, Output> for F
where
    F: AsyncFn(Argument) -> Output + Fn(Argument) -> Running,
    Running: Future<Output = Output>,
{
    type Running = Running;
}
