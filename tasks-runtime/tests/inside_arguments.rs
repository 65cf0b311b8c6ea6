//! Arguments that are nested: every error inside of them, and numbers that stay what they are.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, HashMap};

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

/// As texts, which Rust writes and reads exactly.
#[task]
async fn doubles(numbers: Vec<f64>) -> Vec<String> {
    numbers.iter().map(|number| format!("{number:e}")).collect()
}

#[task]
async fn single_as_text(number: f32) -> String {
    format!("{number:?}")
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

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "read, and not looked at")]
enum Node {
    Leaf(u8),
    Many(Vec<Self>),
    Named(HashMap<String, Self>),
}

#[derive(Deserialize, JsonSchema)]
struct Flat {
    name: String,
    #[serde(flatten)]
    rest: HashMap<String, Value>,
}

/// Every kind of place where a member may be.
#[task]
#[allow(clippy::too_many_arguments, reason = "one of each")]
async fn members(
    value: Option<Value>,
    map: Option<HashMap<String, u8>>,
    sorted: Option<BTreeMap<u32, Vec<BTreeMap<String, u8>>>>,
    item: Option<Item>,
    items: Option<Vec<Item>>,
    node: Option<Node>,
    flat: Option<Flat>,
    #[task(secret)] secret: Option<Value>,
) -> bool {
    let node = serde_json::to_string(&node).unwrap();
    let _ = (value, map, sorted, item, items, node, secret);
    flat.is_some_and(|flat| flat.name.len() < flat.rest.len())
}

#[task]
async fn lists(
    bytes: Vec<u8>,
    items: Option<Vec<Item>>,
    rows: Option<Vec<Vec<i8>>>,
    pairs: Option<Vec<(u8, String)>>,
    four: Option<[u8; 4]>,
    colors: Option<Vec<Color>>,
    named: Option<BTreeMap<String, Vec<Option<bool>>>>,
) -> usize {
    let _ = (items, rows, pairs, four, colors, named);
    bytes.len()
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
async fn a_member_that_is_given_twice_is_refused_at_any_depth() {
    const RED: &str = r#""name":"x","count":1,"color":"red""#;
    for (params, expected) in [
        (r#"{"value":{"a":1,"b":{"a":1}}}"#.to_owned(), &[][..]),
        (r#"{"value":{"a":1,"a":1}}"#.to_owned(), &["/value/a"]),
        (
            r#"{"value":[{"a":{"b":1,"\u0062":2}}]}"#.to_owned(),
            &["/value/0/a/b"],
        ),
        (
            r#"{"map":{"x":1,"y":2,"x":3,"y":4}}"#.to_owned(),
            &["/map/x", "/map/y"],
        ),
        (
            r#"{"sorted":{"1":[{"a":1,"a":2}],"2":[],"1":[]}}"#.to_owned(),
            &["/sorted/1", "/sorted/1/0/a"],
        ),
        (
            format!(r#"{{"item":{{{RED},"count":2}}}}"#),
            &["/item/count"],
        ),
        (
            format!(r#"{{"item":{{{RED},"article":"y"}}}}"#),
            &["/item/name"],
        ),
        (
            format!(r#"{{"items":[{{{RED}}},{{{RED},"color":"blue","name":"z"}}]}}"#),
            &["/items/1/color", "/items/1/name"],
        ),
        (
            r#"{"node":{"many":[{"leaf":1},{"named":{"n":{"leaf":2},"n":{"leaf":3}}}]}}"#
                .to_owned(),
            &["/node/many/1/named/n"],
        ),
        (
            r#"{"flat":{"name":"n","x":{"y":1},"x":2}}"#.to_owned(),
            &["/flat/x"],
        ),
        (
            r#"{"flat":{"name":"n","x":{"y":1,"y":2}}}"#.to_owned(),
            &["/flat/x/y"],
        ),
        (r#"{"secret":{"pin":1,"pin":2}}"#.to_owned(), &["/secret"]),
        // Beside what does not fit.
        (
            r#"{"map":{"x":1,"x":"no"},"value":{"b":0,"b":0},"more":1}"#.to_owned(),
            &["/map/x", "/more", "/value/b"],
        ),
    ] {
        if expected.is_empty() {
            assert_eq!(result("members", &params).await, "false", "{params}");
            continue;
        }
        let expected: Vec<String> = expected
            .iter()
            .map(|place| format!("/params{place}"))
            .collect();
        let said = refusals("members", &params).await;
        let places: Vec<&String> = said.iter().map(|(place, _)| place).collect();
        assert_eq!(
            places,
            expected.iter().collect::<Vec<_>>(),
            "{params}: {said:?}"
        );
    }
    let said = refusals(
        "members",
        r#"{"item":{"name":"x","name":"y","count":1,"color":"red"}}"#,
    )
    .await;
    assert_eq!(said[0].1, "given twice");
    let secret = refusals("members", r#"{"secret":{"pin":1,"pin":2}}"#).await;
    assert!(!secret[0].1.contains("pin"), "{secret:?}");
    // A closure reads one struct.
    let order = r#"{"customer":{"name":"x","age":3},"items":[],"payment":{"by":"cash"},"by_day":{"d":1,"d":2},"place":[1,2]}"#;
    let said = pointers(
        "closure",
        &format!(r#"{{"order":{order},"size":1,"data":{{"a":1,"a":2}},"size":2}}"#),
    )
    .await;
    assert_eq!(
        said,
        ["/params/data/a", "/params/order/by_day/d", "/params/size"]
    );
    let said = pointers(
        "closure",
        &format!(r#"{{"order":{order},"size":1,"data":{{"a":1,"a":2}}}}"#),
    )
    .await;
    assert_eq!(said, ["/params/data/a", "/params/order/by_day/d"]);
    // What the library is given has no such thing; what it is given as text has.
    let deep = format!(
        r#"{{"value":{}{{"a":1,"a":2}}{}}}"#,
        "[".repeat(90),
        "]".repeat(90)
    );
    assert_eq!(pointers("members", &deep).await.len(), 1);
}

#[tokio::test]
async fn each_wrong_element_of_a_list_is_said() {
    for (params, expected) in [
        (
            r#"{"bytes":[300,"x",7,-1,null,1.5]}"#,
            &["/bytes/0", "/bytes/1", "/bytes/3", "/bytes/4", "/bytes/5"][..],
        ),
        (
            r#"{"bytes":[],"items":[{},{"name":1,"count":2,"color":"red"},3,{"name":"x","count":"y","color":"green"}]}"#,
            &[
                "/items/0",
                "/items/0/color",
                "/items/0/count",
                "/items/1/name",
                "/items/2",
                "/items/3/color",
                "/items/3/count",
            ],
        ),
        (
            r#"{"bytes":[],"rows":[[1,200],["x"],5,[-200]]}"#,
            &["/rows/0/1", "/rows/1/0", "/rows/2", "/rows/3/0"],
        ),
        (
            r#"{"bytes":[],"pairs":[[1,"x"],["x",1],[300,"x"]]}"#,
            &["/pairs/1/0", "/pairs/1/1", "/pairs/2/0"],
        ),
        (
            r#"{"bytes":[],"four":[1,300,"x",4]}"#,
            &["/four/1", "/four/2"],
        ),
        (
            r#"{"bytes":[],"colors":["red","green",7,"yellow"]}"#,
            &["/colors/1", "/colors/2", "/colors/3"],
        ),
        (
            r#"{"bytes":[],"named":{"a":[true,1,null,"x"],"b":7}}"#,
            &["/named/a/1", "/named/a/3", "/named/b"],
        ),
    ] {
        let expected: Vec<String> = expected
            .iter()
            .map(|place| format!("/params{place}"))
            .collect();
        assert_eq!(pointers("lists", params).await, expected, "{params}");
    }
}

#[tokio::test]
async fn there_is_an_end_to_it() {
    let items = vec![r#"{"name": 1, "count": "x", "color": 2}"#; 5000].join(",");
    let order =
        format!(r#"{{"customer": 1, "items": [{items}], "payment": 1, "by_day": 1, "place": 1}}"#);
    let said = refusals("order", &format!(r#"{{"order": {order}}}"#)).await;
    assert_eq!(said.len(), 100);
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

/// To the last bit: a number is what its text says, and comes back as it was sent.
#[tokio::test]
async fn a_double_is_the_nearest_one() {
    let mut bits = 1_u64;
    let mut texts: Vec<String> = [
        "989.0375735048253",
        "9007199254740993.0",
        "4.733120953575292e-172",
    ]
    .map(str::to_owned)
    .to_vec();
    while texts.len() < 2_000 {
        bits = bits
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let number = f64::from_bits(bits);
        if number.is_finite() {
            texts.push(format!("{number:e}"));
        }
    }
    let all = texts.join(", ");
    let sent: Vec<f64> = texts.iter().map(|text| text.parse().unwrap()).collect();
    for (task, params) in [
        ("any", format!(r#"{{"data": [{all}]}}"#)),
        ("doubles", format!(r#"{{"numbers": [{all}]}}"#)),
    ] {
        let read: Value = serde_json::from_str(&result(task, &params).await).unwrap();
        let read = read
            .get(0)
            .filter(|first| first.is_array())
            .unwrap_or(&read);
        for (index, sent) in sent.iter().enumerate() {
            let read = read[index].as_str().map_or_else(
                || read[index].as_f64().unwrap(),
                |text| text.parse().unwrap(),
            );
            assert_eq!(read.to_bits(), sent.to_bits(), "{task}: {}", texts[index]);
        }
    }
    // Above the middle of two singles, and not in the double between.
    let single = result("single_as_text", r#"{"number": 1.000000059604644776}"#).await;
    assert_eq!(single, "\"1.0000001\"");
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
