//! The members of an object, as slices of its text.

use std::borrow::Cow;

use super::error::InvalidArguments;
use super::scanner::Scanner;

/// Splits an object, which was checked, into its members' slices.
pub(crate) fn members(json: &str) -> Result<Vec<(Cow<'_, str>, &str)>, InvalidArguments> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(json);
    let whole = scanner.object(key, |scanner, key| {
        let start = scanner.position;
        scanner.skip_value()?;
        found.push((key, &json[start..scanner.position]));
        Some(())
    });
    match whole {
        Some(()) => Ok(found),
        None => Err(InvalidArguments::malformed(
            "a key has an escape that stands for no character",
        )),
    }
}

/// A key, borrowed where it has no escapes.
fn key<'a>(scanner: &mut Scanner<'a>) -> Option<Cow<'a, str>> {
    if let Some(plain) = scanner.plain_key() {
        return Some(Cow::Borrowed(plain));
    }
    let start = scanner.position;
    scanner.skip_value()?;
    let quoted = scanner.text.get(start..scanner.position)?;
    serde_json::from_str(quoted).ok().map(Cow::Owned)
}
