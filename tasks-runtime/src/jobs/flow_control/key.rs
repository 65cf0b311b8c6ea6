//! The key of a job: jobs with the same one share a limit.

use serde_json::{Number, Value};

use super::task_limits::TaskLimits;
use crate::arguments::{ArgumentError, RegisteredParameter};
use crate::digest::digest;
use crate::registry::RegisteredTask;

/// A key that is longer, in bytes, is stored as its digest.
const MAX_BYTES: usize = 200;

/// The key of a job with these parameters: the text of the value that its task names, or nothing where it names none. `None` when the task has no limits
/// over all processes.
///
/// What a request leaves out has the value of its default; without one it is `null`.
pub(in crate::jobs) fn key_of(entry: &RegisteredTask, params: &str) -> Option<String> {
    let policy = entry.policy();
    TaskLimits::of(&policy)?;
    let Some(pointer) = policy.concurrency_key else {
        return Some(String::new());
    };
    let mut params = serde_json::from_str(params).unwrap_or(Value::Null);
    if let Value::Object(members) = &mut params {
        for parameter in entry.declared() {
            if !members.contains_key(parameter.name)
                && let Some(default) = parameter.slot.default_json()
            {
                members.insert(parameter.name.to_owned(), default);
            }
        }
    }
    let value = params.pointer(pointer).unwrap_or(&Value::Null);
    Some(storable(text_of(value)))
}

/// What is wrong with the key of a task: no client sends the value.
pub(in crate::jobs) fn wrong_key(entry: &RegisteredTask) -> Option<ArgumentError> {
    let pointer = entry.policy().concurrency_key?;
    let name = pointer.split('/').nth(1)?;
    let is_injected = |parameter: &&RegisteredParameter| {
        parameter.injected && crate::pointer::escape(parameter.name) == name
    };
    let parameter = entry.declared().iter().find(is_injected)?;
    let words = format!(
        "the `concurrency_key` of the task `{}` is `{}`, which is injected: name a parameter that clients send",
        entry.name(),
        parameter.name
    );
    Some(ArgumentError::new(String::new(), words))
}

/// One text for values that are the same.
fn text_of(value: &Value) -> String {
    match value {
        // It is not the same as none.
        Value::String(text) if text == "null" => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(number) => whole(number).unwrap_or_else(|| number.to_string()),
        Value::Array(_) | Value::Object(_) => {
            let mut value = value.clone();
            value.sort_all_objects();
            value.to_string()
        }
        value => value.to_string(),
    }
}

/// `2.0` is 2.
fn whole(number: &Number) -> Option<String> {
    let text = number.to_string();
    let digits = text.strip_suffix(".0")?;
    let is_whole = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_whole.then(|| digits.to_owned())
}

/// A text that every database can store and index.
fn storable(text: String) -> String {
    const DIGEST: &str = "sha256:";
    // What looks like a digest is none of a text that somebody else has.
    if text.len() > MAX_BYTES || text.contains('\0') || text.starts_with(DIGEST) {
        format!("{DIGEST}{}", digest(text.as_bytes()))
    } else {
        text
    }
}
