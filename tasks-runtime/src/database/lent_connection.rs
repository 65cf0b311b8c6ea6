//! A connection that is lent.

use std::future::Future;

use deadpool::managed::{self, Object};
use tokio::runtime::Handle;

/// Makes connections of one kind.
pub(super) trait Manager: managed::Manager<Type: Send, Error: std::fmt::Display> {
    /// Ends what a connection is doing and closes it. The place in the pool is free when this is done.
    fn discard(object: Object<Self>) -> impl Future<Output = ()> + Send
    where
        Self: Sized;
}

/// A connection out of the pool. It goes back only after [`LentConnection::give_back`]: one that is dropped, because its closure was
/// abandoned, may have a transaction open or a query running, and is closed.
pub(super) struct LentConnection<M: Manager + 'static> {
    /// `None` once it was given back.
    object: Option<Object<M>>,
    background: Handle,
}

impl<M: Manager + 'static> LentConnection<M> {
    pub(super) fn new(object: Object<M>, background: Handle) -> Self {
        Self {
            object: Some(object),
            background,
        }
    }

    pub(super) fn get_mut(&mut self) -> &mut M::Type {
        let object = self.object.as_deref_mut();
        object.expect("only `give_back` takes it, and that consumes the lease")
    }

    /// Puts it back into the pool: it is as it was lent.
    pub(super) fn give_back(mut self) {
        self.object = None;
    }
}

impl<M: Manager + 'static> Drop for LentConnection<M> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            self.background.spawn(M::discard(object));
        }
    }
}
