//! Arbitrary requests never cause a 5xx, a panic or a hang.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::process::Server;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("task-execution", [("RUST_LOG", "warn")]).unwrap())
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{0,8}", inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

/// Tasks that do nothing but compute: the others do what they are told.
const TASKS: [&str; 12] = [
    "add",
    "double_it",
    "extract_data",
    "failing_task",
    "greet",
    "greet_user",
    "load_data",
    "multiply",
    "my_task",
    "process_csv",
    "quick_task",
    "weather_summary",
];
const KEYS: [&str; 10] = [
    "a", "b", "x", "name", "greeting", "data", "filepath", "year", "month", "records",
];

fn params() -> impl Strategy<Value = Value> {
    prop_oneof![
        values(),
        prop::collection::vec((prop::sample::select(&KEYS[..]), values()), 0..4).prop_map(
            |members| members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<Value>()
        ),
    ]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        values().prop_map(|value| value.to_string().into_bytes()),
        params().prop_map(|params| json!({"params": params}).to_string().into_bytes()),
        (params(), any::<usize>(), any::<u8>()).prop_map(|(params, at, byte)| {
            let mut body = json!({"params": params}).to_string().into_bytes();
            let at = at % body.len();
            body[at] = byte;
            body
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sent_is_answered(task in prop::sample::select(&TASKS[..]), body in bodies(), suffix in "(\\$execute|%24execute|.{0,6})") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let suffix: String = suffix.chars().filter(|c| c.is_ascii_graphic() && !"#?\\".contains(*c)).collect();
        let url = server().url(&format!("/api/v1/tasks/{task}/{suffix}"));
        runtime.block_on(async {
            let request = http::client().unwrap().post(&url).header("content-type", "application/json").body(body);
            let response = request.timeout(Duration::from_secs(20)).send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.bytes().await.unwrap();
            let answer: Value = serde_json::from_slice(&text).map_err(|error| TestCaseError::fail(format!("{url}: {error}: {text:?}")))?;
            prop_assert!([200, 400, 404, 405, 422].contains(&status), "{} {}", status, answer);
            if status == 200 {
                prop_assert!(answer["error"]["type"] != "panic", "{}", answer);
            } else {
                prop_assert_eq!(&answer["status"], &json!(status));
            }
            Ok(())
        })?;
    }
}
