//! `Content-Disposition` (RFC 6266): the name of the file of an upload, and the one under which a download is saved.

use actix_web::http::header::{Charset, ContentDisposition, DispositionParam, HeaderValue};

use crate::problem::Problem;

/// `attachment`, with the name twice: once for those who read ASCII alone, and once as it is (RFC 8187).
pub(super) fn attachment(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let mut text = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    text
}

/// The extension of a name for content that has none.
pub(super) fn extension(content_type: &str) -> &'static str {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => "json",
        "application/gzip" => "gz",
        "application/pdf" => "pdf",
        "application/zip" => "zip",
        "image/gif" => "gif",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/svg+xml" => "svg",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/markdown" => "md",
        "text/plain" => "txt",
        _ => "bin",
    }
}

/// The name of a file, as a client spells it. It may be a path, which browsers and other programs send on their own. The runtime keeps only
/// its last part when it stores the artifact, as RFC 7578, section 4.2, and RFC 6266, section 4.3, ask of those who read one.
pub(super) fn file_name(
    disposition: &ContentDisposition,
    header: Option<&HeaderValue>,
) -> Result<Option<String>, Problem> {
    if header.is_some_and(|header| has_bad_escape(header.as_bytes())) {
        return Err(malformed_disposition(
            "its `filename*` has a `%` without two hexadecimal digits after it",
        ));
    }
    let (mut plain, mut extended) = (None, None);
    for parameter in &disposition.parameters {
        if let DispositionParam::Unknown(name, _) | DispositionParam::UnknownExt(name, _) =
            parameter
            && name.to_ascii_lowercase().starts_with("filename*")
        {
            return Err(malformed_disposition(
                "its file name comes in several pieces (RFC 2231): write one `filename` or `filename*`",
            ));
        }
        let (name, known) = match parameter {
            DispositionParam::Filename(name) => (name.clone(), &mut plain),
            DispositionParam::FilenameExt(name) => {
                let is_utf8 = matches!(&name.charset, Charset::Ext(charset) if charset.eq_ignore_ascii_case("utf-8"));
                match String::from_utf8(name.value.clone()) {
                    Ok(name) if is_utf8 => (name, &mut extended),
                    _ => {
                        return Err(malformed_disposition(
                            "its `filename*` is not UTF-8: write `filename*=UTF-8''…`",
                        ));
                    }
                }
            }
            _ => continue,
        };
        if known.replace(name).is_some() {
            return Err(malformed_disposition("it names the file twice"));
        }
    }
    Ok(extended.or(plain))
}

/// Whether an extended value (RFC 8187, section 3.2.1) has a `%` that begins no octet, which a reader would take as it is.
fn has_bad_escape(header: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    let parameters = header.split(|byte| {
        let ends = *byte == b';' && !quoted;
        quoted = match byte {
            b'"' if !escaped => !quoted,
            _ => quoted,
        };
        escaped = quoted && *byte == b'\\' && !escaped;
        ends
    });
    parameters
        .filter_map(|parameter| {
            let at = parameter.iter().position(|byte| *byte == b'=')?;
            let (name, value) = parameter.split_at(at);
            name.trim_ascii().ends_with(b"*").then_some(value)
        })
        .any(|value| {
            let mut escapes = value.split(|byte| *byte == b'%').skip(1);
            escapes.any(|after| {
                let octet = after.get(..2).unwrap_or_default();
                octet.len() < 2 || !octet.iter().all(u8::is_ascii_hexdigit)
            })
        })
}

/// Whether a part of a form is named twice.
pub(super) fn has_two_names(disposition: &ContentDisposition) -> bool {
    let is_name = |parameter: &&DispositionParam| matches!(parameter, DispositionParam::Name(_));
    disposition.parameters.iter().filter(is_name).count() > 1
}

/// The header is not understood, or says two things.
pub(super) fn malformed_disposition(reason: &str) -> Problem {
    Problem::broken_body(format!("`Content-Disposition` is refused: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_whole() {
        for fine in [
            "attachment; filename*=UTF-8''a%C3%BC.txt",
            "attachment; filename=\"100%; x*=%zz\"; filename*=utf-8''a",
            r#"form-data; name="a\"; filename*=%z"; filename="50%""#,
        ] {
            assert!(!has_bad_escape(fine.as_bytes()), "{fine}");
        }
        for bad in ["a%zz", "a%", "a%4", "%C3%BC%g0", "%%41"] {
            for bad in [
                format!("attachment; filename*=UTF-8''{bad}"),
                format!("attachment; FILENAME* = UTF-8''{bad}; filename=x"),
            ] {
                assert!(has_bad_escape(bad.as_bytes()), "{bad}");
            }
        }
    }

    #[test]
    fn names_cannot_break_out() {
        assert_eq!(attachment("a b.csv"), "attachment; filename=\"a b.csv\"");
        assert_eq!(
            attachment("a\"; x=\"\r\n.csv"),
            "attachment; filename=\"a_; x=___.csv\"; filename*=UTF-8''a%22%3B%20x%3D%22%0D%0A.csv"
        );
        assert_eq!(
            attachment("größe.csv"),
            "attachment; filename=\"gr__e.csv\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.csv"
        );
    }
}
