//! A part of a JSON text.

use super::members::members;
use super::scanner::Scanner;

/// The text of the value that a JSON Pointer (RFC 6901) leads to; `None` when there is none. The text was checked. Digits stay as they are.
pub(crate) fn at_pointer<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
    let mut value = json.trim_matches([' ', '\n', '\r', '\t']);
    if pointer.is_empty() {
        return Some(value);
    }
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        value = match value.as_bytes().first()? {
            b'{' => {
                let members = members(value).ok()?;
                // As most readers do it, the last of several counts.
                let mut named = members.into_iter().rev();
                named.find(|(name, _)| *name == token)?.1
            }
            b'[' => element(value, index(&token)?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// A number of an element: digits without a zero in front.
fn index(token: &str) -> Option<usize> {
    let is_number = token == "0" || !token.starts_with('0');
    let digits = token.bytes().all(|digit| digit.is_ascii_digit());
    token.parse().ok().filter(|_| is_number && digits)
}

fn element(json: &str, index: usize) -> Option<&str> {
    let mut scanner = Scanner::new(json);
    let mut found = None;
    let mut number = 0;
    scanner.array(|scanner| {
        let start = scanner.position;
        scanner.skip_value()?;
        if number == index {
            found = Some(start..scanner.position);
        }
        number += 1;
        Some(())
    })?;
    json.get(found?)
}

#[cfg(test)]
mod tests {
    use super::at_pointer;

    #[test]
    fn values_are_found_as_they_are_written() {
        let json = r#" {"a": [1, {"b/c": 12345678901234567890123.50, "~": "x"}], "": null} "#;
        let found = |pointer| at_pointer(json, pointer);
        assert_eq!(found(""), Some(json.trim()));
        assert_eq!(found("/a/1/b~1c"), Some("12345678901234567890123.50"));
        assert_eq!(found("/a/1/~0"), Some("\"x\""));
        assert_eq!(found("/"), Some("null"));
        assert_eq!(found("/a/0"), Some("1"));
        for nothing in ["a", "/b", "/a/2", "/a/01", "/a/-", "/a/+1", "/a/0/x", "/a/"] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
    }
}
