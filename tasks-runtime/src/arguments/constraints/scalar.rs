//! One number or string, checked without a walk: most values that have constraints are that.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::equality::are_equal;
use super::node::{Bound, Node, Values};
use super::number::Given;
use super::pattern::Pattern;
use super::types::Types;

/// Whether a value keeps what is said of one number or string.
#[inline]
pub(super) fn scalar_holds(
    node: &Node,
    json: &str,
    matches: impl FnOnce(&Pattern, &str) -> bool,
) -> bool {
    match json.as_bytes().first() {
        Some(b'"') => {
            let text = text(json);
            node.types.is_none_or(Types::allow_string)
                && (node.length.is_sure(text.len()) || node.length.holds(text.chars().count()))
                && node
                    .pattern
                    .as_ref()
                    .is_none_or(|pattern| matches(pattern, &text))
                && node.format.is_none_or(|format| format.is_of(&text))
                && node
                    .values
                    .as_ref()
                    .is_none_or(|values| values.have_text(&text))
        }
        Some(b'-' | b'0'..=b'9') => {
            if node.is_f32 {
                return f32_holds(node, json) && is_allowed(node, json);
            }
            number_holds(node, json) && is_allowed(node, json)
        }
        _ => node.types.is_none_or(|types| types.allow(json)) && is_allowed(node, json),
    }
}

#[cold]
#[inline(never)]
fn f32_holds(node: &Node, json: &str) -> bool {
    number_holds(node, &as_f32(json))
}

#[inline(always)]
fn number_holds(node: &Node, json: &str) -> bool {
    let given = Given::of(json);
    let holds = |bound: &Option<Bound>, inside: Ordering| match bound {
        None => true,
        Some(bound) => match bound.number.compare(&given) {
            Some(Ordering::Equal) => !bound.exclusive,
            order => order == Some(inside),
        },
    };
    let is_of_type = node.types.is_none_or(|types| {
        types.allow_any_number()
            || given.is_short_integer() && types.allow_integer()
            || types.allow(json)
    });
    is_of_type
        && holds(&node.minimum, Ordering::Greater)
        && holds(&node.maximum, Ordering::Less)
        && node
            .multiple_of
            .as_ref()
            .is_none_or(|step| step.divides(&given))
}

fn is_allowed(node: &Node, json: &str) -> bool {
    node.values.as_ref().is_none_or(|values| have(values, json))
}

/// Whether a value is one of those that are allowed.
pub(super) fn have(values: &Values, json: &str) -> bool {
    serde_json::from_str::<Value>(json)
        .is_ok_and(|given| values.all.iter().any(|value| are_equal(value, &given)))
}

/// A number as a task has it that reads 32 bits: in as few digits as tell it from others.
pub(super) fn as_f32(json: &str) -> String {
    json.parse::<f32>()
        .map_or_else(|_| json.to_owned(), |number| number.to_string())
}

/// The text of a string in JSON.
#[inline]
pub(super) fn text(json: &str) -> Cow<'_, str> {
    if !json.as_bytes().contains(&b'\\')
        && let Some(text) = json.get(1..json.len().saturating_sub(1))
    {
        return Cow::Borrowed(text);
    }
    unescaped(json)
}

#[cold]
fn unescaped(json: &str) -> Cow<'_, str> {
    Cow::Owned(serde_json::from_str(json).unwrap_or_default())
}
