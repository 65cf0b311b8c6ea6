//! What the headers of a request say of its message (2026-07-28, Request Metadata), and by which version it is to be answered.

use std::borrow::Cow;

use actix_web::http::header::{HeaderMap, HeaderName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{ErrorCode, McpError};
use super::message::Message;
use super::request::named;
use super::version::Version;

const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// The member of `_meta` that has the version.
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The member of `_meta` that says what the client can do.
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The version of a request over HTTP.
pub(super) fn version(headers: &HeaderMap, message: &Message<'_>) -> Result<Version, McpError> {
    let mut sent = headers.get_all(&PROTOCOL_VERSION);
    let header = sent
        .next()
        .map(|value| value.to_str().unwrap_or("?").trim());
    if sent.next().is_some() {
        return Err(mismatch(
            "the header `MCP-Protocol-Version` is there twice".to_owned(),
        ));
    }
    let in_meta = message.meta.text(META_VERSION);
    let says_nothing = matches!(in_meta, Ok(None));
    let known = header.and_then(Version::of);
    match (header, known) {
        // Clients before 2025-06-18 send none.
        (None, _) if says_nothing => Ok(Version::V2025_03_26),
        (None, _) => Err(mismatch(
            "the header `MCP-Protocol-Version` is missing".to_owned(),
        )),
        (Some(header), Some(version)) if !version.is_stateless() => match in_meta {
            Ok(Some(other)) if other != header => Err(version_mismatch(header, &other)),
            _ => Ok(version),
        },
        (Some(header), None) if says_nothing => Err(McpError::unsupported_version(header)),
        (Some(header), _) => {
            let wanted = stateless_version(message)?;
            if wanted != header {
                return Err(version_mismatch(header, &wanted));
            }
            known.ok_or_else(|| McpError::unsupported_version(header))
        }
    }
}

/// The version of a request by itself, where there are no headers; `None` when it says none, as clients before 2026-07-28 do.
pub(super) fn version_in(message: &Message<'_>) -> Result<Option<Version>, McpError> {
    if matches!(message.meta.text(META_VERSION), Ok(None)) {
        return Ok(None);
    }
    let wanted = stateless_version(message)?;
    match Version::of(&wanted) {
        Some(version) => Ok(Some(version)),
        None => Err(McpError::unsupported_version(&wanted)),
    }
}

/// What each request has to say from 2026-07-28 on.
fn stateless_version<'a>(message: &Message<'a>) -> Result<Cow<'a, str>, McpError> {
    let version = message.meta.text(META_VERSION);
    let Ok(Some(version)) = version else {
        return Err(McpError::malformed(format!(
            "`_meta` lacks `{META_VERSION}`, which is a text"
        )));
    };
    if !message
        .meta
        .get(META_CAPABILITIES)
        .is_some_and(|json| json.starts_with('{'))
    {
        return Err(McpError::malformed(format!(
            "`_meta` lacks `{META_CAPABILITIES}`, which is an object"
        )));
    }
    Ok(version)
}

/// Compares the method that the headers say with that of the message.
pub(super) fn check_method(headers: &HeaderMap, message: &Message<'_>) -> Result<(), McpError> {
    check(headers, &METHOD, "Mcp-Method", &message.method)
}

/// Compares the name that the headers say, of what a request is about, with that in the message.
pub(super) fn check_name(headers: &HeaderMap, message: &Message<'_>) -> Result<(), McpError> {
    let Some(member) = named(message) else {
        return Ok(());
    };
    let Ok(Some(value)) = message.params.text(member) else {
        // That it lacks one is said for itself.
        return Ok(());
    };
    check(headers, &NAME, "Mcp-Name", &value)
}

fn check(
    headers: &HeaderMap,
    header: &HeaderName,
    spelled: &str,
    expected: &str,
) -> Result<(), McpError> {
    let mut sent = headers.get_all(header);
    let (Some(value), None) = (sent.next(), sent.next()) else {
        return Err(mismatch(format!(
            "the header `{spelled}` has to be there once"
        )));
    };
    let Some(value) = value.to_str().ok().map(str::trim).and_then(decoded) else {
        return Err(mismatch(format!("the header `{spelled}` cannot be read")));
    };
    if value == expected {
        return Ok(());
    }
    let short = |text: &str| text.chars().take(100).collect::<String>();
    Err(mismatch(format!(
        "the header `{spelled}` says `{}`, and the message `{}`",
        short(&value),
        short(expected)
    )))
}

/// The value of a header, which may be in base64 (2026-07-28, Value Encoding).
fn decoded(value: &str) -> Option<Cow<'_, str>> {
    let encoded = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="));
    match encoded {
        None => Some(Cow::Borrowed(value)),
        Some(encoded) => {
            let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
            Some(Cow::Owned(text))
        }
    }
}

fn mismatch(message: String) -> McpError {
    McpError::new(ErrorCode::HeaderMismatch, message)
}

fn version_mismatch(header: &str, meta: &str) -> McpError {
    let short = |text: &str| text.chars().take(100).collect::<String>();
    mismatch(format!(
        "the header `MCP-Protocol-Version` says `{}`, and the message `{}`",
        short(header),
        short(meta)
    ))
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn values_may_be_in_base64() {
        assert_eq!(decoded("greet").as_deref(), Some("greet"));
        assert_eq!(decoded("=?base64?SGVsbG8=?=").as_deref(), Some("Hello"));
        assert_eq!(decoded("=?base64?SGVsbG8?="), None);
        assert_eq!(decoded("=?base64?SGVs!!!bG8=?="), None);
        assert_eq!(
            decoded("=?base64?SGVsbG8=").as_deref(),
            Some("=?base64?SGVsbG8=")
        );
    }
}
