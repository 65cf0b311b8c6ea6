//! The keywords of JSON Schema: what the value of each has to be, and whether it is enforced.

use serde_json::{Map, Value};

/// What the value of a keyword is.
#[derive(Clone, Copy)]
pub(super) enum KeywordValue {
    Number,
    /// A number above 0.
    Step,
    /// An integer from 0 on.
    Count,
    Boolean,
    Text,
    Texts,
    /// Objects whose values are lists of strings.
    TextLists,
    Schema,
    /// Schemas, of which there is at least one.
    Schemas,
    /// An object whose values are schemas.
    Members,
    /// Values, of which there is at least one.
    Values,
    Any,
}

impl KeywordValue {
    pub(super) fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Number => value.is_number(),
            Self::Step => value.as_f64().is_some_and(|number| number > 0.0),
            Self::Count => value
                .as_f64()
                .is_some_and(|number| number >= 0.0 && number.fract() == 0.0),
            Self::Boolean => value.is_boolean(),
            Self::Text => value.is_string(),
            Self::Texts => is_list_of(value, Value::is_string),
            Self::TextLists => value.as_object().is_some_and(|lists| {
                lists
                    .values()
                    .all(|list| is_list_of(list, Value::is_string))
            }),
            Self::Schema => is_schema(value),
            Self::Schemas => is_list_of(value, is_schema) && *value != Value::Array(Vec::new()),
            Self::Members => value
                .as_object()
                .is_some_and(|members| members.values().all(is_schema)),
            Self::Values => is_list_of(value, |_| true) && *value != Value::Array(Vec::new()),
            Self::Any => true,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Step => "a number above 0",
            Self::Count => "an integer from 0 on",
            Self::Boolean => "`true` or `false`",
            Self::Text => "a string",
            Self::Texts => "a list of strings",
            Self::TextLists => "an object of lists of strings",
            Self::Schema => "a schema",
            Self::Schemas => "a list of schemas that is not empty",
            Self::Members => "an object of schemas",
            Self::Values => "a list of values that is not empty",
            Self::Any => "a value",
        }
    }
}

fn is_list_of(value: &Value, is: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(is))
}

fn is_schema(value: &Value) -> bool {
    value.is_object() || value.is_boolean()
}

/// The kinds of values that a keyword says something of: names of `type`; none for all.
pub(super) type For = &'static [&'static str];

const ALL: For = &[];
const NUMBERS: For = &["number", "integer"];
pub(super) const STRINGS: For = &["string"];
const LISTS: For = &["array"];
const OBJECTS: For = &["object"];

/// What is enforced: the keyword, what its value is, and of which values it says something.
pub(super) const ENFORCED: [(&str, KeywordValue, For); 37] = [
    ("$ref", KeywordValue::Text, ALL),
    ("additionalProperties", KeywordValue::Schema, OBJECTS),
    ("allOf", KeywordValue::Schemas, ALL),
    ("anyOf", KeywordValue::Schemas, ALL),
    ("const", KeywordValue::Any, ALL),
    ("contains", KeywordValue::Schema, LISTS),
    ("dependentRequired", KeywordValue::TextLists, OBJECTS),
    ("dependentSchemas", KeywordValue::Members, OBJECTS),
    ("else", KeywordValue::Schema, ALL),
    ("enum", KeywordValue::Values, ALL),
    ("exclusiveMaximum", KeywordValue::Number, NUMBERS),
    ("exclusiveMinimum", KeywordValue::Number, NUMBERS),
    ("format", KeywordValue::Text, ALL),
    ("if", KeywordValue::Schema, ALL),
    ("items", KeywordValue::Schema, LISTS),
    ("maxContains", KeywordValue::Count, LISTS),
    ("maximum", KeywordValue::Number, NUMBERS),
    ("maxItems", KeywordValue::Count, LISTS),
    ("maxLength", KeywordValue::Count, STRINGS),
    ("maxProperties", KeywordValue::Count, OBJECTS),
    ("minContains", KeywordValue::Count, LISTS),
    ("minimum", KeywordValue::Number, NUMBERS),
    ("minItems", KeywordValue::Count, LISTS),
    ("minLength", KeywordValue::Count, STRINGS),
    ("minProperties", KeywordValue::Count, OBJECTS),
    ("multipleOf", KeywordValue::Step, NUMBERS),
    ("not", KeywordValue::Schema, ALL),
    ("oneOf", KeywordValue::Schemas, ALL),
    ("pattern", KeywordValue::Text, STRINGS),
    ("patternProperties", KeywordValue::Members, OBJECTS),
    ("prefixItems", KeywordValue::Schemas, LISTS),
    ("properties", KeywordValue::Members, OBJECTS),
    ("propertyNames", KeywordValue::Schema, OBJECTS),
    ("required", KeywordValue::Texts, OBJECTS),
    ("then", KeywordValue::Schema, ALL),
    ("type", KeywordValue::Any, ALL),
    ("uniqueItems", KeywordValue::Boolean, LISTS),
];

/// What only informs readers, and is like something that is enforced.
pub(super) const FOR_READERS: [&str; 12] = [
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "contentMediaType",
    "default",
    "definitions",
    "deprecated",
    "description",
    "example",
    "examples",
    "title",
];

/// What is not enforced, although clients would rely on it; and what to write.
pub(super) const NOT_ENFORCED: [(&str, &str); 12] = [
    (
        "$dynamicAnchor",
        "is not enforced: refer to a type with `$ref`",
    ),
    (
        "$dynamicRef",
        "is not enforced: refer to a type with `$ref`",
    ),
    (
        "$recursiveRef",
        "is of an earlier draft of JSON Schema: refer to a type with `$ref`",
    ),
    (
        "additionalItems",
        "is of an earlier draft of JSON Schema: write `prefixItems` and `items`",
    ),
    (
        "contentEncoding",
        "is not enforced: write a pattern, or let the type read it",
    ),
    (
        "contentSchema",
        "is not enforced: let the type read what is in the string",
    ),
    (
        "dependencies",
        "is of an earlier draft of JSON Schema: write `dependentRequired` or `dependentSchemas`",
    ),
    (
        "divisibleBy",
        "is of an earlier draft of JSON Schema: write `multipleOf`",
    ),
    (
        "extends",
        "is of an earlier draft of JSON Schema: write `allOf`",
    ),
    (
        "nullable",
        "is no keyword of JSON Schema: a type that may be missing is an `Option`",
    ),
    (
        "unevaluatedItems",
        "is not enforced: write `items` beside `prefixItems`",
    ),
    (
        "unevaluatedProperties",
        "is not enforced but for `false` beside members: write `additionalProperties`",
    ),
];

/// The names of types.
pub(super) const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// The values that `const` or `enum` allow; `None` without them.
pub(super) fn allowed_values(schema: &Map<String, Value>) -> Option<&[Value]> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => Some(std::slice::from_ref(value)),
        (None, Some(Value::Array(values))) => Some(values),
        _ => None,
    }
}

/// The keyword that an unknown one is a slip of.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let name = plain(name);
    if name.len() > 32 {
        return None;
    }
    let near = ENFORCED.iter().filter_map(|(known, ..)| {
        let plain = plain(known);
        // Short ones are near to many words.
        let most = match plain.len() {
            0..=5 => 0,
            6..=8 => 1,
            _ => 2,
        };
        let slips = strsim::osa_distance(&name, &plain);
        (slips <= most).then_some((slips, *known))
    });
    near.min().map(|(_, known)| known)
}
