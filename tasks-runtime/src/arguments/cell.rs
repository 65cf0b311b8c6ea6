//! Where the value of one argument is kept between decoding and the call.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::slot::Slot;
use super::source::Kind;
use crate::inject::{InjectError, Injection, Injector};

/// The value of one parameter for one call.
pub struct ArgCell<T: 'static> {
    slot: &'static Slot<T>,
    state: CellState<T>,
}

enum CellState<T> {
    Empty,
    Ready(T),
    Resolving(Pin<Box<dyn Future<Output = Result<T, InjectError>> + Send>>),
}

/// Why an injected parameter has no value.
#[derive(Debug)]
pub enum NotInjected {
    /// It was never provided.
    Absent,
    Failed(InjectError),
}

impl<T> ArgCell<T> {
    pub(super) const fn new(slot: &'static Slot<T>) -> Self {
        Self {
            slot,
            state: CellState::Empty,
        }
    }

    /// The value of a request parameter, which decoding has filled by the time generated code asks.
    ///
    /// # Panics
    ///
    /// When called before that, or of an injected one, which generated code does not do.
    #[allow(clippy::missing_panics_doc, reason = "documented above")]
    pub fn value(&self) -> &T {
        match &self.state {
            CellState::Ready(value) => value,
            CellState::Empty | CellState::Resolving(_) => {
                unreachable!("an argument is asked for before it is there")
            }
        }
    }

    /// The value. Decoding and injection have filled every place by the time generated code asks.
    ///
    /// # Panics
    ///
    /// When called before that, which generated code does not do.
    #[allow(clippy::missing_panics_doc, reason = "documented above")]
    #[inline]
    pub fn take(self) -> T {
        match self.state {
            CellState::Ready(value) => value,
            CellState::Empty | CellState::Resolving(_) => {
                unreachable!("an argument is taken before it is there")
            }
        }
    }
}

impl<T> fmt::Debug for ArgCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            CellState::Empty => "empty",
            CellState::Ready(_) => "ready",
            CellState::Resolving(_) => "resolving",
        };
        write!(f, "ArgCell({state})")
    }
}

/// A cell whose type is not known.
pub trait AnyArgCell {
    /// Reads a value from the start of the text, and says how long it was; `None` when it is not one.
    fn read(&mut self, json: &str) -> Option<usize>;
    /// Fills the cell as an absent parameter does; `false` when the parameter is required.
    fn absent(&mut self) -> bool;
    fn is_filled(&self) -> bool;
    fn clear(&mut self);
    /// Says what is wrong with a value that `read` refused.
    fn explain(&self, json: &str) -> (String, String);
    /// Fills the cell of an injected parameter.
    fn poll_inject(
        &mut self,
        cx: &mut Context<'_>,
        injector: &Injector<'_>,
    ) -> Poll<Result<(), NotInjected>>;
}

impl<T> AnyArgCell for ArgCell<T> {
    fn read(&mut self, json: &str) -> Option<usize> {
        let Kind::Request(functions) = &self.slot.kind else {
            return None;
        };
        let (value, length) = (functions.read)(json)?;
        self.state = CellState::Ready(value);
        Some(length)
    }

    fn absent(&mut self) -> bool {
        match self.slot.absent() {
            Some(value) => {
                self.state = CellState::Ready(value);
                true
            }
            None => false,
        }
    }

    fn is_filled(&self) -> bool {
        matches!(self.state, CellState::Ready(_))
    }

    fn clear(&mut self) {
        self.state = CellState::Empty;
    }

    fn explain(&self, json: &str) -> (String, String) {
        match &self.slot.kind {
            Kind::Request(functions) => (functions.explain)(json),
            Kind::Inject { .. } => (String::new(), "injected".to_owned()),
        }
    }

    fn poll_inject(
        &mut self,
        cx: &mut Context<'_>,
        injector: &Injector<'_>,
    ) -> Poll<Result<(), NotInjected>> {
        let Kind::Inject { inject, .. } = self.slot.kind else {
            return Poll::Ready(Ok(()));
        };
        loop {
            match &mut self.state {
                CellState::Ready(_) => return Poll::Ready(Ok(())),
                CellState::Empty => match inject(injector) {
                    Injection::Ready(value) => self.state = CellState::Ready(value),
                    Injection::Absent => return Poll::Ready(Err(NotInjected::Absent)),
                    Injection::Failed(error) => {
                        return Poll::Ready(Err(NotInjected::Failed(error)));
                    }
                    Injection::Pending(future) => self.state = CellState::Resolving(future),
                },
                CellState::Resolving(future) => match future.as_mut().poll(cx) {
                    Poll::Ready(Ok(value)) => self.state = CellState::Ready(value),
                    Poll::Ready(Err(error)) => {
                        self.state = CellState::Empty;
                        return Poll::Ready(Err(NotInjected::Failed(error)));
                    }
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}
