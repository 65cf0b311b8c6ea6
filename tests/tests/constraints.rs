//! Constraints of schemas, against a validator of JSON Schema that others wrote.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::borrow::Cow;
use std::cell::RefCell;

use proptest::prelude::*;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_web::prelude::*;
use tasks_web::{ExecuteError, InvalidArguments};

thread_local! {
    static SCHEMA: RefCell<Value> = const { RefCell::new(Value::Bool(true)) };
}

/// A value of any kind, whose schema is the one of this thread.
#[derive(Debug, Deserialize, Serialize)]
#[serde(transparent)]
struct Anything(Value);

impl JsonSchema for Anything {
    fn schema_name() -> Cow<'static, str> {
        "Anything".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        SCHEMA.with_borrow(|schema| schema.clone().try_into().unwrap())
    }
}

#[task(register = false)]
fn check_anything(value: Anything) -> Value {
    value.0
}

/// Whether the value is taken where the schema is the one of the parameter.
fn is_taken(schema: &Value, value: &Value) -> bool {
    SCHEMA.set(schema.clone());
    let registry = TaskRegistry::builder()
        .task(check_anything)
        .build()
        .unwrap();
    let executor = TaskExecutor::builder(registry).build().unwrap();
    let body = json!({"params": {"value": value}}).to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(executor.execute_json("check_anything", body.as_bytes())) {
        Ok(_) => true,
        Err(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        }) => {
            assert!(
                errors
                    .iter()
                    .all(|error| error.pointer.starts_with("/params/value")),
                "{errors:?}"
            );
            false
        }
        Err(other) => panic!("{other}"),
    }
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "a/b", "~"]).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-4..8_i64).prop_map(Value::from),
        (-8..16_i64).prop_map(|half| json!(half as f64 / 2.0)),
        "[ab1é\"\\\\\n]{0,4}".prop_map(Value::from),
        prop::sample::select(vec![
            "2024-02-29",
            "::1",
            "a@b.org",
            "PT1M",
            "/a",
            "https://a.org"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// One keyword or several of those that are known, over schemas of the same kind.
fn schema() -> impl Strategy<Value = Value> {
    let number = -4..6_i64;
    let count = 0..4_u64;
    let types = prop::sample::select(vec![
        "null", "boolean", "integer", "number", "string", "array", "object",
    ]);
    let leaf = prop_oneof![
        Just(json!({})),
        types.clone().prop_map(|name| json!({ "type": name })),
        prop::collection::hash_set(types, 1..3)
            .prop_map(|names| json!({ "type": names.into_iter().collect::<Vec<_>>() })),
        number.clone().prop_map(|bound| json!({ "minimum": bound })),
        number.clone().prop_map(|bound| json!({ "maximum": bound })),
        number
            .clone()
            .prop_map(|bound| json!({ "exclusiveMinimum": bound as f64 + 0.5 })),
        number.prop_map(|bound| json!({ "exclusiveMaximum": bound })),
        prop::sample::select(vec![json!(2), json!(0.5), json!(1.5), json!(3)])
            .prop_map(|step| json!({ "multipleOf": step })),
        count
            .clone()
            .prop_map(|count| json!({ "minLength": count })),
        count
            .clone()
            .prop_map(|count| json!({ "maxLength": count })),
        count.clone().prop_map(|count| json!({ "minItems": count })),
        count.clone().prop_map(|count| json!({ "maxItems": count })),
        count
            .clone()
            .prop_map(|count| json!({ "minProperties": count })),
        count.prop_map(|count| json!({ "maxProperties": count })),
        Just(json!({ "uniqueItems": true })),
        prop::sample::select(vec!["^a", "b$", r"\d", r"^\w*$", r"[^a]", r"\s"])
            .prop_map(|pattern| json!({ "pattern": pattern })),
        prop::sample::select(vec![
            "date",
            "ipv6",
            "email",
            "duration",
            "json-pointer",
            "uri"
        ])
        .prop_map(|format| json!({ "format": format })),
        prop::collection::vec(value(), 1..3).prop_map(|values| json!({ "enum": values })),
        value().prop_map(|value| json!({ "const": value })),
        prop::collection::hash_set(name(), 0..3)
            .prop_map(|names| json!({ "required": names.into_iter().collect::<Vec<_>>() })),
        (name(), name())
            .prop_map(|(name, other)| json!({ "dependentRequired": { name: [other] } })),
    ];
    leaf.prop_recursive(3, 24, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            // Two at once.
            (inner.clone(), inner.clone()).prop_map(|(one, other)| {
                let (mut one, other) = (one, other);
                if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
                    one.extend(other);
                }
                one
            }),
            inner.clone().prop_map(|schema| json!({ "items": schema })),
            some.clone().prop_map(|schemas| json!({ "prefixItems": schemas })),
            inner.clone().prop_map(|schema| json!({ "contains": schema })),
            (inner.clone(), 0..2_u64, 1..3_u64).prop_map(
                |(schema, min, max)| json!({ "contains": schema, "minContains": min, "maxContains": max })
            ),
            prop::collection::hash_map(name(), inner.clone(), 1..3)
                .prop_map(|members| json!({ "properties": members })),
            inner.clone().prop_map(|schema| json!({ "additionalProperties": schema })),
            (name(), inner.clone()).prop_map(|(name, schema)| {
                json!({ "properties": { name: schema }, "additionalProperties": false })
            }),
            inner.clone().prop_map(|schema| json!({ "patternProperties": { "^a": schema } })),
            inner.clone().prop_map(|schema| json!({ "propertyNames": schema })),
            (name(), inner.clone()).prop_map(|(name, schema)| json!({ "dependentSchemas": { name: schema } })),
            some.clone().prop_map(|schemas| json!({ "allOf": schemas })),
            some.clone().prop_map(|schemas| json!({ "anyOf": schemas })),
            some.prop_map(|schemas| json!({ "oneOf": schemas })),
            inner.clone().prop_map(|schema| json!({ "not": schema })),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(when, then, otherwise)| json!({ "if": when, "then": then, "else": otherwise })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// Inside of a condition no type helps, so that the schema is all that decides.
    #[test]
    fn conditions_hold_where_another_validator_says_so(schema in schema(), value in value()) {
        let double_negation = json!({ "not": { "not": schema } });
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        prop_assert_eq!(is_taken(&double_negation, &value), validator.is_valid(&value));
    }
}
