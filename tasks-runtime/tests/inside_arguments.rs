//! Arguments that are nested: every error inside of them, and numbers that stay what they are.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_runtime::prelude::*;
use tasks_runtime::{ExecuteError, InvalidArguments};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Order {
    customer: Customer,
    items: Vec<Item>,
    note: Option<String>,
    payment: Payment,
    by_day: BTreeMap<String, u16>,
    place: (f64, f64),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Customer {
    name: String,
    age: u8,
    #[serde(default)]
    friends: Vec<Self>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Item {
    #[serde(alias = "article")]
    name: String,
    count: i32,
    color: Color,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
    Blue,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "lowercase")]
enum Payment {
    Card { number: String, year: u16 },
    Cash,
}

#[task]
async fn order(order: Order, urgent: Option<bool>) -> usize {
    let _ = urgent;
    order.items.len()
}

/// As `rust_decimal` has it.
#[derive(Debug, Deserialize)]
struct Decimal(#[allow(dead_code, reason = "read alone")] Value);

impl JsonSchema for Decimal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": ["string", "number"], "pattern": r"^-?\d+(\.\d+)?$"})
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Reading {
    value: f32,
    more: Vec<Option<f32>>,
}

#[task]
async fn single(number: f32, readings: Option<Vec<Reading>>) -> bool {
    let finite = |reading: &Reading| {
        reading.value.is_finite() && reading.more.iter().flatten().all(|n| n.is_finite())
    };
    number.is_finite() && readings.iter().flatten().all(finite)
}

#[task]
async fn double(number: f64, numbers: Vec<f64>) -> f64 {
    number + numbers.iter().sum::<f64>()
}

#[task]
async fn any(data: Value, map: Option<BTreeMap<String, Value>>) -> Value {
    json!([data, map])
}

#[task]
async fn pay(amount: Decimal) {
    let _ = amount;
}

#[task]
async fn hide(#[task(secret)] amount: f32) -> f32 {
    amount
}

fn executor() -> TaskExecutor {
    #[derive(Deserialize, JsonSchema)]
    struct All {
        order: Order,
        size: f32,
        data: Option<Value>,
    }
    let registry = TaskRegistry::builder()
        .discover()
        .register_fn("closure", ["all"], async |all: All| {
            let _ = (all.order, all.size, all.data);
            Ok::<_, TaskError>(true)
        })
        .build()
        .unwrap();
    TaskExecutor::builder(registry).build().unwrap()
}

async fn result(name: &str, params: &str) -> String {
    let body = format!("{{\"params\":{params}}}");
    let answer = executor()
        .execute_json(name, body.as_bytes())
        .await
        .unwrap();
    let answer: BTreeMap<String, Value> = serde_json::from_slice(&answer).unwrap();
    answer["result"].to_string()
}

/// The pointers and words of a refusal, in order of the pointers.
async fn refusals(name: &str, params: &str) -> Vec<(String, String)> {
    let body = format!("{{\"params\":{params}}}");
    let mut all: Vec<(String, String)> = match executor().execute_json(name, body.as_bytes()).await
    {
        Err(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        }) => errors
            .into_iter()
            .map(|error| (error.pointer, error.detail))
            .collect(),
        other => panic!("{other:?}"),
    };
    all.sort();
    all
}

async fn pointers(name: &str, params: &str) -> Vec<String> {
    let all = refusals(name, params).await;
    all.into_iter().map(|(pointer, _)| pointer).collect()
}

const WRONG: &str = r#"{
    "customer": {"name": 1, "age": 300, "friends": [{"nam": "x", "age": 3}, {"age": "y"}, 7]},
    "items": [{"name": "a", "count": 1.5, "color": "green"}, null, {"article": "b", "count": 3000000000, "color": "red"}],
    "note": 5,
    "payment": {"by": "card", "number": 4711, "year": -1},
    "by_day": {"monday": "many", "a/b": 70000},
    "place": [1.5, "x"]
}"#;

const PLACES: [&str; 13] = [
    "/by_day/a~1b",
    "/by_day/monday",
    "/customer/age",
    "/customer/friends/1/age",
    "/customer/friends/1/name",
    "/customer/friends/2",
    "/customer/name",
    "/items/0/color",
    "/items/0/count",
    "/items/1",
    "/items/2/count",
    "/note",
    "/place/1",
];

#[tokio::test]
async fn everything_inside_is_said_at_once() {
    let params = format!(r#"{{"order": {WRONG}, "urgent": "yes", "ugent": 1}}"#);
    let said = pointers("order", &params).await;
    for place in PLACES {
        let place = format!("/params/order{place}");
        assert!(said.contains(&place), "{place}: {said:?}");
    }
    for place in [
        "/params/order/payment/number",
        "/params/order/payment/year",
        "/params/urgent",
        "/params/ugent",
    ] {
        assert!(said.iter().any(|said| said == place), "{place}: {said:?}");
    }
    // What may be another name of a field is not one that is missing.
    assert!(
        !said
            .iter()
            .any(|said| said.starts_with("/params/order/items/2/") && !said.ends_with("count"))
    );
    let mut once = said.clone();
    once.dedup();
    assert_eq!(once, said);
}

#[tokio::test]
async fn what_the_decoder_says_is_not_said_twice() {
    let order = r#"{"customer": {}, "items": [], "payment": {"by": "cash"}, "by_day": {}, "place": [1, 2]}"#;
    let said = refusals("order", &format!(r#"{{"order": {order}}}"#)).await;
    assert_eq!(
        said,
        [
            (
                "/params/order/customer".to_owned(),
                "missing field `name`".to_owned()
            ),
            (
                "/params/order/customer/age".to_owned(),
                "required, and missing".to_owned()
            )
        ]
    );
}

#[tokio::test]
async fn closures_say_everything_as_well() {
    let params = format!(r#"{{"order": {WRONG}, "size": "big", "more": 1}}"#);
    let said = pointers("closure", &params).await;
    for place in PLACES {
        let place = format!("/params/order{place}");
        assert!(said.contains(&place), "{place}: {said:?}");
    }
    assert!(said.contains(&"/params/size".to_owned()), "{said:?}");
    let mut once = said.clone();
    once.dedup();
    assert_eq!(once, said);
}

#[tokio::test]
async fn there_is_an_end_to_it() {
    let items = vec![r#"{"name": 1, "count": "x", "color": 2}"#; 5000].join(",");
    let order =
        format!(r#"{{"customer": 1, "items": [{items}], "payment": 1, "by_day": 1, "place": 1}}"#);
    let said = refusals("order", &format!(r#"{{"order": {order}}}"#)).await;
    assert!((100..=102).contains(&said.len()), "{}", said.len());
}

#[tokio::test]
async fn a_number_of_single_precision_is_in_its_range() {
    for fine in [
        "1",
        "3.4e38",
        "-3.4028235e38",
        "1e-60",
        "0.1234567890123456789",
        "1E+10",
    ] {
        assert_eq!(
            result("single", &format!(r#"{{"number": {fine}}}"#)).await,
            "true",
            "{fine}"
        );
    }
    for wrong in ["1e39", "-1E+39", "3.5e38", &"9".repeat(39)] {
        let said = refusals("single", &format!(r#"{{"number": {wrong}}}"#)).await;
        let [(pointer, detail)] = &said[..] else {
            panic!("{said:?}");
        };
        assert_eq!(pointer, "/params/number");
        assert!(
            detail.contains(wrong) && detail.contains("single precision"),
            "{detail}"
        );
    }
    let readings = r#"{"number": 1, "readings": [{"value": 1e39, "more": [null, 1, -4e38]}]}"#;
    assert_eq!(
        pointers("single", readings).await,
        ["/params/readings/0/more/2", "/params/readings/0/value"]
    );
    assert_eq!(
        pointers("closure", r#"{"order": null, "size": 1e39}"#)
            .await
            .len(),
        2
    );
    // A double has room for it.
    let sum = result(
        "double",
        r#"{"number": 1e39, "numbers": [1e300, 12345678901234567890]}"#,
    )
    .await;
    assert_eq!(sum, "1e+300");
    // Whatever it was.
    let said = refusals("hide", r#"{"amount": 1e39}"#).await;
    assert!(
        said[0].1.contains("secret") && !said[0].1.contains("1e39"),
        "{said:?}"
    );
}

#[tokio::test]
async fn digits_are_kept_or_refused() {
    for fine in [
        "18446744073709551615",
        "-9223372036854775808",
        "0.1",
        "[1e39, \"123456789012345678901\"]",
    ] {
        let shown = result("any", &format!(r#"{{"data": {fine}}}"#)).await;
        let expected: Value = serde_json::from_str(&format!("[{fine}, null]")).unwrap();
        assert_eq!(shown, expected.to_string());
    }
    for (params, place) in [
        (r#"{"data": 18446744073709551616}"#, "/params/data"),
        (
            r#"{"data": {"a/b": [1, -9223372036854775809]}}"#,
            "/params/data/a~1b/1",
        ),
        (
            r#"{"data": 1, "map": {"x": [123456789012345678901]}}"#,
            "/params/map/x/0",
        ),
    ] {
        let said = refusals("any", params).await;
        let [(pointer, detail)] = &said[..] else {
            panic!("{said:?}");
        };
        assert_eq!(pointer, place);
        assert!(detail.ends_with("send it as a string"), "{detail}");
    }
    for fine in [
        "\"0.12345678901234567890\"",
        "12345678901234567",
        "0.100000000000000000",
        "12.5",
    ] {
        assert_eq!(
            result("pay", &format!(r#"{{"amount": {fine}}}"#)).await,
            "null"
        );
    }
    for wrong in ["0.1234567890123456789", "123456789012345678901"] {
        let said = refusals("pay", &format!(r#"{{"amount": {wrong}}}"#)).await;
        assert!(said[0].1.ends_with("send it as a string"), "{said:?}");
    }
}
