//! What a connection and the request that is being answered on it know of each other.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use actix_web::dev::RequestHead;
use actix_web::http::{ConnectionType, Version};

/// Shared by a connection and its requests, of which one is answered at a time. There is none where the server is not the
/// service's own.
#[derive(Clone, Debug)]
pub(crate) struct Exchange(Rc<State>);

#[derive(Debug)]
struct State {
    doors: Arc<Doors>,
    awaited: Cell<Awaited>,
    ended: Cell<bool>,
    /// Whether a request has said that none follows it.
    had_last: Cell<bool>,
}

/// Which answer is still to come, with all bytes of those before it written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// None, or its head is being written already.
    #[default]
    Nothing,
    /// One that no interim answer may stand before: HTTP/1.0 knows none (RFC 9110, section 15.2).
    Plain,
    /// One that interim answers may stand before.
    Interim,
}

/// A request that has no answer yet, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Awaiting(Option<Exchange>);

/// All connections of a server.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    open: AtomicUsize,
    closing: AtomicBool,
}

impl Doors {
    /// From now on who gets an answer is told that the connection ends with it.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Whether there is any connection.
    pub(crate) fn are_used(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }
}

impl Exchange {
    /// Of a new connection.
    pub(crate) fn new(doors: &Arc<Doors>) -> Self {
        doors.open.fetch_add(1, Ordering::Relaxed);
        Self(Rc::new(State {
            doors: Arc::clone(doors),
            awaited: Cell::default(),
            ended: Cell::default(),
            had_last: Cell::default(),
        }))
    }

    fn is_closing(&self) -> bool {
        self.0.doors.closing.load(Ordering::Relaxed)
    }

    /// Whether a request before this one has said that none follows it. A server does not process those that do (RFC 9112, section 9.6).
    pub(crate) fn had_last(&self) -> bool {
        self.0.had_last.get()
    }

    /// Marks the answer to a request as awaited; nothing where there is no exchange.
    pub(crate) fn await_answer(exchange: Option<Self>, request: &RequestHead) -> Awaiting {
        if let Some(Self(state)) = &exchange {
            if request.connection_type() == ConnectionType::Close {
                state.had_last.set(true);
            }
            state.awaited.set(match request.version {
                Version::HTTP_11 => Awaited::Interim,
                _ => Awaited::Plain,
            });
        }
        Awaiting(exchange)
    }

    pub(crate) fn awaited(&self) -> Awaited {
        self.0.awaited.get()
    }

    /// The client sends nothing more: it has closed the connection, or its own side of it.
    pub(crate) fn end(&self) {
        self.0.ended.set(true);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.ended.get()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.doors.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Awaiting {
    /// Whether this answer is to be the last one on its connection.
    pub(crate) fn is_closing(&self) -> bool {
        self.0.as_ref().is_some_and(Exchange::is_closing)
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        if let Some(Exchange(state)) = &self.0 {
            state.awaited.set(Awaited::Nothing);
        }
    }
}
