//! The name under which a download is saved (RFC 6266).

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

#[cfg(test)]
mod tests {
    use super::*;

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
