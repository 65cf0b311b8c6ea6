//! What clients send on purpose, and what tasks do by mistake.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::ffi::CString;
use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tasks_runtime::prelude::*;
use tasks_runtime::{ExecuteError, RegistryProblem, TaskFailure, Traceback, testing};
use tokio::runtime::Handle;

fn failure(result: Result<Value, ExecuteError>) -> TaskFailure {
    match result {
        Err(ExecuteError::Failed(failure)) => *failure,
        other => panic!("{other:?}"),
    }
}

#[task(register = false)]
async fn any(value: Value) -> Value {
    value
}

#[task(register = false)]
async fn bytes(text: CString) -> usize {
    text.as_bytes().len()
}

// What becomes of a server where it is: `a_small_body_does_not_overflow_the_stack`, over HTTP.
#[tokio::test]
async fn a_text_is_not_read_as_json() {
    let executor = testing::executor([task(any)]).build().unwrap();
    let body = json!({"value": {"$serde_json::private::RawValue": "[1, 2]"}});
    assert_eq!(
        executor.execute::<Value>("any", &body).await.unwrap(),
        body["value"]
    );
}

#[tokio::test]
async fn what_is_echoed_is_json() {
    let executor = testing::executor([task(bytes)]).build().unwrap();
    // Two roads lead to the arguments: an escaped key takes the careful one.
    for key in ["params", "par\\u0061ms"] {
        let body = format!("{{\"{key}\":{{\"text\":\"a\nb\"}}}}");
        let error = executor.execute_json("bytes", body.as_bytes()).await;
        assert!(
            matches!(error, Err(ExecuteError::InvalidArguments { .. })),
            "{error:?}"
        );
        let body = format!("{{\n \"{key}\" : {{\n\t\"text\" : \"a\\nb\"\n}}\n}}");
        let answer = executor.execute_json("bytes", body.as_bytes()).await;
        let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
        assert_eq!(answer["result"], 3);
    }
}

#[task(register = false)]
fn reads_a_file() -> usize {
    let read = tokio::fs::read_to_string("Cargo.toml");
    Handle::current()
        .block_on(read)
        .map_or(0, |text| text.len())
}

#[tokio::test]
async fn sync_tasks_may_wait_for_what_needs_a_thread() {
    let executor = testing::executor([task(reads_a_file)])
        .blocking_threads(1)
        .default_timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    for _ in 0..3 {
        let length: usize = executor.run(call!(reads_a_file)).await.unwrap();
        assert!(length > 0);
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[task(register = false, timeout = "50ms")]
async fn panics_when_dropped() {
    let _held = PanicsWhenDropped;
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[task(register = false)]
async fn throws_what_panics_when_dropped() {
    panic_any(PanicsWhenDropped);
}

#[tokio::test]
async fn a_panic_while_dropping_is_caught_too() {
    let executor = testing::executor([
        task(panics_when_dropped),
        task(throws_what_panics_when_dropped),
    ])
    .build()
    .unwrap();
    let late = failure(executor.run(call!(panics_when_dropped)).await);
    assert_eq!(late.r#type, "timeout");
    let thrown = failure(executor.run(call!(throws_what_panics_when_dropped)).await);
    assert_eq!(thrown.message, "a panic without a message");
    // The caller goes away.
    let call = executor.run::<Value>(call!(panics_when_dropped));
    tokio::time::timeout(Duration::from_millis(5), call)
        .await
        .unwrap_err();
}

#[task(register = false)]
async fn catches_its_own() -> bool {
    catch_unwind(|| panic!("mine")).is_err()
}

#[task(register = false)]
async fn passes_one_on() {
    resume_unwind(Box::new("passed on"));
}

#[tokio::test]
async fn a_panic_has_its_own_place_or_none() {
    let executor = testing::executor([task(catches_its_own), task(passes_one_on)])
        .traceback(Traceback::Causes)
        .build()
        .unwrap();
    assert!(executor.run::<bool>(call!(catches_its_own)).await.unwrap());
    // No hook runs for a panic that is passed on, so its place is not known.
    let passed = failure(executor.run(call!(passes_one_on)).await);
    let traceback = passed.traceback.unwrap_or_default();
    assert!(
        passed.message == "passed on" && !traceback.contains("hostile.rs"),
        "{traceback}"
    );
}

#[task(register = false, timeout = "900ms")]
async fn blocks_first() {
    std::thread::sleep(Duration::from_secs(1));
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn the_time_of_a_task_counts_from_its_begin() {
    let executor = testing::executor([task(blocks_first)]).build().unwrap();
    let began = std::time::Instant::now();
    let late = failure(executor.run(call!(blocks_first)).await);
    assert_eq!(late.r#type, "timeout");
    // With the second it blocks the time is up; counted from there it would be almost two.
    assert!(began.elapsed() < Duration::from_millis(1800));
}

#[task(register = false)]
async fn slow() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn times_too_long_for_the_clock_are_no_limit() {
    let executor = testing::executor([task(slow)])
        .max_concurrency(1)
        .permit_timeout(Duration::MAX)
        .default_timeout(Duration::MAX)
        .build()
        .unwrap();
    let (first, second) = tokio::join!(
        executor.run::<()>(call!(slow)),
        executor.run::<()>(call!(slow))
    );
    assert!(first.is_ok() && second.is_ok());
    let output = run_shell("echo done").timeout(Duration::MAX).await.unwrap();
    assert_eq!(output.stdout, "done\n");
}

fn no_default() -> u8 {
    panic!("there is none")
}

#[task(register = false)]
async fn defaultless(#[task(default = no_default())] number: u8) -> u8 {
    number
}

#[test]
fn a_default_that_panics_is_found_when_the_registry_is_built() {
    let error = TaskRegistry::builder()
        .task(defaultless)
        .build()
        .unwrap_err();
    assert!(
        matches!(&error.problems()[0], RegistryProblem::Panicked { parameter, .. } if parameter == "number"),
        "{error}"
    );
    assert!(
        error.to_string().contains("there is none") && error.to_string().contains("hostile.rs:"),
        "{error}"
    );
}

#[derive(JsonSchema)]
struct Pin;

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pin = String::deserialize(deserializer)?;
        panic!("what is {pin}?");
    }
}

#[task(register = false)]
async fn unlock(#[task(secret)] pin: Pin, #[task(secret, default = "xyzzy")] word: String) {
    drop((pin, word));
}

#[tokio::test]
async fn secrets_stay_secret() {
    let executor = testing::executor([task(unlock)]).build().unwrap();
    let error = executor
        .execute::<Value>("unlock", json!({"pin": "1234"}))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ExecuteError::Panicked { .. }) && !error.to_string().contains("1234"),
        "{error}"
    );
    let info = serde_json::to_string(&executor.registry().info("unlock").unwrap()).unwrap();
    assert!(
        !info.contains("xyzzy") && info.contains("word: String = ***"),
        "{info}"
    );
}

#[task(register = false)]
async fn add(a: i128, b: i128) -> String {
    (a + b).to_string()
}

#[tokio::test]
async fn words_help() {
    let executor = testing::executor([task(add)]).build().unwrap();
    let refused = |body: &'static str| {
        let executor = executor.clone();
        async move {
            executor
                .execute_json("add", body.as_bytes())
                .await
                .unwrap_err()
                .to_string()
        }
    };
    let misplaced = refused(r#"{"a": 1, "b": 2}"#).await;
    assert!(
        misplaced.contains("the body has no `params`"),
        "{misplaced}"
    );
    let misplaced = refused(r#"{"b": 2, "params": {"b": 2}}"#).await;
    assert!(
        !misplaced.contains("the body has no `params`"),
        "{misplaced}"
    );
    let fraction = refused(r#"{"params": {"a": 1.0, "b": 2}}"#).await;
    assert!(
        fraction.contains("invalid value, expected `i128`"),
        "{fraction}"
    );
}

#[derive(Deserialize, JsonSchema)]
struct Scale {
    #[serde(alias = "number")]
    value: f64,
}

#[tokio::test]
async fn the_schema_of_a_closure_says_what_it_refuses() {
    let registry = TaskRegistry::builder()
        .register_fn("scale", ["math"], |scale: Scale| async move {
            Ok::<_, TaskError>(scale.value)
        })
        .build()
        .unwrap();
    let info = registry.info("scale").unwrap();
    assert_eq!(info.input_schema["additionalProperties"], false);
    let executor = TaskExecutor::builder(registry).build().unwrap();
    let alias = executor.execute::<f64>("scale", json!({"number": 2.5}));
    assert_eq!(alias.await.unwrap(), 2.5);
    let unknown = executor.execute::<f64>("scale", json!({"value": 1, "valeu": 2}));
    let unknown = unknown.await.unwrap_err().to_string();
    assert!(
        unknown.contains("/params/valeu: unknown parameter, did you mean `value`?"),
        "{unknown}"
    );
    let twice = br#"{"params": {"value": 1, "value": 2}}"#;
    let error = executor.execute_json("scale", twice).await.unwrap_err();
    assert!(
        error.to_string().contains("/params/value: given twice"),
        "{error}"
    );
}
