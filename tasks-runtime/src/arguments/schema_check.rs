//! What is wrong with a value by its schema: all of it, where a decoder stops at the first thing.
//!
//! Only what a decoder would refuse as well is looked for: kinds of values, fields that are missing or unknown, variants, the ranges of
//! integers. Where a schema leaves open which of several alternatives a value is, nothing is said. On the same way, numbers are found that a
//! decoder takes, and changes.

use serde_json::Value;

use super::code::ArgumentErrorCode as Code;
use super::error::MAX_ERRORS;
use super::finding::Finding;
use super::json_kind::Kind;
use super::members::members;
use super::precision::{
    DOUBLE_DIGITS, has_long_numbers, is_anything, is_decimal, is_exact_integer, is_single,
    significant_digits, too_many_digits,
};
use super::repeated;
use super::scanner::Scanner;
use super::schema_types::{range, types};
use crate::nearest::nearest;
use crate::pointer::escape;

/// How many bytes are looked at in all levels of a value together.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How many references lead to each other before it is given up.
const MAX_REFERENCES: usize = 16;
/// All that is wrong with a value.
pub(super) fn all(schema: &Value, json: &str) -> Vec<Finding> {
    let mut found = Inspector::run(schema, json, false);
    // Also where a struct would say it that was not reached.
    found.extend(repeated(json));
    found
}

/// The members that are given twice.
pub(super) fn repeated(json: &str) -> impl Iterator<Item = Finding> {
    let found = repeated::find(json, MAX_ERRORS).into_iter();
    found.map(Finding::repeated)
}

/// The numbers in a value that would be read as other ones.
pub(super) fn numbers(schema: &Value, json: &str) -> Vec<Finding> {
    Inspector::run(schema, json, true)
}

struct Inspector<'s> {
    root: &'s Value,
    numbers_only: bool,
    found: Vec<Finding>,
    budget: usize,
}

impl<'s> Inspector<'s> {
    fn run(root: &'s Value, json: &str, numbers_only: bool) -> Vec<Finding> {
        let mut inspector = Self {
            root,
            numbers_only,
            found: Vec::new(),
            budget: MAX_BYTES,
        };
        inspector.value(root, json.trim(), "");
        inspector.found
    }

    fn report(&mut self, pointer: String, code: Code, detail: impl FnOnce() -> String) {
        if !self.numbers_only && self.found.len() < MAX_ERRORS {
            self.found.push(Finding {
                pointer,
                code,
                detail: detail(),
            });
        }
    }

    fn report_number(&mut self, pointer: &str, code: Code, detail: String) {
        if self.found.len() < MAX_ERRORS {
            self.found.push(Finding {
                pointer: pointer.to_owned(),
                code,
                detail,
            });
        }
    }

    /// Whether it goes on.
    fn spend(&mut self, json: &str) -> bool {
        if self.found.len() >= MAX_ERRORS {
            return false;
        }
        match self.budget.checked_sub(json.len()) {
            Some(rest) => {
                self.budget = rest;
                true
            }
            None => false,
        }
    }

    fn resolve(&self, mut schema: &'s Value) -> &'s Value {
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                return schema;
            };
            let target = reference
                .strip_prefix('#')
                .and_then(|pointer| self.root.pointer(pointer));
            match target {
                Some(target) => schema = target,
                None => return &Value::Bool(true),
            }
        }
        schema
    }

    fn value(&mut self, schema: &'s Value, json: &str, at: &str) {
        if !self.spend(json) {
            return;
        }
        let schema = self.resolve(schema);
        if is_anything(schema) {
            self.anything(json, at);
            return;
        }
        let kind = Kind::of(json);
        let types = types(schema);
        if !types.is_empty() && !types.iter().any(|name| kind.is(name)) {
            self.report(at.to_owned(), Code::Type, || {
                format!(
                    "invalid type: {}, expected {}",
                    kind.words(json),
                    expected(schema, &types)
                )
            });
            return;
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            for part in parts {
                self.value(part, json, at);
            }
        }
        for keyword in ["anyOf", "oneOf"] {
            let alternatives = schema.get(keyword).and_then(Value::as_array);
            if let Some(chosen) = alternatives.and_then(|list| self.choose(list, kind, json)) {
                self.value(chosen, json, at);
            }
        }
        match kind {
            Kind::Integer | Kind::Float => self.number(schema, kind, json, at),
            Kind::String => self.text(schema, json, at),
            Kind::Array => self.array(schema, json, at),
            Kind::Object => self.object(schema, json, at),
            Kind::Null | Kind::Boolean => {}
        }
    }

    /// The one alternative that a value can be, if it says which.
    fn choose(&self, alternatives: &'s [Value], kind: Kind, json: &str) -> Option<&'s Value> {
        let members = match kind {
            Kind::Object => members(json).ok()?,
            _ => Vec::new(),
        };
        let get = |name: &str| {
            let found = members.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| *value)
        };
        let fits = |schema: &Value| {
            let schema = self.resolve(schema);
            let types = types(schema);
            if !types.is_empty() && !types.iter().any(|name| kind.is(name)) {
                return false;
            }
            if kind != Kind::Object {
                return schema.get("const").is_none();
            }
            let properties = schema.get("properties").and_then(Value::as_object);
            let tags_fit = properties.into_iter().flatten().all(|(name, property)| {
                property.get("const").is_none_or(|tag| {
                    get(name).is_some_and(|value| {
                        serde_json::from_str::<Value>(value).is_ok_and(|value| value == *tag)
                    })
                })
            });
            // The name of a variant is its only key.
            let key_fits = match (properties, schema.get("required").and_then(Value::as_array)) {
                (Some(properties), Some(required))
                    if properties.len() == 1 && required.len() == 1 =>
                {
                    properties.keys().all(|name| get(name).is_some())
                }
                _ => true,
            };
            tags_fit && key_fits
        };
        let mut fitting = alternatives.iter().filter(|schema| fits(schema));
        let only = fitting.next()?;
        fitting.next().is_none().then_some(only)
    }

    fn number(&mut self, schema: &Value, kind: Kind, json: &str, at: &str) {
        let format = schema.get("format").and_then(Value::as_str);
        if is_single(schema) {
            // As serde reads it.
            #[allow(clippy::cast_possible_truncation, reason = "that is the question")]
            let single = json.parse::<f64>().map(|number| number as f32);
            if single.is_ok_and(f32::is_infinite) {
                let detail = format!(
                    "invalid value: {}, expected a number of single precision, up to {:e}",
                    kind.words(json),
                    f32::MAX
                );
                self.report_number(at, Code::Range, detail);
            }
        } else if is_decimal(schema) {
            let exact = match kind {
                Kind::Integer => is_exact_integer(json),
                _ => significant_digits(json) <= DOUBLE_DIGITS,
            };
            if !exact {
                self.report_number(at, Code::Precision, too_many_digits(kind, json));
            }
        } else if kind == Kind::Integer
            && let Some((name, least, most)) = format.and_then(range)
        {
            let fits = match json.parse::<i128>() {
                Ok(number) => (least..=most).contains(&number),
                Err(_) => false,
            };
            if !fits {
                self.report(at.to_owned(), Code::Range, || {
                    format!("invalid value: {}, expected {name}", kind.words(json))
                });
            }
        }
    }

    fn text(&mut self, schema: &Value, json: &str, at: &str) {
        if self.numbers_only {
            return;
        }
        let alternatives = match schema.get("oneOf").and_then(Value::as_array) {
            Some(list) => list.iter().collect(),
            None => vec![schema],
        };
        let mut known: Vec<&str> = Vec::new();
        for schema in alternatives {
            match (schema.get("enum"), schema.get("const")) {
                (Some(Value::Array(values)), _) => {
                    known.extend(values.iter().filter_map(Value::as_str));
                }
                (_, Some(Value::String(value))) => known.push(value),
                // A variant that is no text.
                _ if !types(schema).contains(&"string") => {}
                _ => return,
            }
        }
        if known.is_empty() {
            return;
        }
        let Ok(text) = serde_json::from_str::<String>(json) else {
            return;
        };
        if !known.contains(&text.as_str()) {
            self.report(at.to_owned(), Code::OneOf, || {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                let shown: String = text.chars().take(100).collect();
                format!(
                    "unknown variant `{shown}`, expected one of {}",
                    names.join(", ")
                )
            });
        }
    }

    fn array(&mut self, schema: &'s Value, json: &str, at: &str) {
        let first = schema
            .get("prefixItems")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let others = schema.get("items").filter(|items| **items != false);
        let mut count = 0;
        let mut scanner = Scanner::new(json);
        // It was checked to be JSON.
        let _ = scanner.array(|scanner| {
            let start = scanner.position;
            scanner.skip_value()?;
            if let Some(schema) = first.get(count).or(others) {
                self.value(
                    schema,
                    &json[start..scanner.position],
                    &format!("{at}/{count}"),
                );
            }
            count += 1;
            (self.found.len() < MAX_ERRORS).then_some(())
        });
        let is_tuple = !first.is_empty() && others.is_none();
        if is_tuple && count != first.len() && self.found.len() < MAX_ERRORS {
            self.report(at.to_owned(), Code::Length, || {
                format!("invalid length {count}, expected a list of {}", first.len())
            });
        }
    }

    fn object(&mut self, schema: &'s Value, json: &str, at: &str) {
        let Ok(members) = members(json) else {
            return;
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        let of = |name: &str| properties.and_then(|properties| properties.get(name));
        let missing: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|name| !members.iter().any(|(key, _)| key == name))
            .collect();
        let strangers = members.iter().any(|(key, _)| of(key).is_none());
        for (key, value) in &members {
            let pointer = || format!("{at}/{}", escape(key));
            match (of(key), others) {
                (Some(schema), _) => self.value(schema, value, &pointer()),
                (None, Some(schema)) if *schema != false => self.value(schema, value, &pointer()),
                // It may be another name of a field that is missing.
                (None, Some(_)) if missing.is_empty() => {
                    self.report(pointer(), Code::Unknown, || unknown_field(key, properties));
                }
                _ => {}
            }
        }
        if !strangers {
            for name in missing {
                self.report(format!("{at}/{}", escape(name)), Code::Missing, || {
                    "required, and missing".to_owned()
                });
            }
        }
    }

    /// A value of any type keeps integers of 64 bits.
    fn anything(&mut self, json: &str, at: &str) {
        match Kind::of(json) {
            Kind::Integer if !is_exact_integer(json) => {
                self.report_number(at, Code::Precision, too_many_digits(Kind::Integer, json));
            }
            Kind::Array if has_long_numbers(json) => self.array(&ANY_LIST, json, at),
            Kind::Object if has_long_numbers(json) => self.object(&ANY_OBJECT, json, at),
            _ => {}
        }
    }
}

static ANY_LIST: std::sync::LazyLock<Value> =
    std::sync::LazyLock::new(|| serde_json::json!({"items": {}}));
static ANY_OBJECT: std::sync::LazyLock<Value> =
    std::sync::LazyLock::new(|| serde_json::json!({"additionalProperties": {}}));

fn expected(schema: &Value, types: &[&str]) -> String {
    let format = schema.get("format").and_then(Value::as_str);
    let words = |name: &&str| match *name {
        "integer" => format
            .and_then(range)
            .map_or("an integer", |(name, ..)| name),
        "number" => "a number",
        "string" => "a string",
        "boolean" => "a boolean",
        "array" => "a list",
        "object" => "an object",
        _ => "null",
    };
    types.iter().map(words).collect::<Vec<_>>().join(" or ")
}

fn unknown_field(key: &str, properties: Option<&serde_json::Map<String, Value>>) -> String {
    let known = || {
        properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
    };
    match nearest(key, known(), 1).first() {
        Some(close) => format!("unknown field, did you mean `{close}`?"),
        None => "unknown field".to_owned(),
    }
}
