//! Headers by which a client asks for a promise that not every operation gives: that a repeated request does nothing twice, and that
//! nothing is done to another version than the one it knows, or with other bytes than it sent. Where they are not heeded they are refused, for the client relies on them. So
//! is a header that says one thing and is there twice.

use actix_web::HttpRequest;
use actix_web::http::header::{
    CONTENT_RANGE, EXPECT, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, UPGRADE,
};
use actix_web::http::{Method, StatusCode};

use crate::problem::Problem;

/// The header that names a request, so that its repetition is known.
pub(crate) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers with one value, of which a reader would take the first line. The keys of a service, `Content-Type` and `Idempotency-Key` are
/// checked by their readers; `Host`, `Content-Length` and `Transfer-Encoding` by the parser of HTTP.
const ONCE: [&str; 8] = [
    "authorization",
    "content-disposition",
    "content-encoding",
    "if-range",
    "last-event-id",
    "origin",
    "range",
    "sec-fetch-site",
];

/// Refuses headers that say how to act, for operations that heed none of them but `Idempotency-Key`.
#[cold]
pub(crate) fn refuse_unheeded(request: &HttpRequest) -> Result<(), Problem> {
    let headers = request.headers();
    refuse_repeated(headers)?;
    refuse_expectations(headers)?;
    refuse_partial(headers)?;
    refuse_checksums(headers)?;
    refuse_websocket(headers)?;
    Preconditions::NONE.check(request.method(), headers)
}

/// Which preconditions an operation evaluates by itself (RFC 9110, section 13.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preconditions {
    /// `If-Match`.
    pub(crate) if_match: bool,
    /// `If-None-Match`.
    pub(crate) if_none_match: bool,
}

impl Preconditions {
    /// An operation that evaluates neither.
    pub(crate) const NONE: Self = Self {
        if_match: false,
        if_none_match: false,
    };

    /// An operation whose answer has an entity tag.
    pub(crate) const BOTH: Self = Self {
        if_match: true,
        if_none_match: true,
    };

    /// Refuses preconditions that the operation does not evaluate and that do not hold, since what it is about has no entity tag:
    /// `If-Match` with a tag, and `If-None-Match: *` of what would be written. What a `POST` is sent to has no representation of its own,
    /// so neither is taken there.
    pub(crate) fn check(self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let is_post = method == Method::POST;
        let wrong = |detail: &'static str| {
            Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                detail,
            ))
        };
        if !self.if_match && headers.contains_key(IF_MATCH) && (is_post || !is_any(headers)) {
            return wrong(
                "this has no entity tag, so `If-Match` names another version: send it without that header",
            );
        }
        if !method.is_safe() && headers.contains_key(IF_NONE_MATCH) && !is_none_match(headers) {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed-header",
                "`If-None-Match` is neither `*` alone nor a list of entity tags, like `\"v1\"`: correct it, or send it without that header",
            ));
        }
        if !self.if_none_match && !method.is_safe() && has_any(headers) {
            return wrong(
                "`If-None-Match: *` asks that nothing is there, and this is only done to what is: send it without that header",
            );
        }
        Ok(())
    }
}

/// Whether `If-Match` asks only that something is there.
fn is_any(headers: &HeaderMap) -> bool {
    let mut tags = headers.get_all(IF_MATCH);
    tags.all(|tags| tags.as_bytes().trim_ascii() == b"*")
}

/// Whether `If-None-Match` asks that nothing is there.
pub(crate) fn has_any(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(IF_NONE_MATCH);
    lines.any(|line| {
        let mut tags = line.as_bytes().split(|byte| *byte == b',');
        tags.any(|tag| tag.trim_ascii() == b"*")
    })
}

/// What `If-None-Match` of a write looks like (RFC 9110, section 13.1.2), for the document.
#[cfg(feature = "database")]
pub(crate) const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[^"]*"( *, *(W/)?"[^"]*")*)$"#;

/// Whether all lines of `If-None-Match` together are what they may be (RFC 9110, section 13.1.2).
fn is_none_match(headers: &HeaderMap) -> bool {
    let lines: Vec<_> = headers
        .get_all(IF_NONE_MATCH)
        .map(HeaderValue::as_bytes)
        .collect();
    let all = lines.join(&b',');
    all.trim_ascii() == b"*" || is_list_of_tags(&all)
}

/// Whether this is a list of entity tags (RFC 9110, section 8.8.3), which may have empty elements (section 5.6.1).
fn is_list_of_tags(mut rest: &[u8]) -> bool {
    let mut any = false;
    loop {
        rest = rest.trim_ascii_start();
        while let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        }
        if rest.is_empty() {
            return any;
        }
        rest = rest.strip_prefix(b"W/").unwrap_or(rest);
        let Some(tag) = rest.strip_prefix(b"\"") else {
            return false;
        };
        let Some(end) = tag.iter().position(|byte| *byte == b'"') else {
            return false;
        };
        rest = tag.get(end + 1..).unwrap_or_default().trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return false;
        }
        any = true;
    }
}

/// Checksums of what is sent: `Content-Digest` and `Repr-Digest` (RFC 9530), and what was there before them.
const CHECKSUMS: [&str; 4] = ["content-digest", "content-md5", "digest", "repr-digest"];

/// Refuses checksums, which nothing compares with what is sent.
pub(crate) fn refuse_checksums(headers: &HeaderMap) -> Result<(), Problem> {
    match CHECKSUMS.iter().find(|name| headers.contains_key(**name)) {
        None => Ok(()),
        Some(name) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "unverified-checksum",
            format!(
                "`{name}` is not compared with what is sent: send it without that header. An artifact that is stored shows its SHA-256 as `digest`"
            ),
        )),
    }
}

/// Refuses `Content-Range` (RFC 9110, section 14.4): what is sent is taken for all of it.
pub(crate) fn refuse_partial(headers: &HeaderMap) -> Result<(), Problem> {
    if !headers.contains_key(CONTENT_RANGE) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::BAD_REQUEST,
        "partial-body",
        "`Content-Range` says that this is a part of something, and only a whole is taken here: send all of it, without that header",
    ))
}

/// Refuses what a client expects besides `100-continue`, which the server of HTTP does (RFC 9110, section 10.1.1).
pub(crate) fn refuse_expectations(headers: &HeaderMap) -> Result<(), Problem> {
    let is_known = |line: &HeaderValue| {
        let mut members = line.as_bytes().split(|byte| *byte == b',');
        members.all(|member| {
            let member = member.trim_ascii();
            member.is_empty() || member.eq_ignore_ascii_case(b"100-continue")
        })
    };
    if headers.get_all(EXPECT).all(is_known) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::EXPECTATION_FAILED,
        "expectation-failed",
        "`Expect` has something else than `100-continue`, which is all that can be expected here",
    ))
}

/// Refuses `Upgrade: websocket` (RFC 9110, section 7.8): from then on, all that is sent would be taken for the body.
pub(crate) fn refuse_websocket(headers: &HeaderMap) -> Result<(), Problem> {
    let mut protocols = headers.get_all(UPGRADE);
    if !protocols.any(|name| {
        name.as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"websocket")
    }) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::BAD_REQUEST,
        "no-websocket",
        "nothing here speaks WebSocket: send the request without `Upgrade`",
    ))
}

/// Whether a request has none of the headers of this file, and no header twice, as most have not: one look at each name, and no look-up.
pub(crate) fn is_plain(headers: &HeaderMap) -> bool {
    // All names of this file but those of checksums begin with the same letter.
    let is_named = |name: &HeaderName| {
        let text = name.as_str();
        text.starts_with('i')
            || *name == CONTENT_RANGE
            || *name == EXPECT
            || *name == UPGRADE
            || CHECKSUMS.contains(&text)
    };
    has_one_line_each(headers) && !headers.keys().any(is_named)
}

fn has_one_line_each(headers: &HeaderMap) -> bool {
    headers.len() == headers.len_keys()
}

/// Refuses a header that is there twice and says one thing.
pub(crate) fn refuse_repeated(headers: &HeaderMap) -> Result<(), Problem> {
    if has_one_line_each(headers) {
        return Ok(());
    }
    refuse_lines(headers)
}

#[cold]
fn refuse_lines(headers: &HeaderMap) -> Result<(), Problem> {
    let twice = ONCE.iter().find(|name| headers.get_all(**name).count() > 1);
    match twice {
        None => Ok(()),
        Some(name) => Err(Problem::repeated_header(name)),
    }
}

/// Refuses `Idempotency-Key`; `instead` says what to do.
pub(crate) fn refuse_idempotency_key(headers: &HeaderMap, instead: &str) -> Result<(), Problem> {
    if !headers.contains_key(&IDEMPOTENCY_KEY) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key",
        format!(
            "`Idempotency-Key` is not heeded here, so a repeated request would do it again: {instead}"
        ),
    ))
}

/// Refuses `If-Match` of what is not there (RFC 9110, section 13.1.1).
#[cfg(feature = "database")]
pub(crate) fn refuse_missing(headers: &HeaderMap) -> Result<(), Problem> {
    if !headers.contains_key(IF_MATCH) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition-failed",
        "there is none of this name, so `If-Match` does not hold",
    ))
}

#[cfg(test)]
mod tests {
    use super::is_list_of_tags;

    #[test]
    fn lists_of_entity_tags() {
        for list in [r#""a""#, r#"W/"a", "b,c""#, r#" , "a",,"" "#] {
            assert!(is_list_of_tags(list.as_bytes()), "{list}");
        }
        for list in ["", ",", "a", r#""a"#, r#""a" "b""#, r#"*, "a""#, r#"w/"a""#] {
            assert!(!is_list_of_tags(list.as_bytes()), "{list}");
        }
    }
}
