//! Constraints of schemas, against a validator of JSON Schema that others wrote.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::borrow::Cow;
use std::cell::RefCell;

use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
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

/// Whether the value is taken where the schema is the one of the parameter; `None` if the schema is refused, as one that nothing keeps.
fn is_taken(schema: &Value, value: &Value) -> Option<bool> {
    SCHEMA.set(schema.clone());
    let registry = TaskRegistry::builder().task(check_anything).build().ok()?;
    let executor = TaskExecutor::builder(registry).build().unwrap();
    let body = json!({"params": {"value": value}}).to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(executor.execute_json("check_anything", body.as_bytes())) {
        Ok(_) => Some(true),
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
            Some(false)
        }
        Err(other) => panic!("{other}"),
    }
}

/// Whether a validator that others wrote takes the value.
fn is_valid(schema: &Value, value: &Value) -> bool {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
        .is_valid(value)
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
        prop_assert_eq!(is_taken(&double_negation, &value), Some(is_valid(&schema, &value)));
    }

    /// Alternatives of a type are told apart by all that their schemas say.
    #[test]
    fn alternatives_hold_where_another_validator_says_so(
        schemas in prop::collection::vec(schema(), 1..4),
        exactly_one in any::<bool>(),
        value in value(),
    ) {
        let keyword = if exactly_one { "oneOf" } else { "anyOf" };
        // What has no constraint at all is left to its type.
        let mut schemas = schemas;
        schemas.push(json!({ "type": "string", "minLength": 100 }));
        let schema = json!({ keyword: schemas });
        let taken = is_taken(&schema, &value);
        prop_assume!(taken.is_some());
        prop_assert_eq!(taken, Some(is_valid(&schema, &value)));
    }
}

/// Reports that keep all rules of `check_report`.
fn report() -> impl Strategy<Value = Value> {
    let date = (1900..2100_u32, 1..=12_u32, 1..=28_u32)
        .prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}"));
    let sensor = (
        prop::collection::vec(-900..=600_i32, 2),
        0..=1200_i32,
        prop::option::of(0..200_i32),
    )
        .prop_map(|(temperatures, wind, precipitation)| {
            let tenths = |number: i32| f64::from(number) / 10.0;
            let temperatures: Vec<f64> = temperatures.into_iter().map(tenths).collect();
            let precipitation = precipitation.map(|fifths| tenths(2 * fifths));
            json!({"temperatures": temperatures, "wind": tenths(wind), "precipitation": precipitation})
        });
    let remarks = prop::collection::hash_set("[a-zé\"\\\\ ]{1,20}", 0..=5);
    (
        "[A-Z]{3}",
        date,
        prop::sample::select(vec!["drizzle", "fog", "rain", "snow", "sun"]),
        prop::collection::hash_map("[a-z/~]{1,5}", sensor, 1..=4),
        1..=20_u8,
        prop::option::of("[a-z]{1,9}@[a-z]{1,9}\\.org"),
        remarks,
    )
        .prop_map(|(station, date, weather, readings, coverage, contact, remarks)| {
            json!({
                "station": station, "date": date, "weather": weather, "readings": readings,
                "coverage": coverage * 5, "contact": contact, "remarks": remarks.into_iter().collect::<Vec<_>>(),
            })
        })
}

/// One rule that is broken: where, by what, and the code.
fn broken() -> impl Strategy<Value = (&'static str, Value, &'static str)> {
    let sensor = |change: Value| {
        let mut sensor = json!({"temperatures": [1, 2], "wind": 1});
        let members = change.as_object().unwrap().clone();
        sensor.as_object_mut().unwrap().extend(members);
        json!({ "s": sensor })
    };
    prop_oneof![
        "[A-Z]{0,2}|[A-Z]{4,9}".prop_map(|text| ("/station", json!(text), "length")),
        "[A-Z]{2}[a-z0-9]".prop_map(|text| ("/station", json!(text), "pattern")),
        "[0-9]{4}-02-(30|31)|[0-9]{8}".prop_map(|text| ("/date", json!(text), "format")),
        "[a-c]{0,9}".prop_map(|text| ("/weather", json!(text), "one_of")),
        (0..20_u8).prop_map(|fives| ("/coverage", json!(fives * 5 + 1), "multiple_of")),
        Just(("/coverage", json!(0), "range")),
        (21..=51_u8).prop_map(|fives| ("/coverage", json!(fives * 5), "range")),
        "[a-z]{1,9}".prop_map(|text| ("/contact", json!(text), "format")),
        Just(("/readings", json!({}), "length")),
        "[a-z]{21,30}".prop_map(|text| ("/remarks/0", json!([text]), "length")),
        "[a-z]{1,9}".prop_map(|text| ("/remarks", json!([text, text]), "unique")),
        (-200..-90_i32).prop_map(move |degrees| (
            "/readings/s/temperatures/1",
            sensor(json!({"temperatures": [0, degrees]})),
            "range"
        )),
        (0..9_usize)
            .prop_filter("two are right", |count| *count != 2)
            .prop_map(move |count| (
                "/readings/s/temperatures",
                sensor(json!({"temperatures": vec![1; count]})),
                "length"
            )),
        (0..50_i32).prop_map(move |fifths| {
            let tenths = f64::from(2 * fifths + 1) / 10.0;
            (
                "/readings/s/precipitation",
                sensor(json!({"precipitation": tenths})),
                "multiple_of",
            )
        }),
    ]
}

/// The errors of a call of `check_report`: pointer and code.
fn errors_of_report(params: &Value) -> Vec<(String, String)> {
    thread_local! {
        static EXECUTOR: TaskExecutor = {
            let task = task(task_execution::tasks::stations::check_report);
            let registry = TaskRegistry::builder().task(task).build().unwrap();
            TaskExecutor::builder(registry).build().unwrap()
        };
    }
    let body = json!({ "params": params }).to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let executor = EXECUTOR.with(Clone::clone);
    match runtime.block_on(executor.execute_json("check_report", body.as_bytes())) {
        Ok(_) => Vec::new(),
        Err(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        }) => errors
            .into_iter()
            .map(|error| (error.pointer, error.code.as_str().to_owned()))
            .collect(),
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #[test]
    fn what_keeps_all_rules_is_taken(report in report()) {
        prop_assert_eq!(errors_of_report(&report), []);
    }

    #[test]
    fn a_rule_that_is_broken_is_the_one_that_is_reported(
        report in report(),
        (pointer, value, code) in broken(),
    ) {
        let mut report = report;
        let parameter = pointer.split('/').nth(1).unwrap();
        report[parameter] = value;
        prop_assert_eq!(errors_of_report(&report), [(format!("/params{pointer}"), code.to_owned())]);
    }
}

/// The same error wherever arguments are sent.
#[actix_web::test]
async fn executions_jobs_and_schedules_refuse_alike() {
    let task = task(task_execution::tasks::stations::check_report);
    let registry = TaskRegistry::builder().task(task).build().unwrap();
    let service = Service::builder(ServiceInfo::new("stations", "Stations"))
        .with_tasks(registry)
        .with_database(Database::sqlite_in_memory())
        .with_jobs(Jobs::new().run_workers(false))
        .build()
        .await
        .unwrap();
    let app = init_service(App::new().configure(service.configure())).await;
    let params = json!({
        "station": "Sea", "date": "2015-12-31", "coverage": 7,
        "readings": {"roof": {"temperatures": [-1.5, 4], "wind": 121}},
    });
    let body = json!({ "params": params });
    let schedule = json!({"task_name": "check_report", "params": params, "interval": 60});
    for request in [
        TestRequest::post()
            .uri("/api/v1/tasks/check_report/$execute")
            .set_json(&body),
        TestRequest::post()
            .uri("/api/v1/tasks/check_report/$submit")
            .set_json(&body),
        TestRequest::put()
            .uri("/api/v1/schedules/hourly")
            .set_json(&schedule),
    ] {
        let response = call_service(&app, request.to_request()).await;
        let (status, path) = (response.status(), response.request().path().to_owned());
        let problem: Value = read_body_json(response).await;
        assert_eq!(status, 422, "{path}: {problem}");
        assert_eq!(
            problem["errors"],
            json!([
                {"pointer": "/params/station", "code": "pattern", "detail": "`Sea` does not match the pattern `^[A-Z]*$`"},
                {"pointer": "/params/coverage", "code": "multiple_of", "detail": "must be a multiple of 5, and is 7"},
                {"pointer": "/params/readings/roof/wind", "code": "range", "detail": "must be at most 120, and is 121"},
            ]),
            "{path}"
        );
    }
    service.shutdown().await;
}
