//! Whether a schema can be meant as it is written, so that what is shown is what is enforced.

use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::format::Format;
use super::keywords::{
    ENFORCED, FOR_READERS, For, KeywordValue, NOT_ENFORCED, STRINGS, TYPES, allowed_values, meant,
};
use super::types::Types;
use crate::pointer::escape;

/// What of a schema cannot be meant as it is written: where, and why.
pub(super) fn problems(root: &Value) -> Vec<String> {
    let mut walk = Walk {
        root,
        seen: HashSet::new(),
        problems: Vec::new(),
    };
    walk.schema(root, "", true);
    walk.problems
}

struct Walk<'s> {
    root: &'s Value,
    /// Definitions that were looked at, and whether as types.
    seen: HashSet<(&'s str, bool)>,
    problems: Vec<String>,
}

impl<'s> Walk<'s> {
    fn report(&mut self, at: &str, what: impl AsRef<str>) {
        let what = what.as_ref();
        self.problems.push(match at {
            "" => format!("its schema cannot be used: {what}"),
            at => format!("its schema cannot be used: at `{at}`, {what}"),
        });
    }

    /// Looks at a schema, and at all inside it. One of a type is read by it; others are conditions, which need not make sense for each
    /// value.
    fn schema(&mut self, schema: &'s Value, at: &str, of_type: bool) {
        let Value::Object(schema) = schema else {
            return;
        };
        for (name, value) in schema {
            self.keyword(schema, name, value, at);
        }
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            self.reference(pointer, at, of_type);
        }
        if of_type {
            self.sense(schema, at);
        }
        self.inside(schema, at, of_type);
    }

    /// Whether a keyword is known, and its value what it has to be.
    fn keyword(&mut self, schema: &Map<String, Value>, name: &str, value: &Value, at: &str) {
        if let Some((_, kind, _)) = ENFORCED.iter().find(|(known, ..)| *known == name) {
            if !kind.is_of(value) {
                let hint = match (name, value) {
                    ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(_)) => {
                        "; it is the bound itself since draft 6"
                    }
                    ("items", Value::Array(_)) => "; since 2020-12 a list is `prefixItems`",
                    _ => "",
                };
                self.report(
                    at,
                    format!(
                        "`{name}` is `{}`, and has to be {}{hint}",
                        short(value),
                        kind.words()
                    ),
                );
            }
            if name == "type"
                && let Some(unknown) = unknown_type(value)
            {
                self.report(
                    at,
                    format!(
                        "`type` is `{}`, and has to be of {}",
                        short(unknown),
                        TYPES.join(", ")
                    ),
                );
            }
            return;
        }
        let is_shape = name == "unevaluatedProperties"
            && *value == Value::Bool(false)
            && ["properties", "$ref", "allOf", "anyOf", "oneOf"]
                .iter()
                .any(|keyword| schema.contains_key(*keyword));
        if is_shape || name.starts_with("x-") || FOR_READERS.contains(&name) {
            return;
        }
        if let Some((_, what)) = NOT_ENFORCED.iter().find(|(known, _)| *known == name) {
            self.report(at, format!("`{name}` {what}"));
        } else if let Some(meant) = meant(name) {
            self.report(
                at,
                format!("`{name}` is no keyword: did you mean `{meant}`?"),
            );
        }
    }

    fn reference(&mut self, pointer: &'s str, at: &str, of_type: bool) {
        let Some(target) = self.target(pointer) else {
            self.report(
                at,
                format!(
                    "`$ref` leads to `{pointer}`, which is no definition of this schema: use the type itself, or `schema_with`"
                ),
            );
            return;
        };
        let mut next = target;
        let mut passed = HashSet::from([pointer]);
        while let Some(further) = next.get("$ref").and_then(Value::as_str) {
            if !passed.insert(further) {
                self.report(
                    at,
                    format!("`$ref` leads from `{pointer}` back to itself, and says nothing"),
                );
                return;
            }
            match self.target(further) {
                Some(target) => next = target,
                None => break,
            }
        }
        if self.seen.insert((pointer, of_type)) {
            self.schema(target, pointer.trim_start_matches('#'), of_type);
        }
    }

    /// What a reference leads to. In the OpenAPI document the definitions are elsewhere, and other places are not.
    fn target(&self, pointer: &str) -> Option<&'s Value> {
        let path = pointer.strip_prefix('#')?;
        path.starts_with("/$defs/")
            .then(|| self.root.pointer(path))?
    }

    /// Whether keywords say something of the type of the value, and together leave anything.
    fn sense(&mut self, schema: &Map<String, Value>, at: &str) {
        let names = self.types(schema);
        if names.is_some_and(|names| unknown_type(names).is_some()) {
            return;
        }
        let types = names.map(|names| Types::of(Some(names)).unwrap_or(Types::NONE));
        if let Some(names) = names {
            let has = |wanted: For| match names {
                Value::Array(names) => names
                    .iter()
                    .any(|name| name.as_str().is_some_and(|name| wanted.contains(&name))),
                name => name.as_str().is_some_and(|name| wanted.contains(&name)),
            };
            for (name, _, wanted) in ENFORCED {
                let wanted = match schema.get(name) {
                    None => continue,
                    Some(Value::String(format))
                        if name == "format" && Format::of(format).is_some() =>
                    {
                        STRINGS
                    }
                    Some(_) => wanted,
                };
                if let [first, ..] = wanted
                    && !has(wanted)
                {
                    self.report(
                        at,
                        format!(
                            "`{name}` is for a value of type `{first}`, and this one is of type `{}`",
                            short(names).replace(['"', '[', ']'], "")
                        ),
                    );
                }
            }
        }
        for value in allowed_values(schema).unwrap_or_default() {
            if types.is_some_and(|types| !types.allow(&value.to_string())) {
                self.report(
                    at,
                    format!(
                        "the value `{}` is not of type `{}`",
                        short(value),
                        names
                            .map(short)
                            .unwrap_or_default()
                            .replace(['"', '[', ']'], "")
                    ),
                );
            }
        }
        let is_integer = names.is_some_and(|names| match names {
            Value::Array(names) => names.iter().all(|name| name == "integer" || name == "null"),
            name => name == "integer",
        });
        if is_integer {
            self.integers(schema, at);
        }
    }

    /// Whether an integer is within the bounds. A range without any number is found elsewhere.
    fn integers(&mut self, schema: &Map<String, Value>, at: &str) {
        /// Up to here each integer is a number of 64 bits.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let bounds = Bounds::of(schema);
        let (Some(least), Some(most)) = (bounds.least_integer(), bounds.most_integer()) else {
            return;
        };
        if least.abs() < EXACT && most.abs() < EXACT && least > most {
            self.report(at, "no integer is within its bounds");
        }
    }

    /// The types of a value: those that its schema says, or the one it refers to.
    fn types<'a>(&self, schema: &'a Map<String, Value>) -> Option<&'a Value>
    where
        's: 'a,
    {
        let mut schema = schema;
        for _ in 0..16 {
            if let Some(names) = schema.get("type") {
                return Some(names);
            }
            let pointer = schema.get("$ref")?.as_str()?;
            schema = self.target(pointer)?.as_object()?;
        }
        None
    }

    fn inside(&mut self, schema: &'s Map<String, Value>, at: &str, of_type: bool) {
        for (name, kind, _) in ENFORCED {
            let Some(value) = schema.get(name) else {
                continue;
            };
            let of_type = of_type
                && !matches!(
                    name,
                    "not"
                        | "if"
                        | "then"
                        | "else"
                        | "contains"
                        | "propertyNames"
                        | "dependentSchemas"
                );
            match (kind, value) {
                (KeywordValue::Schema, value) => {
                    self.schema(value, &format!("{at}/{name}"), of_type);
                }
                (KeywordValue::Schemas, Value::Array(list)) => {
                    for (index, value) in list.iter().enumerate() {
                        self.schema(value, &format!("{at}/{name}/{index}"), of_type);
                    }
                }
                (KeywordValue::Members, Value::Object(members)) => {
                    for (key, value) in members {
                        self.schema(value, &format!("{at}/{name}/{}", escape(key)), of_type);
                    }
                }
                _ => {}
            }
        }
    }
}

/// A name in `type` that is none.
fn unknown_type(names: &Value) -> Option<&Value> {
    let is_unknown = |name: &&Value| !name.as_str().is_some_and(|name| TYPES.contains(&name));
    match names {
        Value::Array(list) if list.is_empty() => Some(names),
        Value::Array(list) => list.iter().find(is_unknown),
        name => Some(name).filter(is_unknown),
    }
}

/// A value in a few characters.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The bounds of a number, in a schema and in the parts that it has to keep.
struct Bounds {
    least: Option<f64>,
    above: Option<f64>,
    most: Option<f64>,
    below: Option<f64>,
}

impl Bounds {
    fn of(schema: &Map<String, Value>) -> Self {
        let number = |keyword: &str| schema.get(keyword)?.as_number().and_then(Number::as_f64);
        Self {
            least: number("minimum"),
            above: number("exclusiveMinimum"),
            most: number("maximum"),
            below: number("exclusiveMaximum"),
        }
    }

    fn least_integer(&self) -> Option<f64> {
        let least = self.least.map(f64::ceil);
        let above = self.above.map(|bound| bound.floor() + 1.0);
        least.into_iter().chain(above).reduce(f64::max)
    }

    fn most_integer(&self) -> Option<f64> {
        let most = self.most.map(f64::floor);
        let below = self.below.map(|bound| bound.ceil() - 1.0);
        most.into_iter().chain(below).reduce(f64::min)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (schema, why) in [
            (
                json!({"minimum": "5"}),
                "`minimum` is `\"5\"`, and has to be a number",
            ),
            (json!({"minLength": -1}), "an integer from 0 on"),
            (json!({"maxItems": 1.5}), "an integer from 0 on"),
            (json!({"pattern": 5}), "has to be a string"),
            (json!({"uniqueItems": "yes"}), "`true` or `false`"),
            (
                json!({"minimum": 3, "exclusiveMinimum": true}),
                "the bound itself since draft 6",
            ),
            (json!({"multipleOf": 0}), "a number above 0"),
            (json!({"multipleOf": -1}), "a number above 0"),
            (json!({"enum": []}), "a list of values that is not empty"),
            (json!({"required": "a"}), "a list of strings"),
            (json!({"items": [{"type": "string"}]}), "`prefixItems`"),
            (json!({"anyOf": []}), "a list of schemas that is not empty"),
            (json!({"properties": {"a": 5}}), "an object of schemas"),
            (json!({"minLenght": 3}), "did you mean `minLength`?"),
            (json!({"min_length": 3}), "did you mean `minLength`?"),
            (json!({"maximun": 3}), "did you mean `maximum`?"),
            (
                json!({"type": "integer", "minLength": 3}),
                "`minLength` is for a value of type `string`, and this one is of type `integer`",
            ),
            (
                json!({"type": ["string", "null"], "minimum": 3}),
                "this one is of type `string,null`",
            ),
            (
                json!({"type": "integer", "format": "email"}),
                "`format` is for a value of type `string`",
            ),
            (
                json!({"type": "int"}),
                "`type` is `\"int\"`, and has to be of",
            ),
            (
                json!({"dependencies": {"a": ["b"]}}),
                "write `dependentRequired`",
            ),
            (json!({"additionalItems": false}), "write `prefixItems`"),
            (
                json!({"$ref": "#/$defs/None"}),
                "no definition of this schema",
            ),
            (
                json!({"$ref": "https://example.com/a"}),
                "no definition of this schema",
            ),
            (
                json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}),
                "back to itself",
            ),
            (json!({"unevaluatedProperties": false}), "is not enforced"),
            (json!({"unevaluatedItems": false}), "is not enforced"),
            (json!({"contentEncoding": "base64"}), "is not enforced"),
            (json!({"$dynamicRef": "#a"}), "is not enforced"),
            (
                json!({"type": "string", "const": 5}),
                "the value `5` is not of type `string`",
            ),
            (
                json!({"type": "integer", "enum": [1, 1.5]}),
                "the value `1.5` is not of type `integer`",
            ),
            (
                json!({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}),
                "no integer",
            ),
            (
                json!({"type": "integer", "minimum": 1.2, "maximum": 1.8}),
                "no integer",
            ),
        ] {
            let found = problems(&schema);
            assert_eq!(found.len(), 1, "{schema}: {found:?}");
            assert!(found[0].contains(why), "{schema}: {found:?}");
        }
        let inside = json!({"properties": {"a/b": {"items": {"type": "integer", "pattern": "a"}}}});
        assert!(problems(&inside)[0].contains("at `/properties/a~1b/items`"));
        let definition = json!({"$ref": "#/$defs/A", "$defs": {"A": {"minimum": "1"}}});
        assert!(problems(&definition)[0].contains("at `/$defs/A`"));
    }

    #[test]
    fn what_can_be_meant_is_taken() {
        for schema in [
            json!(true),
            json!({"type": "string", "x-order": 1, "note": "a", "cost": 1, "title": "T", "contentMediaType": "text/html"}),
            json!({"type": ["string", "null"], "minLength": 1.0, "enum": ["a", null]}),
            json!({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3, "const": 2}),
            json!({"properties": {"minLenght": {"type": "string"}, "dependencies": true}}),
            json!({"not": {"type": "integer", "minLength": 1}, "if": {"required": ["a"]}, "then": {"minItems": 1}}),
            json!({"allOf": [{"$ref": "#/$defs/A"}], "unevaluatedProperties": false, "$defs": {"A": {"properties": {"a": {"$ref": "#/$defs/A"}}}}}),
            json!({"type": "integer", "format": "int32", "default": "a"}),
        ] {
            let found = problems(&schema);
            assert!(found.is_empty(), "{schema}: {found:?}");
        }
    }

    #[test]
    #[allow(dead_code, reason = "only the schemas of the types are looked at")]
    fn what_schemars_writes_is_taken() {
        use std::collections::{BTreeMap, BTreeSet, HashMap};
        use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
        use std::num::{NonZeroI64, NonZeroU8};
        use std::ops::{Bound, Range, RangeInclusive};
        use std::path::PathBuf;
        use std::time::{Duration, SystemTime};

        use schemars::JsonSchema;
        use serde::Deserialize;

        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct Page {
            #[schemars(length(min = 1, max = 9), regex(pattern = "^a"))]
            _name: Option<String>,
            #[schemars(range(min = 1), extend("x-order" = 1))]
            #[serde(default)]
            _size: f32,
            #[schemars(inner(email))]
            _mails: Option<Vec<String>>,
        }

        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct Query {
            #[serde(flatten)]
            _page: Page,
            #[serde(flatten)]
            _or: Option<Choice>,
        }

        #[derive(Deserialize, JsonSchema)]
        enum Choice {
            _Unit,
            _New(Box<Page>),
            _Tuple(u8, char),
            _Struct { _again: Vec<Self> },
        }

        #[derive(Deserialize, JsonSchema)]
        #[serde(tag = "t", content = "c")]
        enum Adjacent {
            _A(u8),
            _B { _c: () },
        }

        fn check<T: JsonSchema>() {
            let schema = crate::schema::standalone::<T>();
            let found = problems(&schema);
            assert!(found.is_empty(), "{schema}: {found:?}");
        }

        check::<(IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr)>();
        check::<(NonZeroU8, NonZeroI64, Option<NonZeroU8>, u128, i8, f64)>();
        check::<(Bound<u8>, Range<i64>, RangeInclusive<f32>)>();
        check::<(Duration, SystemTime, PathBuf, char, ())>();
        check::<(BTreeMap<u8, String>, HashMap<String, bool>, BTreeSet<i64>)>();
        check::<(Result<u8, String>, [u8; 3], Option<Box<str>>, Value)>();
        check::<(Page, Query, Choice, Adjacent, Option<Adjacent>)>();
    }
}
