//! How a value reaches a parameter.

use std::error::Error;
use std::fmt;
use std::pin::Pin;

/// What [`Injectable::inject`](crate::Injectable::inject) found.
///
/// The usual case is `Ready`, which costs no allocation.
pub enum Injection<T> {
    /// The value.
    Ready(T),
    /// Nothing of this type was ever provided.
    Absent,
    /// It was provided, and cannot be had now.
    Failed(InjectError),
    /// It takes time to get.
    Pending(Pin<Box<dyn Future<Output = Result<T, InjectError>> + Send>>),
}

impl<T> Injection<T> {
    /// A value that `future` will have.
    pub fn pending<E: Into<InjectError>>(
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Self {
        Self::Pending(Box::pin(async move { future.await.map_err(Into::into) }))
    }

    /// Turns the value into another one, now or when it is there.
    pub fn map<U>(self, f: impl FnOnce(T) -> U + Send + 'static) -> Injection<U>
    where
        T: 'static,
    {
        match self {
            Self::Ready(value) => Injection::Ready(f(value)),
            Self::Absent => Injection::Absent,
            Self::Failed(error) => Injection::Failed(error),
            Self::Pending(future) => {
                Injection::Pending(Box::pin(async move { future.await.map(f) }))
            }
        }
    }
}

impl<T> fmt::Debug for Injection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(_) => f.write_str("Ready(…)"),
            Self::Absent => f.write_str("Absent"),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::Pending(_) => f.write_str("Pending(…)"),
        }
    }
}

/// Why a dependency that was provided cannot be had.
///
/// Made from any error with `?` or `into()`. Its text is shown to clients and in logs, so it must not hold secrets.
pub struct InjectError(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for InjectError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Debug for InjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for InjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
