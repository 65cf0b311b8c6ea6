//! The two versions of OpenAPI, as far as they differ.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};
use tasks_runtime::{BoundIntegers, TitleVariants};

use super::dialect;

/// A version of OpenAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Whose schemas are JSON Schema 2020-12.
    V3_1,
    /// Whose schemas are a dialect of their own.
    V3_0,
}

/// The number that is served as 3.1.
const NUMBER_3_1: &str = "3.1.1";
const NUMBER_3_0: &str = "3.0.4";

impl Version {
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V3_1 => NUMBER_3_1,
            Self::V3_0 => NUMBER_3_0,
        }
    }

    /// The settings of a generator whose definitions go to `components/schemas`.
    pub(crate) fn settings(self) -> SchemaSettings {
        let mut settings = match self {
            Self::V3_1 => SchemaSettings::draft2020_12(),
            Self::V3_0 => SchemaSettings::openapi3(),
        };
        // First: what comes after turns `const` into what a title could not be read from.
        settings
            .transforms
            .insert(0, Box::new(RecursiveTransform(TitleVariants)));
        settings
            .transforms
            .push(Box::new(RecursiveTransform(BoundIntegers)));
        let dialect: fn(&mut Schema) = match self {
            Self::V3_1 => dialect::newer,
            Self::V3_0 => dialect::older,
        };
        settings
            .transforms
            .push(Box::new(RecursiveTransform(dialect)));
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings
    }

    /// Puts a schema that was made by hand, or in place, into the version's dialect. The generator does that by itself
    /// for definitions only.
    pub(crate) fn adapt(schema: &mut Value, generator: &mut SchemaGenerator) {
        if let Ok(schema) = <&mut Schema>::try_from(&mut *schema) {
            for transform in generator.transforms_mut() {
                let transform: &mut dyn Transform = transform;
                transform.transform(schema);
            }
        }
        // What is anything at all: some generators take a schema to be an object.
        if *schema == Value::Bool(true) {
            *schema = json!({});
        }
    }

    /// The schema, or `null`.
    pub(crate) fn nullable(self, schema: &Value) -> Value {
        match self {
            // What is anything may be null already.
            _ if *schema == json!({}) => json!({}),
            Self::V3_1 => json!({"anyOf": [schema, {"type": "null"}]}),
            Self::V3_0 => {
                json!({"anyOf": [schema, {"type": "string", "nullable": true, "enum": [null]}]})
            }
        }
    }

    /// One string and no other.
    pub(crate) fn constant(self, text: &str) -> Value {
        match self {
            Self::V3_1 => json!({"type": "string", "const": text}),
            Self::V3_0 => json!({"type": "string", "enum": [text]}),
        }
    }
}
