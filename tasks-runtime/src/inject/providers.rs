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
pub(crate) struct Providers {
    by_type: HashMap<TypeId, Box<dyn Any + Send + Sync>, foldhash::fast::FixedState>,
    /// The types of which each call has a value of its own.
    per_call: Vec<TypeId>,
}

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

    /// The value, where it is the same for all calls.
    #[cfg(feature = "garde")]
    pub(crate) fn fixed(&self) -> Option<T> {
        match self {
            Self::Value(clone) => Some(clone()),
            Self::PerCall(_) => None,
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
        self.by_type
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
        let type_id = TypeId::of::<T>();
        self.per_call.retain(|other| *other != type_id);
        if matches!(provider, Provider::PerCall(_)) {
            self.per_call.push(type_id);
        }
        self.by_type.insert(type_id, Box::new(provider));
    }

    pub(crate) fn get<T: Send + 'static>(&self) -> Option<&Provider<T>> {
        self.by_type.get(&TypeId::of::<T>())?.downcast_ref()
    }

    pub(crate) fn satisfies(&self, requirement: Requirement) -> bool {
        match requirement.shared {
            Some(shared) => self.by_type.contains_key(&shared) && !self.per_call.contains(&shared),
            None => self.by_type.contains_key(&requirement.type_id),
        }
    }
}
