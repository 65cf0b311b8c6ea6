//! JSON Schemas of parameters and results.

use std::any::type_name;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::arguments::{AnySlot, Declared};
use crate::registry::WriteSchema;
use crate::task::ParameterInfo;

/// What a client that is asked for a secret is to do (JSON Schema Validation, sections 7.3 and 9.4).
const SECRET: [(&str, &str); 1] = [("format", "password")];

/// The schema of the request parameters of a function.
pub(crate) fn of_parameters(
    parameters: &[Declared],
    make: &mut dyn FnMut(&'static str, WriteSchema<'_>) -> Schema,
) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for parameter in parameters {
        if parameter.slot.injected() {
            continue;
        }
        let write = |generator: &mut SchemaGenerator| {
            // What is not injected has a schema.
            parameter.slot.schema(generator).unwrap_or_default()
        };
        let schema = make(parameter.slot.type_name(), &write);
        properties.insert(parameter.name.to_owned(), of_parameter(parameter, schema));
        if parameter.slot.required() {
            required.push(parameter.name);
        }
    }
    let mut schema =
        json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn of_parameter(parameter: &Declared, schema: Schema) -> Value {
    let mut schema: Value = schema.into();
    let notes = notes(parameter);
    if notes.is_empty() {
        return schema;
    }
    if let Value::Bool(_) = schema {
        schema = json!({});
    }
    if let Value::Object(map) = &mut schema {
        map.extend(notes);
    }
    schema
}

/// What is known of a parameter beyond its type.
fn notes(parameter: &Declared) -> Map<String, Value> {
    let mut notes = Map::new();
    if let Some(description) = parameter.slot.parameter().description {
        notes.insert("description".to_owned(), description.into());
    }
    if parameter.secret {
        notes.insert("writeOnly".to_owned(), true.into());
        notes.extend(SECRET.map(|(key, value)| (key.to_owned(), value.into())));
    } else if let Some(default) = parameter.slot.default_json() {
        notes.insert("default".to_owned(), default);
    }
    if let Some(example) = parameter.slot.example_json() {
        notes.insert("examples".to_owned(), json!([example]));
    }
    notes
}

pub(crate) fn parameter_info(parameter: &Declared) -> ParameterInfo {
    let written = parameter.slot.parameter();
    ParameterInfo {
        name: parameter.name.to_owned(),
        annotation: written.annotation.to_owned(),
        default: written.default.map(str::to_owned),
        required: parameter.slot.required(),
        injected: parameter.injected,
        description: written.description.map(str::to_owned),
    }
}

fn settings() -> SchemaSettings {
    let mut settings = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(TitleVariants))
        .with_transform(RecursiveTransform(BoundIntegers));
    settings.meta_schema = None;
    settings
}

/// Gives the variants of an enum titles, so that a form or a generated client can name them.
///
/// A schemars [`Transform`]; titles that are there stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct TitleVariants;

impl Transform for TitleVariants {
    fn transform(&mut self, schema: &mut Schema) {
        for keyword in ["oneOf", "anyOf"] {
            let Some(Value::Array(variants)) = schema.get_mut(keyword) else {
                continue;
            };
            for variant in variants {
                let Value::Object(variant) = variant else {
                    continue;
                };
                if let Some(title) =
                    variant_title(variant).filter(|_| !variant.contains_key("title"))
                {
                    variant.insert("title".to_owned(), title.into());
                }
            }
        }
    }
}

/// Says in numbers what the formats `int32` and `uint32` mean, for clients and validators that do not know them.
///
/// A schemars [`Transform`]; bounds that are there stay. Those of 64 bits are left to the format: numbers of that size are
/// not what a reader of a schema wants to see.
#[derive(Clone, Copy, Debug, Default)]
pub struct BoundIntegers;

impl Transform for BoundIntegers {
    fn transform(&mut self, schema: &mut Schema) {
        let (least, most) = match schema.get("format").and_then(Value::as_str) {
            Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
            Some("uint32") => (json!(0), json!(u32::MAX)),
            _ => return,
        };
        for (keyword, exclusive, bound) in [
            ("minimum", "exclusiveMinimum", least),
            ("maximum", "exclusiveMaximum", most),
        ] {
            if schema.get(keyword).is_none() && schema.get(exclusive).is_none() {
                schema.insert(keyword.to_owned(), bound);
            }
        }
    }
}

/// The name of a variant: the one value it has, the value of its tag, or its only key.
fn variant_title(variant: &Map<String, Value>) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(only) = variant.get("const") {
        return text(only);
    }
    if let Some([only]) = variant
        .get("enum")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        return text(only);
    }
    let properties = variant.get("properties")?.as_object()?;
    if let Some(tag) = properties
        .values()
        .find_map(|property| property.get("const"))
    {
        return text(tag);
    }
    match variant.get("required")?.as_array()?.as_slice() {
        [only] if properties.len() == 1 => text(only),
        _ => None,
    }
}

/// A schema that stands alone: what it refers to is in its `$defs`.
pub(crate) fn standalone<T: JsonSchema>() -> Value {
    settings()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .into()
}

/// The schema of `params`, standing alone.
pub(crate) fn standalone_input(schema: impl FnOnce(&mut SchemaGenerator) -> Value) -> Value {
    let mut generator = settings().for_deserialize().into_generator();
    let mut schema = schema(&mut generator);
    add_definitions(&mut schema, &mut generator);
    schema
}

/// The schema of a result, standing alone.
pub(crate) fn standalone_output(
    schema: impl FnOnce(&mut SchemaGenerator) -> Option<Schema>,
) -> Option<Value> {
    let mut generator = settings().for_serialize().into_generator();
    let mut schema: Value = schema(&mut generator)?.into();
    add_definitions(&mut schema, &mut generator);
    Some(schema)
}

/// Makes a schema whole that was put together by hand: applies the generator's transforms, which it does by itself to
/// definitions and root schemas only, and adds the definitions.
fn add_definitions(schema: &mut Value, generator: &mut SchemaGenerator) {
    if let Ok(schema) = <&mut Schema>::try_from(&mut *schema) {
        for transform in generator.transforms_mut() {
            transform.transform(schema);
        }
    }
    let definitions = generator.take_definitions(true);
    if definitions.is_empty() {
        return;
    }
    if let Value::Object(schema) = schema {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
}

/// The schema of a struct whose fields are the parameters: in place, not by reference.
pub(crate) fn of_struct<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// The parameters that the properties of a struct's schema are.
pub(crate) fn parameters_of_struct(schema: &Value) -> Vec<ParameterInfo> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, property)| ParameterInfo {
            name: name.clone(),
            annotation: annotation(property),
            default: property.get("default").map(ToString::to_string),
            required: required.contains(&name.as_str()),
            injected: false,
            description: property
                .get("description")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
        .collect()
}

/// The type of a property in JSON Schema's words: a struct's fields do not tell their Rust types.
fn annotation(property: &Value) -> String {
    if let Some(reference) = property.get("$ref").and_then(Value::as_str) {
        return reference.rsplit('/').next().unwrap_or(reference).to_owned();
    }
    match property.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" | "),
        _ => "any".to_owned(),
    }
}

/// A type's name without the paths.
pub(crate) fn short_type_name<T>() -> String {
    let mut short = String::new();
    let mut segment = String::new();
    let mut chars = type_name::<T>().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ':' if chars.peek() == Some(&':') => {
                chars.next();
                segment.clear();
            }
            c if c.is_alphanumeric() || c == '_' => segment.push(c),
            c => {
                short.push_str(&segment);
                segment.clear();
                short.push(c);
            }
        }
    }
    short.push_str(&segment);
    short
}

/// Whether a parameter may hold a value that is nested: anything but scalars, and lists and maps of them. An object may, since
/// what it does not know it ignores.
pub(crate) fn nests(slot: &dyn AnySlot) -> bool {
    let mut generator = settings().for_deserialize().into_generator();
    let schema = slot.schema(&mut generator).map(Value::from);
    schema.is_some_and(|schema| !is_flat(&schema, FLAT_LEVELS))
}

/// The schema of a parameter, standing alone.
pub(crate) fn of_slot(slot: &dyn AnySlot) -> Value {
    standalone_input(|generator| {
        let schema = slot.schema(generator);
        schema.map_or(Value::Bool(true), Value::from)
    })
}

/// How many lists of lists are looked into.
const FLAT_LEVELS: usize = 4;

fn is_flat(schema: &Value, levels: usize) -> bool {
    let Some(levels) = levels.checked_sub(1) else {
        return false;
    };
    let all_flat = |list: &Value| {
        list.as_array()
            .is_some_and(|list| list.iter().all(|schema| is_flat(schema, levels)))
    };
    if let Some(alternatives) = schema.get("anyOf") {
        return all_flat(alternatives);
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return false,
    };
    types.iter().all(|name| match *name {
        "array" => match (schema.get("items"), schema.get("prefixItems")) {
            (Some(Value::Bool(false)) | None, Some(items)) => all_flat(items),
            (Some(items), None) => is_flat(items, levels),
            _ => false,
        },
        "object" => {
            schema.get("properties").is_none()
                && (schema.get("additionalProperties"))
                    .is_some_and(|values| is_flat(values, levels))
        }
        _ => true,
    })
}
