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
pub(crate) struct ConnectionState(Rc<ConnectionInner>);

#[derive(Debug)]
struct ConnectionInner {
    connections: Arc<OpenConnections>,
    awaited: Cell<PendingResponse>,
    ended: Cell<bool>,
    /// Whether a request has said that none follows it.
    had_last: Cell<bool>,
    /// Whether the last request has its whole answer, and what is left of its body is of no use.
    answered: Cell<bool>,
}

/// Which answer is still to come, with all bytes of those before it written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PendingResponse {
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
pub(crate) struct PendingResponseGuard(Option<ConnectionState>);

/// The answer to a request, whose body may still be coming, for as long as this lives.
#[derive(Debug)]
pub(crate) struct AnswerGuard(ConnectionState);

/// All connections of a server.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    open: AtomicUsize,
    closing: AtomicBool,
}

impl OpenConnections {
    /// From now on who gets an answer is told that the connection ends with it.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Whether there is any connection.
    pub(crate) fn are_used(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }
}

impl ConnectionState {
    /// Of a new connection.
    pub(crate) fn new(connections: &Arc<OpenConnections>) -> Self {
        connections.open.fetch_add(1, Ordering::Relaxed);
        Self(Rc::new(ConnectionInner {
            connections: Arc::clone(connections),
            awaited: Cell::default(),
            ended: Cell::default(),
            had_last: Cell::default(),
            answered: Cell::default(),
        }))
    }

    fn is_closing(&self) -> bool {
        self.0.connections.closing.load(Ordering::Relaxed)
    }

    /// Whether a request before this one has said that none follows it. A server does not process those that do (RFC 9112, section 9.6).
    pub(crate) fn had_last(&self) -> bool {
        self.0.had_last.get()
    }

    /// Marks the answer to a request as awaited; nothing where there is no exchange.
    pub(crate) fn await_answer(
        connection_state: Option<Self>,
        request: &RequestHead,
    ) -> PendingResponseGuard {
        if let Some(Self(state)) = &connection_state {
            if request.connection_type() == ConnectionType::Close {
                state.had_last.set(true);
            }
            state.answered.set(false);
            state.awaited.set(match request.version {
                Version::HTTP_11 => PendingResponse::Interim,
                _ => PendingResponse::Plain,
            });
        }
        PendingResponseGuard(connection_state)
    }

    pub(crate) fn awaited(&self) -> PendingResponse {
        self.0.awaited.get()
    }

    /// Whether all of the last answer was made while the body of its request was still coming, in chunks.
    pub(crate) fn is_answered(&self) -> bool {
        self.0.answered.get()
    }

    /// The client sends nothing more: it has closed the connection, or its own side of it.
    pub(crate) fn end(&self) {
        self.0.ended.set(true);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.ended.get()
    }
}

impl Drop for ConnectionInner {
    fn drop(&mut self) {
        self.connections.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PendingResponseGuard {
    /// Watches the answer to the end; nothing where there is no exchange.
    pub(crate) fn answer(&self) -> Option<AnswerGuard> {
        self.0.clone().map(AnswerGuard)
    }

    /// Whether this answer is to be the last one on its connection.
    pub(crate) fn is_closing(&self) -> bool {
        self.0.as_ref().is_some_and(ConnectionState::is_closing)
    }
}

impl Drop for AnswerGuard {
    fn drop(&mut self) {
        self.0.0.answered.set(true);
    }
}

impl Drop for PendingResponseGuard {
    fn drop(&mut self) {
        if let Some(ConnectionState(state)) = &self.0 {
            state.awaited.set(PendingResponse::Nothing);
        }
    }
}
