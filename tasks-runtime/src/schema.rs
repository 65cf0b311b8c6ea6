//! JSON Schemas of parameters and results.

use std::any::type_name;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Writes the schema of a type with a generator.
pub type WriteSchema<'a> = &'a dyn Fn(&mut SchemaGenerator) -> Schema;

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

/// Whether a value of this schema may be nested: anything but scalars, and lists and maps of them. An object may, since what it
/// does not know it ignores.
pub(crate) fn nests(schema: &Value) -> bool {
    !is_flat(schema, FLAT_LEVELS)
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
