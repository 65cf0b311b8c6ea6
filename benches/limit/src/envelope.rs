//! The parameters and the span of the body that they are, in one pass.

use std::marker::PhantomData;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The parameters, and `params` as it was written.
pub(crate) fn parse<'a, P: Deserialize<'a> + Default>(
    body: &'a [u8],
) -> Result<(P, &'a [u8]), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = Envelope(body, PhantomData).deserialize(&mut deserializer)?;
    deserializer.end()?;
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
                super::parse::<std::collections::HashMap<String, String>>(body.as_bytes()).unwrap();
            assert_eq!(std::str::from_utf8(span).unwrap(), expected);
        }
    }
}
