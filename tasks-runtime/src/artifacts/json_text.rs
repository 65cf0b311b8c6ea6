//! JSON that stays text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// A JSON value as the text it came as: numbers keep their digits, and it is not parsed to be passed on.
///
/// ```
/// use tasks_runtime::artifacts::JsonText;
///
/// let json = JsonText::parse(r#"{"price": 1.10}"#)?;
/// assert_eq!(json.as_str(), r#"{"price": 1.10}"#);
/// assert_eq!(json.read::<serde_json::Value>()?["price"], 1.1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// The text of a value.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON: a map with keys that are no strings, say.
    pub fn new(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self)
    }

    /// Checks a text.
    ///
    /// # Errors
    ///
    /// When it is not one JSON value, or is nested more than 127 deep.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        serde_json::from_str::<Checked>(&text)?;
        Ok(Self(text.trim().to_owned()))
    }

    /// What the database has; `None` when that is not JSON any more.
    pub(crate) fn stored(text: String) -> Option<Self> {
        serde_json::from_str::<Checked>(&text).ok()?;
        Some(Self(text))
    }

    /// What was stored, and checked before.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a value of it.
    ///
    /// # Errors
    ///
    /// When the value is of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// `{}`.
    #[must_use]
    pub fn empty_object() -> Self {
        Self("{}".to_owned())
    }

    /// An object of these members.
    ///
    /// ```
    /// use tasks_runtime::artifacts::JsonText;
    ///
    /// let json = JsonText::parse(r#"{"price": 1.10}"#)?;
    /// let members = json.members().unwrap_or_default();
    /// assert_eq!(JsonText::object(&members).as_str(), r#"{"price":1.10}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn object(members: &[(Cow<'_, str>, Self)]) -> Self {
        let mut text = "{".to_owned();
        for (index, (name, value)) in members.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            // A string: this cannot fail.
            text.push_str(&serde_json::to_string(name).unwrap_or_default());
            text.push(':');
            text.push_str(&value.0);
        }
        text.push('}');
        Self(text)
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    /// The members of an object, in their order; `None` of anything else. A name that is there twice is here twice.
    #[must_use]
    pub fn members(&self) -> Option<Vec<(Cow<'_, str>, Self)>> {
        let members = crate::arguments::members(&self.0).ok()?;
        Some(
            members
                .into_iter()
                .map(|(name, value)| (name, Self(value.to_owned())))
                .collect(),
        )
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Through a value, since a serializer of serde takes no text.
impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: Value = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

/// Any JSON that `serde_json` reads into values, without the values.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = Self;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry_seed(Self, Self)?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_stays_as_it_is() {
        let text = r#"{"a": 1.10, "b": [12345678901234567890123, "\u0000"]}"#;
        assert_eq!(JsonText::parse(text).unwrap().as_str(), text);
    }

    #[test]
    fn what_cannot_be_read_later_is_refused_now() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in ["", "{", "[1,]", "1 2", "1e999", r#""\ud800""#, &deep] {
            assert!(JsonText::parse(text).is_err(), "{text}");
        }
        let fine = "[".repeat(120) + &"]".repeat(120);
        assert!(JsonText::parse(fine).is_ok());
    }

    #[test]
    fn members_are_found_with_their_text() {
        let json = JsonText::parse(r#"{"a": 1.10, "\u0062": {"c": []}}"#).unwrap();
        let members = json.members().unwrap();
        assert_eq!(members[0].1.as_str(), "1.10");
        assert_eq!(
            (&*members[1].0, members[1].1.as_str()),
            ("b", r#"{"c": []}"#)
        );
        assert!(JsonText::parse("[1]").unwrap().members().is_none());
    }
}
