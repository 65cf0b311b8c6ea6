//! What the executor was given.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use super::Requirement;
use super::injection::{InjectError, Injection};
use crate::context::TaskContext;

/// Values and factories by type.
#[derive(Default)]
pub(crate) struct Providers(
    HashMap<TypeId, Box<dyn Any + Send + Sync>, foldhash::fast::FixedState>,
);

type Factory<T> = Box<
    dyn Fn(TaskContext) -> Pin<Box<dyn Future<Output = Result<T, InjectError>> + Send>>
        + Send
        + Sync,
>;

/// Where values of one type come from.
pub(crate) enum Provider<T> {
    /// Clones of one value. The function knows how to clone, so that only `provide` asks for `Clone`.
    Value(Box<dyn Fn() -> T + Send + Sync>),
    PerCall(Factory<T>),
}

impl<T: Send + 'static> Provider<T> {
    pub(crate) fn value(&self, context: &TaskContext) -> Injection<T> {
        match self {
            Self::Value(clone) => Injection::Ready(clone()),
            Self::PerCall(make) => Injection::Pending(make(context.clone())),
        }
    }
}

impl Providers {
    /// Adds a value under its own type and, for those who share, under `Arc` of it.
    pub(crate) fn provide<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        let shared = Arc::new(value);
        let by_arc = Arc::clone(&shared);
        self.insert::<T>(Provider::Value(Box::new(move || T::clone(&shared))));
        // Does not replace an `Arc<T>` that was provided itself.
        self.0
            .entry(TypeId::of::<Arc<T>>())
            .or_insert_with(|| Box::new(Provider::Value(Box::new(move || Arc::clone(&by_arc)))));
    }

    pub(crate) fn provide_with<T, E, F, Fut>(&mut self, make: F)
    where
        T: Send + 'static,
        E: Into<InjectError>,
        F: Fn(TaskContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.insert::<T>(Provider::PerCall(Box::new(move |context| {
            let future = make(context);
            Box::pin(async move { future.await.map_err(Into::into) })
        })));
    }

    fn insert<T: Send + 'static>(&mut self, provider: Provider<T>) {
        self.0.insert(TypeId::of::<T>(), Box::new(provider));
    }

    pub(crate) fn get<T: Send + 'static>(&self) -> Option<&Provider<T>> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }

    pub(crate) fn satisfies(&self, requirement: Requirement) -> bool {
        self.0.contains_key(&requirement.type_id)
    }
}
