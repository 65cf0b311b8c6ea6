//! Reads the members of a body, and finds every one that does not fit.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tasks_runtime::ArgumentError;
use tasks_runtime::shared::code_of_serde;

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
