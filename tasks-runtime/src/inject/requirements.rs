//! What an injected parameter needs from the executor.

use std::any::{TypeId, type_name};
#[cfg(feature = "garde")]
use std::sync::Arc;

/// Collects the types whose values an [`Injectable`](crate::Injectable) needs.
#[derive(Debug, Default)]
pub struct Requirements {
    needed: Vec<Requirement>,
    optional: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Requirement {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
    /// The type of an `Arc` of it, which has to be provided as one value for all calls.
    pub(super) shared: Option<TypeId>,
}

impl Requirements {
    /// A value of type `T` has to be provided.
    pub fn require<T: 'static>(&mut self) {
        if !self.optional {
            self.needed.push(Requirement {
                type_id: TypeId::of::<T>(),
                type_name: type_name::<T>(),
                shared: None,
            });
        }
    }

    /// A value of type `T` has to be provided that is the same for all calls.
    #[cfg(feature = "garde")]
    pub(crate) fn require_shared<T: Send + Sync + 'static>(&mut self) {
        self.needed.push(Requirement {
            type_id: TypeId::of::<T>(),
            type_name: type_name::<T>(),
            shared: Some(TypeId::of::<Arc<T>>()),
        });
    }

    /// Whatever `requires` asks for may be missing.
    pub fn optional(&mut self, requires: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.optional, true);
        requires(self);
        self.optional = outer;
    }

    pub(crate) fn of(requires: fn(&mut Self)) -> Vec<Requirement> {
        let mut requirements = Self::default();
        requires(&mut requirements);
        requirements.needed
    }
}
