//! The body in one piece.

use actix_web::HttpRequest;
use actix_web::error::{Error, ErrorPayloadTooLarge, ErrorUnsupportedMediaType};
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

const LIMIT: usize = 2 * 1024 * 1024;

/// The whole body, without a copy when it came in one piece.
pub(crate) async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Error> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if !header(CONTENT_TYPE).is_some_and(|text| text.eq_ignore_ascii_case("application/json")) {
        return Err(ErrorUnsupportedMediaType("send JSON"));
    }
    let length: usize = header(CONTENT_LENGTH)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    if length > LIMIT {
        return Err(ErrorPayloadTooLarge("too large"));
    }
    let Some(first) = payload.next().await.transpose()? else {
        return Ok(Bytes::new());
    };
    if first.len() == length {
        return Ok(first);
    }
    let mut body = BytesMut::with_capacity(length.max(first.len()));
    body.extend_from_slice(&first);
    while let Some(chunk) = payload.next().await.transpose()? {
        if body.len() + chunk.len() > LIMIT {
            return Err(ErrorPayloadTooLarge("too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
