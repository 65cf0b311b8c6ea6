//! A response to a request whose body is sent in chunks.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use crate::http::AnswerGuard;

/// The body of a response, of which the connection finds out when all of it is made: what is left of the request is of no use then.
pub(super) struct AnswerBody {
    body: BoxBody,
    _guard: AnswerGuard,
}

impl AnswerBody {
    pub(super) fn new(body: BoxBody, guard: AnswerGuard) -> Self {
        Self {
            body,
            _guard: guard,
        }
    }
}

impl MessageBody for AnswerBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}
