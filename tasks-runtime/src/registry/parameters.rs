//! What is said of the parameters of a task: their schema, and a record of each.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::arguments::RegisteredParameter;
use crate::schema::WriteSchema;
use crate::task::ParameterInfo;

/// What a client that is asked for a secret is to do (JSON Schema Validation, sections 7.3 and 9.4).
const SECRET: [(&str, &str); 1] = [("format", "password")];

/// The schema of the request parameters of a function.
pub(super) fn schema_of(
    parameters: &[RegisteredParameter],
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

fn of_parameter(parameter: &RegisteredParameter, schema: Schema) -> Value {
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
fn notes(parameter: &RegisteredParameter) -> Map<String, Value> {
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

pub(super) fn info(parameter: &RegisteredParameter) -> ParameterInfo {
    let written = parameter.slot.parameter();
    ParameterInfo {
        name: parameter.name.to_owned(),
        annotation: written.annotation.to_owned(),
        default: written.default.map(str::to_owned),
        required: parameter.slot.required(),
        injected: parameter.injected,
        description: written.description.map(str::to_owned),
        constraints: written.constraint_keywords(),
    }
}

/// The parameters that the properties of a struct's schema are.
pub(super) fn infos_of_struct(schema: &Value) -> Vec<ParameterInfo> {
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
            constraints: Map::new(),
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
