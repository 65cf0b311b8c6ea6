//! The content type of an artifact: its media type.

use super::ArtifactError;

/// A media type, as a header may have it (RFC 9110, section 8.3.1).
pub(super) fn content_type(given: Option<String>) -> Result<String, ArtifactError> {
    let invalid = |reason| ArtifactError::InvalidContent {
        what: "content type",
        reason,
    };
    let Some(text) = given else {
        return Ok("application/octet-stream".to_owned());
    };
    let text = text.trim();
    if text.len() > 255 {
        return Err(invalid("it is longer than 255 characters"));
    }
    if !text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Err(invalid(
            "it has other characters than printable ones of ASCII",
        ));
    }
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+%'*`|~".contains(&b))
    };
    match essence.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) => {}
        _ => {
            return Err(invalid(
                "it is not of the form `type/subtype`, as `text/csv` is",
            ));
        }
    }
    let parameters = text.get(essence.len()..).unwrap_or_default();
    if !are_parameters(parameters, token) {
        return Err(invalid(
            "what follows the type is not of the form `; name=value`, as in `text/csv; charset=utf-8`",
        ));
    }
    Ok(text.to_owned())
}

/// Whether a text is parameters of a media type (RFC 9110, section 5.6.6): names with tokens or quoted strings.
fn are_parameters(text: &str, is_token: impl Fn(&str) -> bool) -> bool {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some(after) = rest.strip_prefix(';') else {
            return false;
        };
        rest = after.trim_start();
        // A semicolon too many is allowed.
        if rest.is_empty() || rest.starts_with(';') {
            continue;
        }
        let Some((name, value)) = rest.split_once('=') else {
            return false;
        };
        let end = match value.strip_prefix('"') {
            Some(quoted) => end_of_quoted(quoted).map(|end| end + 1),
            None => {
                let end = value.find([';', ' ']).unwrap_or(value.len());
                value.get(..end).is_some_and(&is_token).then_some(end)
            }
        };
        let Some(after) = end.and_then(|end| value.get(end..)) else {
            return false;
        };
        if !is_token(name) {
            return false;
        }
        rest = after.trim_start();
    }
    true
}

/// What comes after the quote that ends a quoted string.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        let of = |text: &str| content_type(Some(text.to_owned()));
        for fine in [
            "text/csv",
            "text/plain; charset=utf-8",
            "application/vnd.api+json",
            "text/plain;charset=utf-8;format=flowed ; a=b",
            "text/plain; a=\"x;y \\\" z\"; b=1",
            "text/plain;",
            "text/plain; ; a=b",
        ] {
            assert_eq!(of(fine).unwrap(), fine);
        }
        for wrong in [
            "",
            "text",
            "/",
            "text/",
            "a b/c",
            "text/csv\r\nx: y",
            "tëxt/csv",
            "text/csv; charset",
            "text/csv; charset=",
            "text/csv; =utf-8",
            "text/csv; a b=c",
            "text/csv; a=b c",
            "text/csv; a=\"b",
            "text/csv; a=\"b\"c",
            "text/csv charset=utf-8",
            "text/csv, text/plain",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
