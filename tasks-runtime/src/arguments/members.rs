//! The members of an object, as slices of its text.

use std::borrow::Cow;

use super::error::InvalidArguments;
use super::scanner::Scanner;

/// A member of an object, as a slice of its text.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its value, as JSON.
    pub text: &'a str,
    /// Its own members, where it is an object that was to be opened.
    pub members: Option<Vec<Self>>,
}

/// Splits a text that is one object, and checks all of it. Members of these names are opened, at every level that is reached. `None` when the text is not JSON, or
/// no object.
#[must_use]
pub fn split<'a>(json: &'a str, opened: &[&str]) -> Option<Vec<Member<'a>>> {
    let mut scanner = Scanner::new(json);
    let members = split_object(&mut scanner, opened)?;
    scanner.end()?;
    Some(members)
}

fn split_object<'a>(scanner: &mut Scanner<'a>, opened: &[&str]) -> Option<Vec<Member<'a>>> {
    let mut found = Vec::with_capacity(4);
    scanner.object(key, |scanner, name| {
        let start = scanner.position;
        let is_opened = opened.contains(&&*name) && scanner.rest().starts_with('{');
        let members = match is_opened {
            true => Some(split_object(scanner, opened)?),
            false => {
                scanner.skip_value()?;
                None
            }
        };
        found.push(Member {
            name,
            text: &scanner.text[start..scanner.position],
            members,
        });
        Some(())
    })?;
    Some(found)
}

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
