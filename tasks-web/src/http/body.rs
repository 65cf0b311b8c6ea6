//! Reads a request's body, within limits of size and time.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

use crate::problem::Problem;

/// How large a body may be and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

impl BodyLimits {
    /// Of a call: 2 MiB unless something else is said, in 30 seconds.
    pub(crate) fn new(bytes: Option<usize>) -> Self {
        Self {
            bytes: bytes.unwrap_or(2 * 1024 * 1024),
            time: Duration::from_secs(30),
        }
    }

    /// Reads the whole body; without a copy when it came in one piece.
    pub(crate) async fn read(
        self,
        headers: &HeaderMap,
        payload: Payload,
    ) -> Result<Bytes, Problem> {
        self.read_announced(announced(headers), payload).await
    }

    /// [`read`](Self::read), where it is known what the head says of the length.
    pub(crate) async fn read_announced(
        self,
        announced: DeclaredBody,
        mut payload: Payload,
    ) -> Result<Bytes, Problem> {
        let length = announced.length;
        if length.is_some_and(|length| length > self.bytes) {
            return Err(Problem::payload_too_large(self.bytes));
        }
        if length == Some(0) {
            return Ok(Bytes::new());
        }
        let first = match at_once(&mut payload).await {
            Poll::Ready(None) => return Ok(Bytes::new()),
            Poll::Ready(Some(chunk)) => Some(self.checked(chunk)?),
            Poll::Pending => None,
        };
        if let Some(chunk) = &first
            && Some(chunk.len()) == length
        {
            return Ok(chunk.clone());
        }
        timeout(
            self.time,
            self.rest(first.unwrap_or_default(), length, payload),
        )
        .await
        .unwrap_or_else(|_| Err(Problem::request_timeout(self.time)))
    }

    async fn rest(
        self,
        first: Bytes,
        length: Option<usize>,
        mut payload: Payload,
    ) -> Result<Bytes, Problem> {
        /// What a client announces is not what it sends: beyond this, room is made when more has come.
        const ROOM: usize = 2 * 1024 * 1024;
        let room = length.unwrap_or_default().min(ROOM).max(first.len());
        let mut body = BytesMut::with_capacity(room);
        body.extend_from_slice(&first);
        while let Some(chunk) = payload.next().await {
            let chunk = self.checked(chunk)?;
            if body.is_empty() && Some(chunk.len()) == length {
                return Ok(chunk);
            }
            if body.len() + chunk.len() > self.bytes {
                return Err(Problem::payload_too_large(self.bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn checked(self, chunk: Result<Bytes, PayloadError>) -> Result<Bytes, Problem> {
        match chunk {
            Ok(chunk) if chunk.len() > self.bytes => Err(Problem::payload_too_large(self.bytes)),
            Ok(chunk) => Ok(chunk),
            Err(PayloadError::Overflow) => Err(Problem::payload_too_large(self.bytes)),
            Err(error) => Err(Problem::broken_body(error)),
        }
    }
}

/// The first piece of the body if it is there or came together with the head, which is so for small ones: they need no
/// timer. Actix calls a service before it looks at what follows the head, so it is given one turn to do that.
async fn at_once(payload: &mut Payload) -> Poll<Option<Result<Bytes, PayloadError>>> {
    let mut asked = false;
    poll_fn(|cx| match Pin::new(&mut *payload).poll_next(cx) {
        Poll::Pending if !std::mem::replace(&mut asked, true) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        first => Poll::Ready(first),
    })
    .await
}

/// What the head says of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredBody {
    /// Whether there is one. There may be one all the same, of a length that nobody knows yet.
    pub(crate) is_there: bool,
    /// How many bytes it has.
    length: Option<usize>,
}

/// Reads `Content-Length`.
pub(crate) fn announced(headers: &HeaderMap) -> DeclaredBody {
    let value = headers.get(CONTENT_LENGTH);
    DeclaredBody {
        is_there: value.is_some_and(|length| length != "0"),
        length: value
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse().ok()),
    }
}

/// Refuses a body that does not say it is JSON, or that is compressed.
///
/// One without a type is refused as well: a browser may send such a body, as well as a form, to any site it likes, and
/// asks that site first only for other types.
pub(crate) fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(CONTENT_TYPE);
    let Some(value) = types.next() else {
        return Err(Problem::unsupported_media_type(None));
    };
    if types.next().is_some() {
        return Err(Problem::unsupported_media_type_twice());
    }
    let text = String::from_utf8_lossy(value.as_bytes());
    if !is_json(&text) {
        return Err(Problem::unsupported_media_type(Some(&text)));
    }
    match charsets(&text).as_slice() {
        [] => {}
        [charset] if is_utf8(charset) => {}
        [charset] => return Err(Problem::other_charset(charset)),
        _ => return Err(Problem::repeated_charset()),
    }
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(Problem::encoded(
            &String::from_utf8_lossy(encoding.as_bytes()),
        )),
        _ => Ok(()),
    }
}

/// The charsets that a type names.
fn charsets<'a>(content_type: &'a str) -> Vec<&'a str> {
    let parameters = content_type.split(';').skip(1);
    let charset = |parameter: &'a str| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"'))
    };
    parameters.filter_map(charset).collect()
}

/// Whether JSON is written in a charset: it is UTF-8 (RFC 8259, section 8.1), of which US-ASCII is a part.
fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"]
        .iter()
        .any(|known| charset.eq_ignore_ascii_case(known))
}

/// `application/json`, or a type with the suffix `+json` (RFC 6839).
fn is_json(content_type: &str) -> bool {
    if content_type == "application/json" {
        return true;
    }
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    match essence.strip_prefix("application/") {
        Some("json") => true,
        Some(subtype) => subtype.len() > "+json".len() && subtype.ends_with("+json"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{charsets, is_json, is_utf8};

    #[test]
    fn json_is_utf_8() {
        for yes in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"; v=1",
            "application/json; Charset = us-ascii",
            "application/json; charsets=latin1",
        ] {
            assert!(charsets(yes).into_iter().all(is_utf8), "{yes}");
        }
        for (no, charset) in [
            ("application/json; charset=latin1", "latin1"),
            ("application/json;v=1;CHARSET=\"utf-16\"", "utf-16"),
            ("application/json; charset=", ""),
        ] {
            assert_eq!(
                (charsets(no), is_utf8(charset)),
                (vec![charset], false),
                "{no}"
            );
        }
    }

    #[test]
    fn json_is_recognised() {
        for yes in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/problem+json",
            "application/vnd.api+json;v=1",
        ] {
            assert!(is_json(yes), "{yes}");
        }
        for no in [
            "",
            "text/plain",
            "text/json",
            "application/+json",
            "application/x-www-form-urlencoded",
            "application/jsonl",
            "json",
        ] {
            assert!(!is_json(no), "{no}");
        }
    }
}
