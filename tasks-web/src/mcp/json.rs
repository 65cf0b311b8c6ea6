//! JSON as slices of its text: what is passed on is not read twice.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use tasks_runtime::shared::{Member, split};

/// The members of an object, none of them twice.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<Member<'a>>);

impl<'a> Object<'a> {
    /// The members of a text; `None` when it is no object, or has a member twice.
    pub(super) fn of(json: &'a str) -> Option<Self> {
        Self::opening(json, &[])
    }

    /// The same, where members of these names are looked into at once.
    pub(super) fn opening(json: &'a str, opened: &[&str]) -> Option<Self> {
        Self::checked(split(json, opened)?)
    }

    fn checked(members: Vec<Member<'a>>) -> Option<Self> {
        /// Up to so many are compared each with each.
        const FEW: usize = 8;
        let has_twice = if members.len() <= FEW {
            let is_there_before = |index: usize| {
                members[..index]
                    .iter()
                    .any(|it| it.name == members[index].name)
            };
            (1..members.len()).any(is_there_before)
        } else {
            let mut names: Vec<&str> = members.iter().map(|it| &*it.name).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| pair[0] == pair[1])
        };
        (!has_twice).then_some(Self(members))
    }

    /// A member as JSON; `None` when it is not there.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|member| member.name == name)
            .map(|member| member.text)
    }

    /// A member that is something: neither absent nor `null`.
    pub(super) fn some(&self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|json| *json != "null")
    }

    /// A member that is a text: an error when it is anything else.
    pub(super) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, NotText> {
        self.some(name).map(text).transpose()
    }

    /// A member that is an object: an error when it is anything else.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, NotText> {
        match self.some(name) {
            None => Ok(None),
            Some("{}") => Ok(Some(Self::default())),
            Some(json) => Object::of(json).map(Some).ok_or(NotText),
        }
    }

    /// Takes a member out that is an object and was opened.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<Self>, NotText> {
        let found = self.0.iter_mut().find(|member| member.name == name);
        match found {
            Some(member) if member.text == "null" => Ok(None),
            Some(member) => {
                let members = member.members.take().ok_or(NotText)?;
                Self::checked(members).map(Some).ok_or(NotText)
            }
            None => Ok(None),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|member| (&*member.name, member.text))
    }
}

/// A value is of another kind than it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotText;

/// The text that a JSON string stands for.
pub(super) fn text(json: &str) -> Result<Cow<'_, str>, NotText> {
    let plain = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|text| !text.contains('\\'));
    match plain {
        Some(text) => Ok(Cow::Borrowed(text)),
        None => serde_json::from_str(json)
            .map(Cow::Owned)
            .map_err(|_| NotText),
    }
}

/// Whether a text is one JSON value.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    quote(text, &mut json);
    json
}

/// Adds a text as a JSON string (RFC 8259, section 7).
pub(super) fn quote(text: &str, to: &mut String) {
    to.push('"');
    let mut rest = text;
    // Of characters beyond ASCII no byte is one of these.
    let is_special = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    while let Some(at) = rest.as_bytes().iter().position(is_special) {
        to.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => to.push_str("\\\""),
            b'\\' => to.push_str("\\\\"),
            b'\n' => to.push_str("\\n"),
            b'\r' => to.push_str("\\r"),
            b'\t' => to.push_str("\\t"),
            other => to.push_str(&format!("\\u{other:04x}")),
        }
        rest = &rest[at + 1..];
    }
    to.push_str(rest);
    to.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_slices_of_the_text() {
        let object = Object::of(r#" {"a": [1, 2], "b": null, "c": "x\ny"} "#).unwrap();
        assert_eq!(object.get("a"), Some("[1, 2]"));
        assert_eq!((object.get("b"), object.some("b")), (Some("null"), None));
        assert_eq!(object.text("c").unwrap().as_deref(), Some("x\ny"));
        assert_eq!(object.text("a"), Err(NotText));
        assert!(Object::of("[1]").is_none());
        assert!(Object::of(r#"{"a": 1, "a": 2}"#).is_none());
    }

    #[test]
    fn quoted_texts_are_read_back() {
        for text in [
            "",
            "plain",
            "a\"b\\c",
            "line\nline\r\t\u{1}\u{1f}",
            "ünïcode 🦀",
        ] {
            assert_eq!(serde_json::from_str::<String>(&quoted(text)).unwrap(), text);
            assert_eq!(super::text(&quoted(text)).unwrap(), text);
        }
    }
}
