//! The bounds of a number.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::Compiler;
use super::mode::Mode;
use crate::arguments::constraints::node::{Bound, Node};
use crate::arguments::constraints::number::{Given, Number};
use crate::arguments::schema_types::range;

impl Compiler<'_> {
    pub(super) fn numbers(&mut self, schema: &Map<String, Value>, mode: Mode, node: &mut Node) {
        let of_type = schema
            .get("format")
            .and_then(Value::as_str)
            .and_then(range)
            .map(|(_, least, most)| (least, most));
        let bound = |keyword: &str, exclusive: bool| {
            let text = schema.get(keyword)?.as_number()?.to_string();
            let number = Number::of(&text)?;
            Some(Bound { number, exclusive })
        };
        // Of two bounds the one that leaves less.
        let stricter = |exclusive: Option<Bound>, plain: Option<Bound>, looser: Ordering| match (
            exclusive, plain,
        ) {
            (Some(exclusive), Some(plain)) => {
                let order = exclusive.number.compare(&Given::of(&plain.number.text));
                let of_both = if order.is_none_or(|order| order == looser || order.is_eq()) {
                    exclusive
                } else {
                    plain
                };
                Some(of_both)
            }
            (exclusive, plain) => exclusive.or(plain),
        };
        node.minimum = stricter(
            bound("exclusiveMinimum", true),
            bound("minimum", false),
            Ordering::Less,
        );
        node.maximum = stricter(
            bound("exclusiveMaximum", true),
            bound("maximum", false),
            Ordering::Greater,
        );
        if let (Some(least), Some(most), Mode::Read { .. }) = (&node.minimum, &node.maximum, mode) {
            let order = least.number.compare(&Given::of(&most.number.text));
            let is_open = least.exclusive || most.exclusive;
            if order == Some(Ordering::Less) || is_open && order == Some(Ordering::Equal) {
                self.problems.push(format!(
                    "no number is in the range from {} to {}",
                    least.number.text, most.number.text
                ));
            }
        }
        // What the type of Rust refuses by itself.
        let is_of_type = |bound: &Bound, (least, most): (i128, i128), inside: Ordering| {
            let limit = if inside == Ordering::Less {
                least
            } else {
                most
            };
            let order = bound.number.compare(&Given::of(&limit.to_string()));
            order == Some(inside.reverse()) || order == Some(Ordering::Equal) && !bound.exclusive
        };
        for (bound, inside) in [
            (&mut node.minimum, Ordering::Less),
            (&mut node.maximum, Ordering::Greater),
        ] {
            let says_more = bound.as_ref().is_some_and(|bound| {
                of_type.is_none_or(|limits| !is_of_type(bound, limits, inside))
            });
            node.asks |= says_more;
            if !says_more && !mode.decides() {
                *bound = None;
            }
        }
        node.is_f32 = schema.get("format").and_then(Value::as_str) == Some("float");
        node.multiple_of = schema
            .get("multipleOf")
            .and_then(Value::as_number)
            .and_then(|number| Number::of(&number.to_string()));
    }
}
