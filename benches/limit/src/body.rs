//! Reading: the body in one piece, then the parameters and the span of the body that they are, in one pass.

use std::marker::PhantomData;

use actix_web::HttpRequest;
use actix_web::error::{Error, ErrorBadRequest, ErrorPayloadTooLarge, ErrorUnsupportedMediaType};
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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

/// The parameters, and `params` as it was written.
pub(crate) fn parse<'a, P: Deserialize<'a> + Default>(
    body: &'a [u8],
) -> Result<(P, &'a [u8]), Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let seed = Envelope(body, PhantomData);
    let parsed = seed
        .deserialize(&mut deserializer)
        .and_then(|parsed| deserializer.end().map(|()| parsed));
    let parsed = parsed.map_err(ErrorBadRequest)?;
    Ok(parsed.unwrap_or_else(|| (P::default(), b"{}")))
}

struct Envelope<'a, P>(&'a [u8], PhantomData<P>);

impl<'de, P: Deserialize<'de>> DeserializeSeed<'de> for Envelope<'de, P> {
    type Value = Option<(P, &'de [u8])>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, P: Deserialize<'de>> Visitor<'de> for Envelope<'de, P> {
    type Value = Option<(P, &'de [u8])>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with params")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let body = self.0;
        // Where a key is in the body: it is borrowed from it.
        let position = |key: &str| key.as_ptr() as usize - body.as_ptr() as usize;
        let mut params = None;
        let mut end = None;
        while let Some(key) = map.next_key::<&'de str>()? {
            if params.is_some() && end.is_none() {
                end = Some(before(body, position(key) - 1, b','));
            }
            if key == "params" && params.is_none() {
                let colon = position(key) + key.len() + 1;
                let blank = body[colon..]
                    .iter()
                    .position(|byte| *byte != b':' && !byte.is_ascii_whitespace());
                params = Some((map.next_value::<P>()?, colon + blank.unwrap_or_default()));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(params.map(|(params, start)| {
            let end = end.unwrap_or_else(|| before(body, body.len(), b'}'));
            (params, &body[start..end])
        }))
    }
}

/// Where the value ends that is followed by `delimiter`, the last before `end`.
fn before(body: &[u8], end: usize, delimiter: u8) -> usize {
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let end = body[..end].iter().rposition(|byte| !blank(byte));
    let end = end
        .filter(|end| body[*end] == delimiter)
        .unwrap_or_default();
    body[..end]
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_span_is_what_was_written() {
        for (body, expected) in [
            (r#"{"params":{"name":"x"}}"#, r#"{"name":"x"}"#),
            (
                " { \"x\" : [1] , \"params\" : {\"name\": \"x\"}  , \"y\":{} } \n",
                r#"{"name": "x"}"#,
            ),
            ("{}", "{}"),
        ] {
            let (_, span) =
                parse::<std::collections::HashMap<String, String>>(body.as_bytes()).unwrap();
            assert_eq!(std::str::from_utf8(span).unwrap(), expected);
        }
    }
}
