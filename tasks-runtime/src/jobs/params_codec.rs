//! The parameters of jobs: as they are stored, and as they are compared.

use serde_json::{Map, Value};

use super::encryption::{EncryptionKeys, Undecryptable, no_key};
use crate::arguments::{
    self, ArgumentError, ArgumentErrorCode, InvalidArguments, MASKED, RegisteredParameter, is_mask,
};
use crate::call::ExecuteError;
use crate::digest::digest;
use crate::registry::RegisteredTask;

/// The one member of the object that stands for an encrypted value.
const ENCRYPTED: &str = "$encrypted";

/// How parameters are stored.
#[derive(Clone, Debug, Default)]
pub(super) struct ParamsCodec {
    keys: Option<EncryptionKeys>,
}

/// What a job has in common with those that may not wait or run beside it.
#[derive(Clone, Debug)]
pub(super) struct UniqueKey {
    pub(super) stored: String,
    /// As other keys of encryption make it, or none: those of jobs that were submitted with them.
    pub(super) others: Vec<String>,
}

impl ParamsCodec {
    pub(super) fn new(keys: Option<EncryptionKeys>) -> Self {
        Self { keys }
    }

    /// Parameters of a task as they are stored: with the secret ones encrypted, if there are keys.
    ///
    /// One that is what is shown in place of a secret is refused: it was read somewhere, and the task would run with asterisks for a password.
    pub(super) fn stored(
        &self,
        entry: &RegisteredTask,
        params: String,
    ) -> Result<String, ExecuteError> {
        if !entry.has_secrets() {
            return Ok(params);
        }
        let refuse = |errors| {
            Err(ExecuteError::InvalidArguments {
                task: entry.name().to_owned(),
                reason: InvalidArguments::Mismatch(errors),
            })
        };
        let secrets = arguments::secrets(&params, entry.declared());
        let masks: Vec<ArgumentError> = secrets
            .iter()
            .filter_map(|(name, span)| {
                let value = &params[span.clone()];
                let detail = if is_mask(value) {
                    MASKED
                } else if encrypted(value).is_some() {
                    "this is how an encrypted secret is stored: send the value itself"
                } else {
                    return None;
                };
                let error = ArgumentError::new(format!("/params/{name}"), detail);
                Some(error.with_code(ArgumentErrorCode::Masked))
            })
            .collect();
        if !masks.is_empty() {
            return refuse(masks);
        }
        let Some(keys) = &self.keys else {
            return Ok(params);
        };
        let sealed = replaced(&params, entry, |value| {
            let text = keys.encrypt(value, entry.name())?;
            let object = Map::from_iter([(ENCRYPTED.to_owned(), Value::String(text))]);
            Some(Value::Object(object).to_string())
        });
        match sealed {
            Some(text) => Ok(text),
            None => refuse(vec![ArgumentError::new(
                "/params".to_owned(),
                "the secret parameters could not be encrypted".to_owned(),
            )]),
        }
    }

    /// What [`stored`](Self::stored) was given.
    pub(super) fn read(
        &self,
        entry: &RegisteredTask,
        stored: &str,
    ) -> Result<String, Undecryptable> {
        let mut failed = None;
        let params = replaced(stored, entry, |value| {
            let Some(text) = encrypted(value) else {
                // Stored before there was a key.
                return Some(value.to_owned());
            };
            let decrypted = match &self.keys {
                Some(keys) => keys.decrypt(&text, entry.name()),
                None => Err(no_key(&text)),
            };
            decrypted.map_err(|error| failed = Some(error)).ok()
        });
        match (params, failed) {
            (_, Some(error)) => Err(error),
            (params, None) => Ok(params.unwrap_or_else(|| stored.to_owned())),
        }
    }

    /// What jobs have in common whose parameters are the same to the task.
    pub(super) fn unique_key(&self, entry: &RegisteredTask, params: &str) -> UniqueKey {
        let text = comparable(entry, params).into_bytes();
        let peppered = |pepper: &[u8]| digest(&[&text, pepper].concat());
        let keys = self.keys.as_ref().filter(|_| entry.has_secrets());
        let mut all = keys.map_or_else(Vec::new, |keys| keys.peppers().map(peppered).collect());
        // As it is without keys, and was before there were any.
        all.push(peppered(&[]));
        let stored = all.remove(0);
        UniqueKey {
            stored,
            others: all,
        }
    }

    /// Whether stored parameters are the same to the task.
    pub(super) fn are_same(
        &self,
        entry: Option<&RegisteredTask>,
        one: &str,
        other: &str,
    ) -> Result<bool, Undecryptable> {
        if one == other {
            return Ok(true);
        }
        Ok(match entry {
            Some(entry) => {
                let (one, other) = (self.read(entry, one)?, self.read(entry, other)?);
                comparable(entry, &one) == comparable(entry, &other)
            }
            None => canonical(one, |_| {}) == canonical(other, |_| {}),
        })
    }
}

/// The text of an encrypted value, if this is one.
fn encrypted(value: &str) -> Option<String> {
    if !value.starts_with('{') {
        return None;
    }
    let Value::Object(members) = serde_json::from_str(value).ok()? else {
        return None;
    };
    match members.get(ENCRYPTED) {
        Some(Value::String(text)) if members.len() == 1 => Some(text.clone()),
        _ => None,
    }
}

/// The parameters with other values for the secret ones; `None` when there is none for one of them.
fn replaced(
    params: &str,
    entry: &RegisteredTask,
    mut replace: impl FnMut(&str) -> Option<String>,
) -> Option<String> {
    let mut text = String::with_capacity(params.len());
    let mut from = 0;
    for (_, span) in arguments::secrets(params, entry.declared()) {
        text.push_str(&params[from..span.start]);
        text.push_str(&replace(&params[span.clone()])?);
        from = span.end;
    }
    text.push_str(&params[from..]);
    Some(text)
}

/// Parameters in one spelling, with the values of those that were left out: what is the same to the task is the same text.
fn comparable(entry: &RegisteredTask, params: &str) -> String {
    canonical(params, |members| {
        let request = entry.declared().iter();
        for parameter in request.filter(|parameter| !parameter.injected) {
            if !members.contains_key(parameter.name) {
                let value = match parameter.slot.default_json() {
                    Some(default) => default,
                    // A default that is another one each time, or no JSON, is like nothing else.
                    None if parameter.slot.parameter().default.is_some() => continue,
                    None => Value::Null,
                };
                members.insert(parameter.name.to_owned(), value);
            }
            if let Some(value) = members.get_mut(parameter.name)
                && let Some(whole) = as_whole(value).filter(|_| takes_fractions(parameter))
            {
                *value = whole;
            }
        }
    })
}

/// `2` for `2.0`.
fn as_whole(value: &Value) -> Option<Value> {
    /// Up to there, floating-point numbers are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value
        .as_f64()
        .filter(|number| value.is_f64() && number.fract() == 0.0 && number.abs() < EXACT)?;
    // Whole, and in range.
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    Some(Value::from(number as i64))
}

/// Whether `2` and `2.0` are the same to the parameter.
fn takes_fractions(parameter: &RegisteredParameter) -> bool {
    let kind = &parameter.schema()["type"];
    let is_number = |kind: &Value| kind == "number";
    is_number(kind)
        || kind
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(is_number))
}

/// JSON without white space, and with the members of objects by their names.
pub(in crate::jobs) fn canonical(
    json: &str,
    complete: impl FnOnce(&mut Map<String, Value>),
) -> String {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(sort),
            Value::Object(members) => {
                members.values_mut().for_each(sort);
                // Without effect where they are kept by name anyway, which other crates decide.
                members.sort_keys();
            }
            _ => {}
        }
    }
    let Ok(mut value) = serde_json::from_str::<Value>(json) else {
        return json.to_owned();
    };
    if let Value::Object(members) = &mut value {
        complete(members);
    }
    sort(&mut value);
    value.to_string()
}
