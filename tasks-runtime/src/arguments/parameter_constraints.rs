//! Constraints that are written beside a parameter: `#[task(range(min = 1))]`.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

/// One constraint.
pub enum Constraint {
    Minimum(fn() -> Value),
    Maximum(fn() -> Value),
    ExclusiveMinimum(fn() -> Value),
    ExclusiveMaximum(fn() -> Value),
    MultipleOf(fn() -> Value),
    Length {
        of: Counted,
        min: usize,
        /// `usize::MAX` if there may be any number.
        max: usize,
    },
    Pattern(&'static str),
    Format(&'static str),
    OneOf(fn() -> Vec<Value>),
    Unique,
    /// Those of each item of a list.
    Items(&'static [Self]),
}

/// What the length of a value counts.
#[derive(Clone, Copy)]
pub enum Counted {
    Characters,
    Items,
    Members,
}

impl Counted {
    fn keywords(self) -> [&'static str; 2] {
        match self {
            Self::Characters => ["minLength", "maxLength"],
            Self::Items => ["minItems", "maxItems"],
            Self::Members => ["minProperties", "maxProperties"],
        }
    }
}

impl Constraint {
    /// Writes it into the schema of what it is for.
    fn add_to(&self, schema: &mut Map<String, Value>) {
        let mut set = |keyword: &str, value: Value| {
            schema.insert(keyword.to_owned(), value);
        };
        match self {
            Self::Minimum(bound) => set("minimum", bound()),
            Self::Maximum(bound) => set("maximum", bound()),
            Self::ExclusiveMinimum(bound) => set("exclusiveMinimum", bound()),
            Self::ExclusiveMaximum(bound) => set("exclusiveMaximum", bound()),
            Self::MultipleOf(step) => set("multipleOf", step()),
            Self::Length { of, min, max } => {
                let [min_keyword, max_keyword] = of.keywords();
                if *min > 0 {
                    set(min_keyword, json!(min));
                }
                if *max < usize::MAX {
                    set(max_keyword, json!(max));
                }
            }
            Self::Pattern(pattern) => set("pattern", json!(pattern)),
            Self::Format(format) => set("format", json!(format)),
            Self::OneOf(values) => {
                let mut values = values();
                if is_nullable(schema) {
                    values.push(Value::Null);
                }
                schema.insert("enum".to_owned(), Value::Array(values));
            }
            Self::Unique => set("uniqueItems", json!(true)),
            Self::Items(constraints) => {
                let items = schema.entry("items").or_insert_with(|| json!({}));
                add(constraints, items);
            }
        }
    }
}

fn is_nullable(schema: &Map<String, Value>) -> bool {
    let types = schema.get("type").and_then(Value::as_array);
    types.is_some_and(|types| types.iter().any(|name| name == "null"))
}

/// Writes constraints into a schema.
pub(super) fn add(constraints: &[Constraint], schema: &mut Value) {
    if constraints.is_empty() {
        return;
    }
    if !schema.is_object() {
        *schema = json!({});
    }
    if let Value::Object(schema) = schema {
        for constraint in constraints {
            constraint.add_to(schema);
        }
    }
}

/// A type that `range` and `multiple_of` can be said of.
#[diagnostic::on_unimplemented(
    message = "`range` and `multiple_of` are for numbers, and `{Self}` is none",
    label = "not for this type",
    note = "in a type of your own, say it in the type: `#[derive(Deserialize, JsonSchema)] #[serde(transparent)] struct Rating(#[schemars(range(min = 1, max = 5))] u8)`",
    note = "for the items of a list, write `items(range(…))`"
)]
pub trait RangeParam {
    type Bound: Serialize;
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl RangeParam for $number {
            type Bound = $number;
        })*
    };
}
numbers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64);

macro_rules! positive_numbers {
    ($($number:ty)*) => {
        $(impl RangeParam for NonZero<$number> {
            type Bound = $number;
        })*
    };
}
positive_numbers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

/// A type that `length` can be said of.
#[diagnostic::on_unimplemented(
    message = "`length` is for strings, lists and maps, and `{Self}` is none",
    label = "not for this type",
    note = "in a type of your own, say it in the type: `#[derive(Deserialize, JsonSchema)] #[serde(transparent)] struct Title(#[schemars(length(min = 1, max = 80))] String)`",
    note = "for the items of a list, write `items(length(…))`"
)]
pub trait LengthParam {
    const COUNTED: Counted;
}

/// A type that `pattern` and `format` can be said of.
#[diagnostic::on_unimplemented(
    message = "`pattern` and `format` are for strings, and `{Self}` is none",
    label = "not for this type",
    note = "in a type of your own, say it in the type: `#[derive(Deserialize, JsonSchema)] #[serde(transparent)] struct Code(#[schemars(regex(pattern = \"^[A-Z]+$\"))] String)`",
    note = "for the items of a list, write `items(pattern = …)`"
)]
pub trait TextParam {}

/// A type that `one_of` can be said of.
#[diagnostic::on_unimplemented(
    message = "`one_of` is for strings and numbers, and `{Self}` is none",
    label = "not for this type",
    note = "an enum says it by itself: derive `Deserialize` and `JsonSchema` for it",
    note = "for the items of a list, write `items(one_of(…))`"
)]
pub trait ChoiceParam {
    type Choice: Serialize;
}

/// A type that `items` and `unique` can be said of.
#[diagnostic::on_unimplemented(
    message = "`items` and `unique` are for lists, and `{Self}` is none",
    label = "not for this type"
)]
pub trait ItemsParam {
    type Item;
}

macro_rules! texts {
    ($($text:ty)*) => {
        $(impl LengthParam for $text {
            const COUNTED: Counted = Counted::Characters;
        }

        impl TextParam for $text {}

        impl ChoiceParam for $text {
            type Choice = &'static str;
        })*
    };
}
texts!(String Box<str> Arc<str> Cow<'static, str> PathBuf);

macro_rules! numbers_to_choose {
    ($($number:ty)*) => {
        $(impl ChoiceParam for $number {
            type Choice = $number;
        })*
    };
}
numbers_to_choose!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64 char);

macro_rules! lists {
    ($(($($generic:ident),*) $list:ty;)*) => {
        $(impl<$($generic),*> LengthParam for $list {
            const COUNTED: Counted = Counted::Items;
        }

        impl<$($generic),*> ItemsParam for $list {
            type Item = T;
        })*
    };
}
lists! {
    (T) Vec<T>;
    (T) VecDeque<T>;
    (T) BTreeSet<T>;
    (T, S) HashSet<T, S>;
}

impl<K, V> LengthParam for BTreeMap<K, V> {
    const COUNTED: Counted = Counted::Members;
}

impl<K, V, S> LengthParam for HashMap<K, V, S> {
    const COUNTED: Counted = Counted::Members;
}

macro_rules! wrappers {
    ($($wrapper:ident)*) => {
        $(impl<T: RangeParam> RangeParam for $wrapper<T> {
            type Bound = T::Bound;
        }

        impl<T: LengthParam> LengthParam for $wrapper<T> {
            const COUNTED: Counted = T::COUNTED;
        }

        impl<T: TextParam> TextParam for $wrapper<T> {}

        impl<T: ChoiceParam> ChoiceParam for $wrapper<T> {
            type Choice = T::Choice;
        }

        impl<T: ItemsParam> ItemsParam for $wrapper<T> {
            type Item = T::Item;
        })*
    };
}
wrappers!(Option Box Arc);

/// A bound of `range`, or the step of `multiple_of`.
pub fn bound<B: Serialize>(bound: B) -> Value {
    shown(&bound)
}

/// A value as JSON, by way of its text: that has `0.1` as `f32` in as few digits as it was written, and a tree of values has not.
fn shown<T: Serialize>(value: &T) -> Value {
    let text = serde_json::to_string(value);
    let value = text.and_then(|text| serde_json::from_str(&text));
    value.unwrap_or_default()
}

/// The values of `one_of`.
pub fn choices<C: Serialize>(values: &[C]) -> Vec<Value> {
    values.iter().map(shown).collect()
}

#[must_use]
pub const fn length<T: LengthParam>(min: usize, max: usize) -> Constraint {
    Constraint::Length {
        of: T::COUNTED,
        min,
        max,
    }
}

#[must_use]
pub const fn pattern<T: TextParam>(pattern: &'static str) -> Constraint {
    Constraint::Pattern(pattern)
}

#[must_use]
pub const fn format<T: TextParam>(format: &'static str) -> Constraint {
    Constraint::Format(format)
}

#[must_use]
pub const fn items<T: ItemsParam>(constraints: &'static [Constraint]) -> Constraint {
    Constraint::Items(constraints)
}

#[must_use]
pub const fn unique<T: ItemsParam>() -> Constraint {
    Constraint::Unique
}
