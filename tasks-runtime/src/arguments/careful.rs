//! Every legal spelling, and every error.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::Errors;
use super::{AnyPlaces, Declared, Echo, Input, InvalidArguments, unknown_key};

pub(super) fn read<'a>(
    input: Input<'a>,
    parameters: &[Declared],
    places: &mut dyn AnyPlaces,
) -> Result<Echo<'a>, InvalidArguments> {
    for index in 0..parameters.len() {
        places.at(index).clear();
    }
    let params = params(input)?;
    let mut errors = Errors::default();
    let mut secrets = Vec::new();
    let mut given = vec![false; parameters.len()];
    let request = || {
        parameters
            .iter()
            .filter(|parameter| !parameter.injected)
            .map(|parameter| parameter.name)
    };
    for (key, value) in members(params)? {
        let Some(index) = parameters
            .iter()
            .position(|parameter| parameter.name == key)
        else {
            errors.push(&key, "", || unknown_key(&key, request()));
            continue;
        };
        let (parameter, place) = (&parameters[index], places.at(index));
        if parameter.injected {
            errors.push(&key, "", || {
                "provided by the server and cannot be set".to_owned()
            });
        } else if std::mem::replace(&mut given[index], true) {
            errors.push(&key, "", || "given twice".to_owned());
        } else if place.read(value) == Some(value.len()) {
            if parameter.secret {
                secrets.push(span(params, value));
            }
        } else if parameter.secret {
            errors.push(&key, "", || {
                "not a valid value; it is secret, so it is not shown".to_owned()
            });
        } else {
            let (path, detail) = place.explain(value);
            errors.push(&key, &path, || detail);
        }
    }
    for (index, (parameter, given)) in parameters.iter().zip(given).enumerate() {
        if !given && !parameter.injected && !places.at(index).absent() {
            errors.push(parameter.name, "", || {
                missing(parameter.slot.parameter().annotation)
            });
        }
    }
    errors.finish()?;
    Ok(Echo {
        text: params,
        secrets,
    })
}

/// Where `part` is in `whole`, of which it is a slice.
fn span(whole: &str, part: &str) -> std::ops::Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

pub(super) fn echo<'a>(input: Input<'a>, parameters: &[Declared]) -> Echo<'a> {
    let text = params(input).unwrap_or_default();
    let is_secret = |key: &str| {
        parameters
            .iter()
            .any(|parameter| parameter.secret && parameter.name == key)
    };
    let mut secrets = Vec::new();
    if parameters.iter().any(|parameter| parameter.secret) {
        let members = members(text).unwrap_or_default();
        secrets.extend(
            members
                .iter()
                .filter(|(key, _)| is_secret(key))
                .map(|(_, value)| span(text, value)),
        );
    }
    Echo { text, secrets }
}

fn missing(annotation: &str) -> String {
    format!(
        "required, and missing: expected a value of type `{}`",
        annotation.trim_start_matches('&')
    )
}

/// The text of `params`, or nothing when there are none.
pub(super) fn params(input: Input<'_>) -> Result<&str, InvalidArguments> {
    let text = match input {
        Input::Params(text) => text,
        Input::Body([]) => return Ok(""),
        Input::Body(body) => {
            let body = std::str::from_utf8(body).map_err(|error| {
                InvalidArguments::malformed(format_args!(
                    "not UTF-8 from byte {} on",
                    error.valid_up_to()
                ))
            })?;
            envelope(body)?
        }
    };
    let value: &RawValue = serde_json::from_str(text).map_err(InvalidArguments::malformed)?;
    match value.get() {
        "null" => Ok(""),
        text => Ok(text),
    }
}

/// The value of `params` in the body.
fn envelope(body: &str) -> Result<&str, InvalidArguments> {
    let value: &RawValue = serde_json::from_str(body).map_err(InvalidArguments::malformed)?;
    if value.get() == "null" {
        return Ok("null");
    }
    if !value.get().starts_with('{') {
        return Err(InvalidArguments::one(
            "",
            "expected an object with `params`",
        ));
    }
    let mut params = None;
    for (key, value) in object(value.get())? {
        if key == "params" && params.replace(value).is_some() {
            return Err(InvalidArguments::one("/params", "given twice"));
        }
    }
    Ok(params.unwrap_or("null"))
}

/// The members of `params`.
pub(super) fn members(params: &str) -> Result<Vec<(Cow<'_, str>, &str)>, InvalidArguments> {
    if params.is_empty() {
        return Ok(Vec::new());
    }
    if !params.starts_with('{') {
        return Err(InvalidArguments::one(
            "/params",
            "expected an object of parameters by name",
        ));
    }
    object(params)
}

/// Splits an object into its members' slices.
fn object(json: &str) -> Result<Vec<(Cow<'_, str>, &str)>, InvalidArguments> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(Cow<'de, str>, &'de str)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(Key(key)) = map.next_key()? {
                members.push((key, map.next_value::<&'de RawValue>()?.get()));
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(json)
        .deserialize_map(Members)
        .map_err(InvalidArguments::malformed)
}

/// A key, borrowed where it has no escapes. (`Cow` by itself always owns.)
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
