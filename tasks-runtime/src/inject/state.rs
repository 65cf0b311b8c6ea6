//! Injection of types from other crates.

use std::ops::{Deref, DerefMut};

use super::{Injectable, Injection, Injector, Requirements};

/// A provided value whose type belongs to another crate.
///
/// `Injectable` cannot be implemented for it (the orphan rule), so the parameter says where it comes from:
///
/// ```
/// use std::time::SystemTime;
/// use tasks_runtime::prelude::*;
///
/// #[task]
/// async fn uptime(started: State<SystemTime>) -> u64 {
///     started.elapsed().map_or(0, |elapsed| elapsed.as_secs())
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<T>(pub T);

impl<T: Send + 'static> Injectable for State<T> {
    fn requires(requirements: &mut Requirements) {
        requirements.require::<T>();
    }

    fn inject(injector: &Injector<'_>) -> Injection<Self> {
        injector.value::<T>().map(State)
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for State<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
