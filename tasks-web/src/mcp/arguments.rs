//! Arguments as models send them.

use std::borrow::Cow;

use tasks_runtime::{ArgumentError, ArgumentErrorCode};

use super::json::{self, Object};

/// Arguments in which texts that hold JSON are that JSON, where the task wants no text: models send `"[1, 2]"` for a list, and hosts `"5"` for a
/// number; and in which `5.0` is an integer. `None` when that changes nothing.
pub(super) fn repaired(arguments: &str, errors: &[ArgumentError]) -> Option<String> {
    let is_whole = |name: &str| {
        errors.iter().any(|error| {
            error.code == ArgumentErrorCode::Type
                && error.pointer.strip_prefix("/params/") == Some(&pointer_part(name))
        })
    };
    let members = Object::of(arguments)?;
    let mut changed = false;
    let mut repaired = String::with_capacity(arguments.len());
    repaired.push('{');
    for (name, value) in members.iter() {
        if repaired.len() > 1 {
            repaired.push(',');
        }
        json::quote(name, &mut repaired);
        repaired.push(':');
        let inner = is_whole(name).then(|| reread(value)).flatten();
        if let Some(text) = inner {
            changed = true;
            repaired.push_str(&text);
        } else {
            repaired.push_str(value);
        }
    }
    repaired.push('}');
    changed.then_some(repaired)
}

/// Another way to write a value: a text that holds JSON as that, and a number like `5.0`, which hosts send for integers, as an integer.
fn reread(value: &str) -> Option<Cow<'_, str>> {
    if let Ok(text) = json::text(value) {
        let number = whole(&text);
        return number
            .map(Cow::Owned)
            .or_else(|| json::is_json(&text).then_some(text));
    }
    whole(value).map(Cow::Owned)
}

/// A number that is written with a point or an exponent, and is an integer.
fn whole(text: &str) -> Option<String> {
    /// Beyond it not every integer is a number of 64 bits.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !text.contains(['.', 'e', 'E']) || !json::is_json(text) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < EXACT).then(|| format!("{number:.0}"))
}

/// A name as a part of a JSON pointer (RFC 6901, section 3).
fn pointer_part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Arguments without one of them, and that one; `null` is none.
pub(super) fn without<'a>(arguments: &'a str, name: &str) -> (Cow<'a, str>, Option<&'a str>) {
    let Some(members) = Object::of(arguments) else {
        return (Cow::Borrowed(arguments), None);
    };
    let Some(taken) = members.get(name) else {
        return (Cow::Borrowed(arguments), None);
    };
    let mut rest = "{".to_owned();
    for (other, value) in members.iter().filter(|(other, _)| *other != name) {
        if rest.len() > 1 {
            rest.push(',');
        }
        json::quote(other, &mut rest);
        rest.push(':');
        rest.push_str(value);
    }
    rest.push('}');
    (Cow::Owned(rest), Some(taken).filter(|json| *json != "null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_place_of_json_are_read() {
        let errors = [ArgumentError::of_parameter("list", "no list").with_code("type")];
        let arguments = r#"{"list": "[1, 2]", "name": "[3]"}"#;
        assert_eq!(
            repaired(arguments, &errors).as_deref(),
            Some(r#"{"list":[1, 2],"name":"[3]"}"#)
        );
        assert_eq!(
            repaired(r#"{"list": 5.0}"#, &errors).as_deref(),
            Some(r#"{"list":5}"#)
        );
        assert_eq!(
            repaired(r#"{"list": "1e3"}"#, &errors).as_deref(),
            Some(r#"{"list":1000}"#)
        );
        assert_eq!(repaired(r#"{"list": 5.5}"#, &errors), None);
        assert_eq!(repaired(r#"{"list": "x"}"#, &errors), None);
        assert_eq!(repaired(r#"{"list": 1}"#, &errors), None);
        let within = [ArgumentError::of_parameter("list", "no list")
            .at(0)
            .with_code("type")];
        assert_eq!(repaired(arguments, &within), None);
    }

    #[test]
    fn one_argument_is_taken_out() {
        let (rest, key) = without(r#"{"a": 1, "key": "x", "b": [2]}"#, "key");
        assert_eq!((&*rest, key), (r#"{"a":1,"b":[2]}"#, Some("\"x\"")));
        let (rest, key) = without(r#"{"a": 1}"#, "key");
        assert_eq!((&*rest, key), (r#"{"a": 1}"#, None));
    }
}
