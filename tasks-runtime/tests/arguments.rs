//! Arguments: what is read, what is refused, and in which words.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_runtime::prelude::*;
use tasks_runtime::{ExecuteError, InvalidArguments};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct User {
    name: String,
    age: u8,
    #[serde(default)]
    roles: Vec<Role>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Role {
    Admin,
    Guest { until: u32 },
}

#[task]
async fn register(
    user: User,
    #[task(default = "en")] language: &str,
    #[task(rename = "type")] kind: Option<String>,
    tags: Option<BTreeMap<String, i64>>,
    context: TaskContext,
) -> Value {
    let _ = context;
    json!({"user": user, "language": language, "kind": kind, "tags": tags})
}

#[task]
fn borrowed(text: &str, list: &[u16], path: &std::path::Path, r#type: char) -> String {
    format!("{text} {list:?} {} {type}", path.display())
}

#[task]
async fn login(
    user: String,
    #[task(secret)] password: u32,
    #[task(secret, default = "none")] token: String,
) -> usize {
    user.len() + password.to_string().len() + token.len()
}

#[task]
async fn nothing() {}

fn executor() -> TaskExecutor {
    TaskExecutor::builder(TaskRegistry::discover().unwrap())
        .build()
        .unwrap()
}

async fn envelope(name: &str, body: impl AsRef<[u8]>) -> String {
    String::from_utf8(executor().execute_json(name, body.as_ref()).await.unwrap()).unwrap()
}

/// The pointers and words of a refusal.
async fn refusals(name: &str, body: &str) -> Vec<(String, String)> {
    match executor().execute_json(name, body.as_bytes()).await {
        Err(ExecuteError::InvalidArguments {
            reason: InvalidArguments::Mismatch(errors),
            ..
        }) => errors
            .into_iter()
            .map(|error| (error.pointer, error.detail))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(pointer, detail)| ((*pointer).to_owned(), (*detail).to_owned()))
        .collect()
}

#[tokio::test]
async fn all_spellings_of_no_parameters() {
    for body in [
        "",
        "null",
        "{}",
        "{\"params\":null}",
        " {\"params\" : {} } ",
        "{\"params\":{}}\n",
    ] {
        assert_eq!(
            envelope("nothing", body).await,
            r#"{"task_name":"nothing","params":{},"result":null,"error":null}"#,
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_echo_is_what_was_sent() {
    let params = r#"{ "user" : {"name":"A\u0064a", "age":36, "unknown":1.50} , "language":"de" }"#;
    for body in [
        format!(r#"{{"params":{params}}}"#),
        format!(r#"{{"par\u0061ms":{params}}}"#),
    ] {
        let answer = envelope("register", &body).await;
        assert!(
            answer.starts_with(&format!(
                r#"{{"task_name":"register","params":{params},"result":"#
            )),
            "{answer}"
        );
        assert!(answer.contains(r#""name":"Ada""#), "{answer}");
    }
}

#[tokio::test]
async fn defaults_options_and_renames() {
    let result: Value = executor()
        .execute(
            "register",
            json!({"user": {"name": "x", "age": 1}, "type": "k"}),
        )
        .await
        .unwrap();
    assert_eq!(
        result,
        json!({"user": {"name": "x", "age": 1, "roles": []}, "language": "en", "kind": "k", "tags": null})
    );
    // `null` is a value: `None` for an option, and never the default.
    let result: Value = executor()
        .execute(
            "register",
            json!({"user": {"name": "x", "age": 1}, "type": null, "tags": null}),
        )
        .await
        .unwrap();
    assert_eq!(result["kind"], Value::Null);
    let body = r#"{"params":{"user":{"name":"x","age":1},"language":null}}"#;
    assert_eq!(
        refusals("register", body).await,
        pairs(&[("/params/language", "invalid type: null, expected a string")])
    );
}

#[tokio::test]
async fn borrowed_parameters_are_owned_by_the_call() {
    let result: String = executor()
        .run(call!(
            borrowed,
            text = "t",
            list = [1, 2],
            path = "/tmp",
            r#type = 'c'
        ))
        .await
        .unwrap();
    assert_eq!(result, "t [1, 2] /tmp c");
}

#[tokio::test]
async fn everything_that_is_wrong_is_reported_with_its_place() {
    let body = r#"{"params":{
        "user": {"name":"Al","age":300},
        "lnguage": "de",
        "context": {},
        "type": 7,
        "type": "x",
        "tags": {"a/b": 1, "c~d": 1.5}
    }}"#;
    assert_eq!(
        refusals("register", body).await,
        pairs(&[
            (
                "/params/user/age",
                "invalid value: integer `300`, expected u8"
            ),
            (
                "/params/lnguage",
                "unknown parameter, did you mean `language`?"
            ),
            (
                "/params/context",
                "provided by the server and cannot be set"
            ),
            (
                "/params/type",
                "invalid type: integer `7`, expected a string"
            ),
            ("/params/type", "given twice"),
            (
                "/params/tags/c~0d",
                "invalid type: floating point `1.5`, expected i64"
            ),
        ])
    );
    assert_eq!(
        refusals("register", r#"{"params":{"type":"x"}}"#).await,
        pairs(&[(
            "/params/user",
            "required, and missing: expected a value of type `User`"
        )])
    );
    let enums = refusals("register", r#"{"params":{"user":{"name":"x","age":1,"roles":["admin",{"guest":{"until":-1}},"boss"]}}}"#).await;
    assert_eq!(enums[0].0, "/params/user/roles/1/guest/until");
    let variants = refusals(
        "register",
        r#"{"params":{"user":{"name":"x","age":1,"roles":["boss"]}}}"#,
    )
    .await;
    assert_eq!(
        variants,
        pairs(&[(
            "/params/user/roles/0",
            "unknown variant `boss`, expected `admin` or `guest`"
        )])
    );
    assert_eq!(
        refusals("nothing", r#"{"params":{"x":1}}"#).await,
        pairs(&[("/params/x", "unknown parameter: this task takes none")])
    );
}

#[tokio::test]
async fn numbers_are_not_bent() {
    for (value, detail) in [
        (
            "99999999999999999999999999",
            "invalid type: floating point `1e+26`, expected u32",
        ),
        ("1.0", "invalid type: floating point `1.0`, expected u32"),
        ("-1", "invalid value: integer `-1`, expected u32"),
        ("\"1\"", "invalid type: string \"1\", expected u32"),
        ("true", "invalid type: boolean `true`, expected u32"),
    ] {
        let body = format!(
            r#"{{"params":{{"user":{{"name":"x","age":1,"roles":[{{"guest":{{"until":{value}}}}}]}}}}}}"#
        );
        assert_eq!(
            refusals("register", &body).await,
            pairs(&[("/params/user/roles/0/guest/until", detail)]),
            "{value}"
        );
    }
}

#[tokio::test]
async fn bodies_of_another_shape() {
    for body in ["[]", "1", "\"x\"", "true"] {
        assert_eq!(
            refusals("nothing", body).await,
            pairs(&[("", "expected an object with `params`")]),
            "{body}"
        );
    }
    for body in [r#"{"params":[]}"#, r#"{"params":"x"}"#, r#"{"params":0}"#] {
        assert_eq!(
            refusals("nothing", body).await,
            pairs(&[("/params", "expected an object of parameters by name")]),
            "{body}"
        );
    }
    assert_eq!(
        refusals("nothing", r#"{"params":{},"params":{}}"#).await,
        pairs(&[("/params", "given twice")])
    );
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    for body in [
        &b"{"[..],
        b"{\"params\":{}} x",
        b"{\"params\":{\"a\":}}",
        b"\xff",
        b"{\"params\":{\"\xff\":1}}",
        b"{'a':1}",
        b"{\"a\":1,}",
        b" ",
    ] {
        match executor().execute_json("nothing", body).await {
            Err(ExecuteError::InvalidArguments {
                reason: InvalidArguments::Malformed { .. },
                ..
            }) => {}
            other => panic!("{:?}: {other:?}", String::from_utf8_lossy(body)),
        }
    }
}

#[tokio::test]
async fn secrets_are_masked_in_the_echo_and_never_quoted() {
    for key in ["password", "p\\u0061ssword"] {
        let body = format!(r#"{{"params":{{ "user":"ada", "{key}" : 4711 , "token":"t0ken"}}}}"#);
        let answer = envelope("login", &body).await;
        assert!(
            answer.contains(&format!(
                r#""params":{{ "user":"ada", "{key}" : "***" , "token":"***"}}"#
            )),
            "{answer}"
        );
        assert!(answer.contains(r#""result":12"#), "{answer}");
    }
    let refused = refusals("login", r#"{"params":{"user":"ada","password":"hunter2"}}"#).await;
    assert_eq!(
        refused,
        pairs(&[(
            "/params/password",
            "not a valid value; it is secret, so it is not shown"
        )])
    );
    // What is shown in its place is not taken for it.
    for key in ["token", "t\\u006fken"] {
        let body = format!(r#"{{"params":{{"user":"ada","password":4711,"{key}":"***"}}}}"#);
        let masked =
            "this is what is shown in place of the secret, not the secret: send the value itself";
        assert_eq!(
            refusals("login", &body).await,
            pairs(&[("/params/token", masked)])
        );
    }
    let body = r#"{"params":{"user":"***","password":4711,"token":"****"}}"#;
    assert!(envelope("login", body).await.contains(r#""result":11"#));
    let schema = TaskRegistry::discover()
        .unwrap()
        .info("login")
        .unwrap()
        .input_schema;
    assert_eq!(schema["properties"]["password"]["writeOnly"], true);
    assert_eq!(schema["properties"]["token"]["format"], "password");
    assert!(schema["properties"]["token"].get("default").is_none());
}

#[tokio::test]
async fn answers_stay_small_whatever_is_sent() {
    let keys: Vec<String> = (0..50_000)
        .map(|index| format!("\"{}{index}\":1", "k".repeat(300)))
        .collect();
    let body = format!("{{\"params\":{{{}}}}}", keys.join(","));
    let errors = refusals("nothing", &body).await;
    assert_eq!(errors.len(), 100);
    assert_eq!(errors[99].1, "and 49901 more errors, at least");
    assert!(
        errors
            .iter()
            .all(|(pointer, detail)| pointer.len() < 400 && detail.len() < 400)
    );
    let body = format!(
        r#"{{"params":{{"user":{{"name":"x","age":"{}"}}}}}}"#,
        "y".repeat(100_000)
    );
    assert!(refusals("register", &body).await[0].1.len() < 400);
}

#[tokio::test]
async fn arguments_of_a_call_are_checked_all_at_once() {
    let by_id: BTreeMap<Vec<u8>, u8> = BTreeMap::from([(vec![1], 1)]);
    let error = executor()
        .run::<Value>(call!(register, user = by_id))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/params/user: cannot be written as JSON"),
        "{error}"
    );
    fn not_a_task() {}
    let error = executor()
        .run::<Value>(call!(not_a_task))
        .await
        .unwrap_err();
    assert!(matches!(error, ExecuteError::UnknownTask { .. }), "{error}");
}

#[tokio::test]
async fn results_of_another_type_are_named() {
    let error = executor()
        .execute::<u8>("register", json!({"user": {"name": "x", "age": 1}}))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ExecuteError::UnexpectedResult { task, .. } if task == "register"),
        "{error}"
    );
}

#[task]
async fn anything(a: Value, b: Option<Value>, #[task(default = Value::Null)] c: Value) -> Value {
    json!([a, b, c])
}

/// JSON with blanks and escapes where they are allowed.
fn spelled(value: &Value, blanks: &str, escape: bool) -> String {
    let key = |key: &str| {
        if escape && !key.is_empty() {
            let escaped: String = key
                .encode_utf16()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect();
            format!("\"{escaped}\"")
        } else {
            Value::from(key).to_string()
        }
    };
    match value {
        Value::Array(list) => {
            let items: Vec<String> = list
                .iter()
                .map(|item| spelled(item, blanks, escape))
                .collect();
            format!(
                "[{blanks}{}{blanks}]",
                items.join(&format!("{blanks},{blanks}"))
            )
        }
        Value::Object(map) => {
            let members: Vec<String> = map
                .iter()
                .map(|(name, item)| {
                    format!(
                        "{}{blanks}:{blanks}{}",
                        key(name),
                        spelled(item, blanks, escape)
                    )
                })
                .collect();
            format!(
                "{{{blanks}{}{blanks}}}",
                members.join(&format!("{blanks},{blanks}"))
            )
        }
        other => other.to_string(),
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Those that `serde_json` reads exactly.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    /// However the same arguments are spelled, the task gets the same values: the fast road and the careful one agree.
    #[test]
    fn the_spelling_does_not_matter(a in values(), b in values(), blanks in "[ \t\r\n]{0,3}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body = json!({"params": {"a": a, "b": b}});
        for escape in [false, true] {
            let text = spelled(&body, &blanks, escape);
            let answer: Value = serde_json::from_str(&runtime.block_on(envelope("anything", text))).unwrap();
            prop_assert_eq!(&answer["result"], &json!([a, b, null]));
            prop_assert_eq!(&answer["params"], &body["params"]);
        }
    }

    /// Whatever the bytes are, there is an answer: valid JSON that says what happened, or a refusal.
    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..400_usize, value in values()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let executor = executor();
        let mut nearly = json!({"params": {"user": {"name": "x", "age": value}, "tags": value}}).to_string().into_bytes();
        let at = cut % (nearly.len() + 1);
        nearly.splice(at..at, bytes.iter().copied().take(3));
        for body in [&bytes[..], &nearly[..], &nearly[..at]] {
            match runtime.block_on(executor.execute_json("register", body)) {
                Ok(answer) => prop_assert!(serde_json::from_slice::<Value>(&answer).is_ok()),
                Err(error) => prop_assert!(matches!(error, ExecuteError::InvalidArguments { .. }), "{error}"),
            }
        }
    }
}
