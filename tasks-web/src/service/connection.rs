//! A connection whose client may close its own side when it has sent its request, and still gets the answer.
//!
//! The end of what a client sends does not tell whether it still listens. A client that does not answers the next byte that
//! it is sent with a reset; so an answer that is long in coming is preceded by `100 Continue`, which clients are to ignore
//! (RFC 9110, section 15.2). HTTP/1.0 has no such thing: there the system is told to look after the connection, which takes
//! about a minute.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{Sleep, sleep};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::http::{ConnectionState, OpenConnections, PendingResponse};

/// How often a client that sends nothing more is looked after; and how long an answer may take without an interim one.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// What a request holds at most before its reader is waited for. Not all that has been read of a longer body need have reached
/// its reader, and the end would take its place.
const UNREAD: usize = 32 * 1024;
/// The longest that the end of such a body is held back.
const HOLD: Duration = Duration::from_secs(5);
/// How long a client may read nothing of what it is sent.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How much is read of a body in chunks whose request has its answer, so that the client gets to read that.
const DISCARDED: usize = 1024 * 1024;
/// For how long such a body is read.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);
/// What finds out whether somebody still listens.
const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A TCP connection as the server sees it.
pub(super) struct Connection {
    stream: TcpStream,
    exchange: ConnectionState,
    /// Bytes that were read since the last ones were written.
    unanswered: usize,
    /// What is still to be written of the interim answer.
    interim: &'static [u8],
    ended: Option<EndedInput>,
    /// What is read of a body that is of no use.
    discarded: Option<Discarded>,
    /// Since when there is no room for more of what the client is sent.
    full: Option<Instant>,
    /// Looks after that. It is kept: a large response is full now and then, and goes on soon.
    timeout: Option<Pin<Box<Sleep>>>,
}

/// A body whose request has its answer. It is read for the next request on the connection, within bounds.
struct Discarded {
    bytes: usize,
    timeout: Pin<Box<Sleep>>,
}

/// A connection whose client sends nothing more.
struct EndedInput {
    since: Instant,
    next: Pin<Box<Sleep>>,
    /// Whether the server was not told yet.
    held: bool,
    /// Whether something was done to find out if somebody listens.
    asked: bool,
    /// How the connection broke off.
    broken: Option<io::ErrorKind>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, connections: &Arc<OpenConnections>) -> Self {
        Self {
            stream,
            exchange: ConnectionState::new(connections),
            unanswered: 0,
            interim: &[],
            ended: None,
            discarded: None,
            full: None,
            timeout: None,
        }
    }

    pub(super) fn exchange(&self) -> &ConnectionState {
        &self.exchange
    }

    #[cold]
    fn end(&mut self, broken: Option<io::ErrorKind>) {
        self.exchange.end();
        self.ended = Some(EndedInput {
            since: Instant::now(),
            next: Box::pin(sleep(POLL_INTERVAL)),
            held: broken.is_none(),
            asked: false,
            broken,
        });
    }

    /// Ready when too much has been read of a body that is of no use, or for too long.
    #[cold]
    fn poll_discarded(&mut self, read: usize, cx: &mut Context<'_>) -> Poll<()> {
        let discarded = self.discarded.get_or_insert_with(|| Discarded {
            bytes: 0,
            timeout: Box::pin(sleep(DISCARD_TIMEOUT)),
        });
        discarded.bytes = discarded.bytes.saturating_add(read);
        if discarded.bytes > DISCARDED {
            return Poll::Ready(());
        }
        discarded.timeout.as_mut().poll(cx)
    }

    /// Tells the server that there is nothing more to read; not while it may still have something of a long body in hand.
    #[cold]
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let may_have_more =
            self.unanswered > UNREAD && self.exchange.awaited() != PendingResponse::Nothing;
        let Some(ended) = &mut self.ended else {
            return Poll::Ready(Ok(()));
        };
        if ended.held && may_have_more && ended.since.elapsed() < HOLD {
            return self.poll_look(cx).map(Err);
        }
        ended.held = false;
        Poll::Ready(Ok(()))
    }

    /// Ready with an error when the client is gone; else it is looked after again in a while.
    #[cold]
    fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let Some(ended) = &mut self.ended else {
                return Poll::Pending;
            };
            if let Some(kind) = ended.broken {
                return Poll::Ready(kind.into());
            }
            if ended.next.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            ended.next.as_mut().reset(Instant::now() + POLL_INTERVAL);
            match self.stream.take_error() {
                Ok(None) => {}
                Ok(Some(error)) | Err(error) => {
                    ended.broken = Some(error.kind());
                    return Poll::Ready(error);
                }
            }
            if !ended.asked {
                ended.asked = true;
                match self.exchange.awaited() {
                    // Who gets an answer just now finds out by that.
                    PendingResponse::Nothing => ended.asked = false,
                    PendingResponse::Plain => watch(&self.stream),
                    PendingResponse::Interim => self.interim = INTERIM,
                }
            }
            // It is tried again with the next look if there is no room for it now.
            if let Poll::Ready(Err(error)) = self.poll_interim(cx) {
                return Poll::Ready(error);
            }
        }
    }

    /// Ready with an error when the client has read nothing for too long.
    #[cold]
    fn poll_full(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let since = *self.full.get_or_insert_with(Instant::now);
        let timeout = self
            .timeout
            .get_or_insert_with(|| Box::pin(sleep(UNREAD_TIMEOUT)));
        loop {
            ready!(timeout.as_mut().poll(cx));
            if since.elapsed() >= UNREAD_TIMEOUT {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            // It began before the client read last.
            timeout.as_mut().reset(since + UNREAD_TIMEOUT);
        }
    }

    /// Writes what is left of the interim answer.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.interim.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, self.interim))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.interim = self.interim.get(written..).unwrap_or_default();
        }
        Poll::Ready(Ok(()))
    }
}

/// Has the system find out whether the client is there.
#[cfg(unix)]
fn watch(stream: &TcpStream) {
    use rustix::net::sockopt;
    const IDLE: Duration = Duration::from_secs(10);
    // Without it the connection is held until the answer is written: nothing is wrong then.
    _ = sockopt::set_tcp_keepidle(stream, IDLE);
    _ = sockopt::set_tcp_keepintvl(stream, IDLE);
    _ = sockopt::set_socket_keepalive(stream, true);
}

#[cfg(not(unix))]
fn watch(_: &TcpStream) {}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ended.is_some() {
            return this.poll_end(cx);
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(cx, buf);
        if this.exchange.is_answered() {
            let read = buf.filled().len() - before;
            if this.poll_discarded(read, cx).is_ready() {
                buf.set_filled(before);
                this.end(None);
                return this.poll_end(cx);
            }
        } else if this.discarded.is_some() {
            this.discarded = None;
        }
        match ready!(result) {
            Ok(()) => match buf.filled().len() - before {
                0 => {
                    this.end(None);
                    this.poll_end(cx)
                }
                read => {
                    this.unanswered = this.unanswered.saturating_add(read);
                    Poll::Ready(Ok(()))
                }
            },
            Err(error) => {
                // The server may take this for the end of what is sent.
                this.end(Some(error.kind()));
                Poll::Ready(Err(error))
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_interim(cx))?;
        let Poll::Ready(written) = Pin::new(&mut this.stream).poll_write(cx, buf) else {
            return this.poll_full(cx).map(Err);
        };
        this.full = None;
        this.unanswered = 0;
        Poll::Ready(written)
    }

    /// Called when all that there is to write has been written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(ended) = &mut this.ended else {
            return Pin::new(&mut this.stream).poll_flush(cx);
        };
        if ended.held && this.exchange.awaited() == PendingResponse::Nothing {
            // It need not be any longer.
            ended.held = false;
            cx.waker().wake_by_ref();
        }
        match this.poll_look(cx) {
            Poll::Ready(error) => Poll::Ready(Err(error)),
            Poll::Pending => Pin::new(&mut this.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
