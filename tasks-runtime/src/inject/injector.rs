//! What a value is found with.

use std::fmt;

use super::injection::Injection;
use super::providers::Providers;
use crate::context::TaskContext;

/// Gives access to what was provided, for one call.
#[derive(Clone, Copy)]
pub struct Injector<'a> {
    providers: &'a Providers,
    context: &'a TaskContext,
}

impl<'a> Injector<'a> {
    pub(crate) fn new(providers: &'a Providers, context: &'a TaskContext) -> Self {
        Self { providers, context }
    }

    /// The provided value of type `T`.
    pub fn value<T: Send + 'static>(&self) -> Injection<T> {
        match self.providers.get::<T>() {
            Some(provider) => provider.value(self.context),
            None => Injection::Absent,
        }
    }

    /// The context of the call.
    #[must_use]
    pub fn context(&self) -> &'a TaskContext {
        self.context
    }
}

impl fmt::Debug for Injector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injector")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
