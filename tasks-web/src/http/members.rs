//! Reads the members of a body, and finds every one that does not fit.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tasks_runtime::shared::{code_of_serde, repeated_members};
use tasks_runtime::{ArgumentError, ArgumentErrorCode};

use crate::problem::{MAX_ERRORS, Problem};

/// The pattern of a text that is stored: it has all characters but U+0000, which PostgreSQL does not take.
pub(crate) const STORABLE: &str = "^[^\\x00]*$";

/// A value of a body that is an object, or the problem to answer.
pub(crate) fn read_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if serde_json::from_slice::<IgnoredAny>(body).is_err() {
        return Err(Problem::malformed("the body is not JSON".to_owned()));
    }
    // serde takes a list for a struct as well.
    if !body.trim_ascii_start().starts_with(b"{") {
        let words = "invalid type: expected an object";
        let error = ArgumentError::new(String::new(), words.to_owned());
        return Err(Problem::invalid_body(vec![
            error.with_code(code_of_serde(words)),
        ]));
    }
    read(body).map_err(Problem::invalid_body)
}

/// The same for one whose parts are stored: of members of one name the last one would be.
pub(crate) fn read_once<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let sent = read_object(body)?;
    let twice = repeated_members(&String::from_utf8_lossy(body), MAX_ERRORS);
    if twice.is_empty() {
        return Ok(sent);
    }
    let twice = twice.into_iter().map(|pointer| {
        ArgumentError::new(pointer, "given twice").with_code(ArgumentErrorCode::Repeated)
    });
    Err(Problem::invalid_body(twice.collect()))
}

/// A member that is an object, for `deserialize_with`: serde takes a list for a struct as well.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// A member that is a word, for `deserialize_with`: serde takes an object of one member for a variant without content as well.
pub(crate) fn word<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::deserialize(text.into_deserializer())
}

/// The same for one that may be left out, and is not null.
pub(crate) fn given_word<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    word(deserializer).map(Some)
}

/// A member that may be left out, and is not null, for `deserialize_with`.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A value of the body, which is JSON, or all that is wrong with it: each member is also read alone, since reading stops at the first that
/// does not fit.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Vec<ArgumentError>> {
    let mut input = serde_json::Deserializer::from_slice(body);
    let first = match serde_path_to_error::deserialize(&mut input) {
        Ok(value) => return Ok(value),
        Err(error) => said(&error),
    };
    let mut errors = vec![first];
    let members = serde_json::from_slice::<Map<String, Value>>(body).unwrap_or_default();
    for member in members {
        let alone = Value::Object(Map::from_iter([member]));
        let Err(error) = serde_path_to_error::deserialize::<_, T>(alone) else {
            continue;
        };
        let error = said(&error);
        // The others are missing, of course.
        let is_known = errors.iter().any(|known| known.pointer == error.pointer);
        if !is_known && !error.detail.starts_with("missing field") {
            errors.push(error);
        }
    }
    Err(errors)
}

fn said(error: &serde_path_to_error::Error<serde_json::Error>) -> ArgumentError {
    let path = error.path().to_string();
    let pointer = if path.is_empty() || path == "." {
        String::new()
    } else {
        format!("/{}", path.replace('.', "/"))
    };
    let words = error.inner().to_string();
    // Where it is, the pointer says.
    let words = words.split(" at line ").next().unwrap_or_default();
    ArgumentError::new(pointer, words).with_code(code_of_serde(words))
}
