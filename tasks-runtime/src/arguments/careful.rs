//! Every legal spelling, and every error.

use std::borrow::Cow;
use std::cell::LazyCell;

use serde::de::IgnoredAny;

use super::code::ArgumentErrorCode as Code;
use super::error::Errors;
use super::finding::Finding;
use super::members::members;
use super::repeated::TWICE;
use super::{
    AnyArgCells, Echo, Input, InvalidArguments, MASKED, RegisteredParameter, depth, is_mask,
    unknown_key,
};
use crate::pointer::escape;

pub(super) fn read<'a>(
    input: Input<'a>,
    parameters: &[RegisteredParameter],
    cells: &mut dyn AnyArgCells,
) -> Result<Echo<'a>, InvalidArguments> {
    for index in 0..parameters.len() {
        cells.at(index).clear();
    }
    let params = params(input)?;
    let mut errors = Errors::default();
    strays(input, &mut errors);
    let mut secrets = Vec::new();
    let mut given = vec![false; parameters.len()];
    let request = || {
        parameters
            .iter()
            .filter(|parameter| !parameter.injected)
            .map(|parameter| parameter.name)
    };
    for (key, value) in members_of_params(params)? {
        let Some(index) = parameters
            .iter()
            .position(|parameter| parameter.name == key)
        else {
            errors.push(&key, "", Code::Unknown, || unknown_key(&key, request()));
            continue;
        };
        let (parameter, cell) = (&parameters[index], cells.at(index));
        if parameter.injected {
            errors.push(&key, "", Code::NotAllowed, || {
                "provided by the server and cannot be set".to_owned()
            });
        } else if std::mem::replace(&mut given[index], true) {
            errors.push(&key, "", Code::Repeated, || TWICE.to_owned());
        } else if depth::of(value) > depth::LIMIT {
            errors.push(&key, "", Code::Depth, depth::message);
        } else if cell.read(value) == Some(value.len()) {
            if parameter.secret {
                secrets.push(span(params, value));
                if is_mask(value) {
                    errors.push(&key, "", Code::Masked, || MASKED.to_owned());
                }
            }
            for finding in parameter.findings_of_read(value) {
                report(parameter, finding, &mut errors);
            }
        } else {
            let first = Finding::of_serde(cell.explain(value));
            for finding in with_others(first, parameter.findings_of_refused(value)) {
                report(parameter, finding, &mut errors);
            }
        }
    }
    let misplaced = LazyCell::new(|| lacks_params(input));
    for (index, (parameter, given)) in parameters.iter().zip(given).enumerate() {
        if !given && !parameter.injected && !cells.at(index).absent() {
            errors.push(parameter.name, "", Code::Missing, || {
                missing(parameter.slot.parameter().annotation, *misplaced)
            });
        }
    }
    errors.finish()?;
    Ok(Echo {
        text: params,
        secrets,
    })
}

/// Reports what is wrong with the value of a parameter; of a secret one, that it is.
fn report(parameter: &RegisteredParameter, finding: Finding, errors: &mut Errors) {
    if !parameter.secret {
        errors.push(parameter.name, &finding.pointer, finding.code, || {
            finding.detail
        });
    } else {
        refuse_secret(parameter, finding.code, errors);
    }
}

/// Reports that the value of a secret parameter is wrong, once, and not in what.
pub(super) fn refuse_secret(parameter: &RegisteredParameter, code: Code, errors: &mut Errors) {
    if !errors.has(&format!("/{}", escape(parameter.name))) {
        errors.push(parameter.name, "", code, || SECRET.to_owned());
    }
}

pub(super) const SECRET: &str = "not a valid value; it is secret, so it is not shown";

/// What a decoder has said, and what else is wrong: once for each place, in the decoder's words where it has said something of that.
pub(super) fn with_others(mut first: Finding, others: Vec<Finding>) -> Vec<Finding> {
    // All that serde_json says of a number, if a crate of the program has it read numbers to their last digit (`float_roundtrip`).
    if first.detail == "number out of range"
        && let Some(found) = others.iter().find(|other| other.pointer == first.pointer)
    {
        first.detail.clone_from(&found.detail);
    }
    if let Some(name) = first
        .detail
        .strip_prefix("duplicate field `")
        .and_then(|words| words.strip_suffix('`'))
    {
        first = Finding::repeated(format!("{}/{}", first.pointer, escape(name)));
    }
    // It names the field that is missing, or not known, where the object is.
    let field = ["missing field `", "unknown field `"]
        .iter()
        .find_map(|words| first.detail.strip_prefix(words)?.split('`').next())
        .map(|name| format!("{}/{}", first.pointer, escape(name)));
    let is_said =
        |other: &Finding| other.pointer == first.pointer || field.as_ref() == Some(&other.pointer);
    let others: Vec<Finding> = others.into_iter().filter(|other| !is_said(other)).collect();
    std::iter::once(first).chain(others).collect()
}

/// Reports what stands beside `params` in a body that is to hold nothing else.
pub(super) fn strays(input: Input<'_>, errors: &mut Errors) {
    let Input::OnlyParams(body) = input else {
        return;
    };
    let members = std::str::from_utf8(body)
        .ok()
        .and_then(|body| members(body.trim()).ok());
    for (key, _) in members.unwrap_or_default() {
        if key != "params" {
            errors.push_beside(&key, Code::Unknown, || {
                "unknown member of the body, did you mean `params`, an object that holds the arguments?".to_owned()
            });
        }
    }
}

/// Where `part` is in `whole`, of which it is a slice.
fn span(whole: &str, part: &str) -> std::ops::Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

pub(super) fn echo<'a>(input: Input<'a>, parameters: &[RegisteredParameter]) -> Echo<'a> {
    let text = params(input).unwrap_or_default();
    let secrets = secrets(text, parameters)
        .into_iter()
        .map(|(_, span)| span)
        .collect();
    Echo { text, secrets }
}

/// The secret parameters of a call, by name, and where in `text` their values are, in order.
pub(super) fn secrets(
    text: &str,
    parameters: &[RegisteredParameter],
) -> Vec<(&'static str, std::ops::Range<usize>)> {
    if !parameters.iter().any(|parameter| parameter.secret) {
        return Vec::new();
    }
    let members = members_of_params(text).unwrap_or_default();
    members
        .iter()
        .filter_map(|(key, value)| {
            let secret = parameters
                .iter()
                .find(|parameter| parameter.secret && parameter.name == key)?;
            Some((secret.name, span(text, value)))
        })
        .collect()
}

fn missing(annotation: &str, misplaced: bool) -> String {
    format!(
        "required, and missing: expected a value of type `{}`{}",
        annotation.trim_start_matches('&'),
        if misplaced {
            "; the body has no `params`, an object that holds the arguments"
        } else {
            ""
        }
    )
}

/// Whether the body holds anything, and no `params`: the arguments themselves, perhaps.
fn lacks_params(input: Input<'_>) -> bool {
    let (Input::Body(body) | Input::OnlyParams(body)) = input else {
        return false;
    };
    let members = std::str::from_utf8(body)
        .ok()
        .and_then(|body| members(body.trim()).ok());
    members.is_some_and(|members| {
        !members.is_empty() && members.iter().all(|(key, _)| key != "params")
    })
}

/// The text of `params`, or nothing when there are none.
pub(super) fn params(input: Input<'_>) -> Result<&str, InvalidArguments> {
    let text = match input {
        Input::Params(text) => text,
        Input::Body([]) | Input::OnlyParams([]) => return Ok(""),
        Input::Body(body) | Input::OnlyParams(body) => {
            let body = std::str::from_utf8(body).map_err(|error| {
                InvalidArguments::malformed(format_args!(
                    "not UTF-8 from byte {} on",
                    error.valid_up_to()
                ))
            })?;
            envelope(body)?
        }
    };
    match checked(text)? {
        "null" => Ok(""),
        text => Ok(text),
    }
}

/// The text without the white space around it, if it is JSON.
fn checked(text: &str) -> Result<&str, InvalidArguments> {
    let _: IgnoredAny = serde_json::from_str(text).map_err(InvalidArguments::malformed)?;
    Ok(text.trim_matches([' ', '\n', '\r', '\t']))
}

/// The value of `params` in the body.
fn envelope(body: &str) -> Result<&str, InvalidArguments> {
    let body = checked(body)?;
    if body == "null" {
        return Ok("null");
    }
    if !body.starts_with('{') {
        return Err(InvalidArguments::one(
            "",
            Code::Type,
            "expected an object with `params`",
        ));
    }
    let mut params = None;
    for (key, value) in members(body)? {
        if key == "params" && params.replace(value).is_some() {
            return Err(InvalidArguments::one("/params", Code::Repeated, TWICE));
        }
    }
    Ok(params.unwrap_or("null"))
}

/// The members of `params`.
pub(super) fn members_of_params(
    params: &str,
) -> Result<Vec<(Cow<'_, str>, &str)>, InvalidArguments> {
    if params.is_empty() {
        return Ok(Vec::new());
    }
    if !params.starts_with('{') {
        return Err(InvalidArguments::one(
            "/params",
            Code::Type,
            "expected an object of parameters by name",
        ));
    }
    members(params)
}
