//! Execution: limits, timeouts, panics, cancellation, failures.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    missing_docs,
    reason = "tests"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use tasks_runtime::prelude::*;
use tasks_runtime::{ExecuteError, Refusal, TaskFailure, Traceback, testing};

#[derive(Clone, Default, Injectable)]
struct Probe {
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    cancelled: Arc<AtomicBool>,
    dropped: Arc<AtomicBool>,
}

impl Probe {
    fn enter(&self) {
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[task(register = false)]
async fn wait(probe: Probe, millis: u64) -> u64 {
    let _dropped = SetOnDrop(Arc::clone(&probe.dropped));
    probe.enter();
    tokio::time::sleep(Duration::from_millis(millis)).await;
    probe.leave();
    millis
}

#[task(register = false)]
fn block(probe: Probe, context: TaskContext, millis: u64) -> u64 {
    probe.enter();
    let until = Instant::now() + Duration::from_millis(millis);
    while Instant::now() < until {
        if context.is_cancelled() {
            probe.cancelled.store(true, Ordering::SeqCst);
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    probe.leave();
    millis
}

async fn eventually(what: &AtomicBool) -> bool {
    for _ in 0..200 {
        if what.load(Ordering::SeqCst) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

fn failure(result: Result<Value, ExecuteError>) -> TaskFailure {
    match result {
        Err(ExecuteError::Failed(failure)) => *failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn limits_hold_and_waiting_is_bounded() {
    let probe = Probe::default();
    let executor = testing::executor([task(wait)])
        .provide(probe.clone())
        .task_max_concurrency("wait", 2)
        .permit_timeout(Duration::from_millis(1500))
        .build()
        .unwrap();
    let calls = (0..6).map(|_| executor.run::<u64>(call!(wait, millis = 100)));
    let results = futures_util::future::join_all(calls).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(probe.most.load(Ordering::SeqCst), 2);

    let long = futures_util::future::join_all(
        (0..2).map(|_| executor.run::<u64>(call!(wait, millis = 3000))),
    );
    tokio::pin!(long);
    let began = Instant::now();
    tokio::select! {
        biased;
        _ = &mut long => panic!("it takes three seconds"),
        refused = executor.run::<u64>(call!(wait, millis = 1)) => {
            let error = refused.unwrap_err();
            assert!(matches!(error, ExecuteError::Refused { refusal: Refusal::TaskLimit, .. }), "{error}");
            assert!(error.to_string().contains("no place became free within 1.5s"), "{error}");
        }
    }
    assert!(began.elapsed() >= Duration::from_millis(1400));
}

#[tokio::test]
async fn the_executor_and_the_blocking_pool_have_limits_of_their_own() {
    let probe = Probe::default();
    let build = || {
        testing::executor([task(wait), task(block)])
            .provide(probe.clone())
            .permit_timeout(Duration::from_millis(50))
    };
    let narrow = build().max_concurrency(1).build().unwrap();
    let (first, second) = tokio::join!(
        narrow.run::<u64>(call!(wait, millis = 500)),
        narrow.run::<u64>(call!(wait, millis = 1))
    );
    assert!(first.is_ok());
    assert!(
        matches!(
            second,
            Err(ExecuteError::Refused {
                refusal: Refusal::ServerLimit,
                ..
            })
        ),
        "{second:?}"
    );

    let threads = build().blocking_threads(1).build().unwrap();
    let (first, second, third) = tokio::join!(
        threads.run::<u64>(call!(block, millis = 500)),
        threads.run::<u64>(call!(block, millis = 1)),
        threads.run::<u64>(call!(wait, millis = 1)),
    );
    assert!(first.is_ok() && third.is_ok());
    assert!(
        matches!(
            second,
            Err(ExecuteError::Refused {
                refusal: Refusal::BlockingThreads,
                ..
            })
        ),
        "{second:?}"
    );
}

#[task(register = false, timeout = "50ms")]
async fn hasty(probe: Probe) {
    let _dropped = SetOnDrop(Arc::clone(&probe.dropped));
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

#[tokio::test]
async fn a_task_that_takes_too_long_fails_and_is_dropped() {
    let probe = Probe::default();
    let executor = testing::executor([task(hasty)])
        .provide(probe.clone())
        .build()
        .unwrap();
    let failure = failure(executor.run(call!(hasty)).await);
    assert_eq!(
        (failure.r#type.as_str(), failure.message.as_str()),
        (
            "timeout",
            "task `hasty` ran longer than its timeout of 50ms"
        )
    );
    assert!(probe.dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_sync_task_that_takes_too_long_is_told_and_keeps_its_place() {
    let probe = Probe::default();
    let executor = testing::executor([task(block)])
        .provide(probe.clone())
        .default_timeout(Duration::from_millis(50))
        .blocking_threads(1)
        .build()
        .unwrap();
    assert_eq!(
        failure(executor.run(call!(block, millis = 10_000)).await).r#type,
        "timeout"
    );
    assert!(eventually(&probe.cancelled).await);
    // The thread is free again once the task has noticed.
    assert!(executor.run::<u64>(call!(block, millis = 1)).await.is_ok());
}

#[tokio::test]
async fn dropping_the_caller_drops_an_async_task_and_tells_a_sync_one() {
    let probe = Probe::default();
    let executor = testing::executor([task(wait), task(block)])
        .provide(probe.clone())
        .build()
        .unwrap();
    let short = Duration::from_millis(50);
    assert!(
        tokio::time::timeout(short, executor.run::<u64>(call!(wait, millis = 60_000)))
            .await
            .is_err()
    );
    assert!(probe.dropped.load(Ordering::SeqCst));
    assert!(
        tokio::time::timeout(short, executor.run::<u64>(call!(block, millis = 60_000)))
            .await
            .is_err()
    );
    assert!(eventually(&probe.cancelled).await);
}

#[task(register = false)]
async fn context(context: TaskContext) -> Value {
    json!([
        context.task_name(),
        context.execution_id().to_string(),
        context.is_cancelled(),
        context.cancellation().is_cancelled(),
        context.started_at() == context.started_at()
    ])
}

#[tokio::test]
async fn executions_have_ids_of_their_own() {
    let executor = testing::executor([task(context).named("other")])
        .build()
        .unwrap();
    let first: Value = executor.execute("other", ()).await.unwrap();
    let second: Value = executor.execute("other", json!({})).await.unwrap();
    assert_eq!(
        (&first[0], &first[2], &first[3], &first[4]),
        (&json!("other"), &json!(false), &json!(false), &json!(true))
    );
    assert_ne!(first[1], second[1]);
    assert_eq!(first[1].as_str().unwrap().len(), 26);
}

#[task(register = false)]
async fn panics(late: bool) {
    if late {
        tokio::task::yield_now().await;
    }
    panic!("out of {}", "cheese");
}

#[task(register = false)]
fn panics_in_a_thread() {
    std::panic::panic_any(7_u8);
}

/// Careful while the registry is built, which evaluates it twice, careless ever after.
fn careless() -> u8 {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let calls = CALLS.fetch_add(1, Ordering::SeqCst);
    7 / u8::from(calls < 2)
}

#[task(register = false)]
async fn careless_default(#[task(default = careless())] number: u8) -> u8 {
    number
}

/// Its own function is the last frame; neither what generated code nor what the framework does is there.
fn ends_at_the_task(traceback: &str) {
    for other in [
        "rust_begin_unwind",
        "tasks_runtime::execute",
        "__INVENTORY",
        "call_once",
    ] {
        assert!(!traceback.contains(other), "{other}: {traceback}");
    }
    let frames = traceback.split("frames, innermost first:").nth(1).unwrap();
    let last = frames.trim_end().lines().last().unwrap();
    assert!(last.contains("tests/execution.rs:"), "{traceback}");
}

#[tokio::test]
async fn panics_are_failures_with_a_place() {
    let executor = testing::executor([
        task(panics),
        task(panics_in_a_thread),
        task(careless_default),
    ])
    .traceback(Traceback::Full)
    .build()
    .unwrap();
    for late in [false, true] {
        let failure = failure(executor.run(call!(panics, late = late)).await);
        assert_eq!(
            (failure.r#type.as_str(), failure.message.as_str()),
            ("panic", "out of cheese")
        );
        let traceback = failure.traceback.unwrap();
        assert!(traceback.contains("tests/execution.rs:"), "{traceback}");
        // What a frame is called depends on the debug information; where it is does not.
        assert!(
            traceback
                .split("frames, innermost first:")
                .nth(1)
                .unwrap()
                .contains("tests/execution.rs:"),
            "{traceback}"
        );
        ends_at_the_task(&traceback);
    }
    let failure = failure(executor.run(call!(panics_in_a_thread)).await);
    assert_eq!(failure.message, "a panic without a message");
    let traceback = failure.traceback.unwrap();
    assert!(traceback.contains("tests/execution.rs:"));
    ends_at_the_task(&traceback);
    let error = executor
        .run::<u8>(call!(careless_default))
        .await
        .unwrap_err();
    assert!(matches!(&error, ExecuteError::Panicked { .. }), "{error}");
    assert_eq!(
        executor
            .run::<u8>(call!(careless_default, number = 3))
            .await
            .unwrap(),
        3
    );
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct DiskFull(#[source] std::io::Error);

#[task(register = false)]
async fn fails(how: u8) -> Result<u8, TaskError> {
    match how {
        0 => Ok("x".parse()?),
        1 => Err(DiskFull(std::io::Error::other("no space left")))?,
        2 => Err("just words")?,
        3 => Err(TaskError::msg("made by hand")),
        _ => Ok(how),
    }
}

#[task(register = false)]
async fn fails_anyhow() -> anyhow::Result<()> {
    "x".parse::<u8>().context("reading the answer")?;
    Ok(())
}

#[task(register = false)]
async fn fails_text() -> Result<(), String> {
    Err("plain".to_owned())
}

#[task(register = false)]
async fn fails_boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err("boxed")?
}

#[tokio::test]
async fn errors_tell_their_type_their_causes_and_their_place() {
    let tasks = || {
        [
            task(fails),
            task(fails_anyhow),
            task(fails_text),
            task(fails_boxed),
        ]
    };
    let executor = testing::executor(tasks())
        .traceback(Traceback::Causes)
        .build()
        .unwrap();
    let parse = failure(executor.run(call!(fails, how = 0)).await);
    assert_eq!(parse.r#type, "core::num::error::ParseIntError");
    assert_eq!(parse.message, "invalid digit found in string");
    let traceback = parse.traceback.unwrap();
    assert!(
        traceback
            .starts_with("core::num::error::ParseIntError: invalid digit found in string\n    at "),
        "{traceback}"
    );
    assert!(
        traceback.contains("tests/execution.rs:") && traceback.lines().count() == 2,
        "{traceback}"
    );

    let disk = failure(executor.run(call!(fails, how = 1)).await);
    assert_eq!(
        (disk.r#type.as_str(), disk.message.as_str()),
        ("execution::DiskFull", "the disk is full")
    );
    assert!(
        disk.traceback
            .unwrap()
            .ends_with("caused by: no space left")
    );
    assert_eq!(
        failure(executor.run(call!(fails, how = 2)).await).r#type,
        "&str"
    );
    assert_eq!(
        failure(executor.run(call!(fails, how = 3)).await).r#type,
        "tasks_runtime::task::error::TaskError"
    );

    let chain = failure(executor.run(call!(fails_anyhow)).await);
    assert_eq!(
        (chain.r#type.as_str(), chain.message.as_str()),
        ("anyhow::Error", "reading the answer")
    );
    assert!(
        chain
            .traceback
            .unwrap()
            .contains("caused by: invalid digit found in string")
    );
    assert_eq!(
        failure(executor.run(call!(fails_text)).await).message,
        "plain"
    );
    assert_eq!(
        failure(executor.run(call!(fails_boxed)).await).message,
        "boxed"
    );

    let off = testing::executor(tasks())
        .traceback(Traceback::Off)
        .build()
        .unwrap();
    assert_eq!(
        failure(off.run(call!(fails, how = 0)).await).traceback,
        None
    );
    let full = testing::executor(tasks())
        .traceback(Traceback::Full)
        .build()
        .unwrap();
    let traceback = failure(full.run(call!(fails, how = 0)).await)
        .traceback
        .unwrap();
    assert!(
        traceback
            .split("frames, innermost first:")
            .nth(1)
            .unwrap()
            .contains("tests/execution.rs:"),
        "{traceback}"
    );
}

#[task(register = false)]
async fn unwritable() -> std::collections::BTreeMap<Vec<u8>, u8> {
    std::collections::BTreeMap::from([(vec![1], 1)])
}

#[tokio::test]
async fn a_result_that_is_no_json_is_a_failure_with_a_whole_envelope() {
    let executor = testing::executor([task(unwritable)]).build().unwrap();
    let answer: Value =
        serde_json::from_slice(&executor.execute_json("unwritable", b"{}").await.unwrap()).unwrap();
    assert_eq!(answer["result"], Value::Null);
    assert_eq!(
        answer["error"]["message"],
        "the result cannot be written as JSON: key must be a string"
    );
}

/// Collects the fields of spans.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

impl std::io::Write for Spans {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[task(register = false)]
async fn log_in(phrase: String) -> Result<(), String> {
    if phrase == "xyzzy" {
        Ok(())
    } else {
        Err(format!("`{phrase}` opens nothing"))
    }
}

#[tokio::test]
async fn every_execution_has_a_span_without_values() {
    use tracing_subscriber::fmt::format::FmtSpan;
    let spans = Spans::default();
    let writer = spans.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let executor = testing::executor([task(log_in)])
        .span_level(tracing::Level::INFO)
        .build()
        .unwrap();
    executor
        .execute_json("log_in", br#"{"params":{"phrase":"xyzzy"}}"#)
        .await
        .unwrap();
    executor
        .execute_json("log_in", br#"{"params":{"phrase":"plugh"}}"#)
        .await
        .unwrap();
    let text = spans.0.lock().unwrap().concat();
    assert_eq!(text.matches("task.name=\"log_in\"").count(), 2, "{text}");
    assert!(
        text.contains("outcome=\"completed\"") && text.contains("outcome=\"failed\""),
        "{text}"
    );
    assert!(
        text.contains("execution.id=") && text.contains("duration_ms="),
        "{text}"
    );
    // What the task itself says of its failure is an event of its own.
    let spans: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("a task failed"))
        .collect();
    let spans = spans.join("\n");
    for told in ["xyzzy", "plugh", "phrase"] {
        assert!(!spans.contains(told), "{spans}");
    }
}

#[test]
fn an_executor_may_be_dropped_anywhere() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let executor = testing::executor([task(block)])
            .provide(Probe::default())
            .build()
            .unwrap();
        executor.run::<u64>(call!(block, millis = 1)).await.unwrap();
        drop(executor);
    });
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Measured {
    label: Option<String>,
    series: std::collections::BTreeMap<String, Vec<f64>>,
    mean: f32,
}

#[task(register = false)]
async fn measure(last: String) -> Measured {
    let last = last.parse().unwrap();
    Measured {
        label: None,
        series: [("a/b".to_owned(), vec![1.0, last])].into(),
        mean: 0.5,
    }
}

#[task(register = false)]
fn divide(a: f64, b: f64) -> Result<f64, String> {
    Ok(a / b)
}

#[tokio::test]
async fn a_number_that_json_does_not_have_is_a_failure_that_names_it() {
    let executor = testing::executor([task(measure), task(divide)])
        .build()
        .unwrap();
    let fails = async |name: &str, params: Value| {
        let body = json!({"params": params}).to_string();
        let answer = executor.execute_json(name, body.as_bytes()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["result"], Value::Null);
        answer["error"].clone()
    };
    for (number, shown) in [("nan", "NaN"), ("inf", "inf"), ("-inf", "-inf")] {
        let error = fails("measure", json!({"last": number})).await;
        assert_eq!(error["type"], "not-finite");
        assert_eq!(
            error["message"],
            format!("the result has {shown} at `/series/a~1b/1`, a number that JSON does not have")
        );
    }
    let error = fails("divide", json!({"a": 1.0, "b": 0.0})).await;
    assert_eq!(
        error["message"],
        "the result is inf, a number that JSON does not have"
    );
    // A null that is meant is one.
    let measured = executor
        .run::<Value>(call!(measure, last = "2"))
        .await
        .unwrap();
    assert_eq!(measured["label"], Value::Null);
    assert_eq!(measured["series"]["a/b"][1], 2.0);
}

#[task(register = false)]
async fn blocks_in_place() -> u32 {
    tokio::task::block_in_place(|| 1)
}

#[task(register = false)]
async fn blocks_on() -> u32 {
    tokio::runtime::Handle::current().block_on(async { 1 })
}

/// An execution runs on the thread of its request, a runtime of one thread.
#[tokio::test]
async fn what_the_runtime_cannot_do_fails_with_advice() {
    let executor = testing::executor([task(blocks_in_place), task(blocks_on)])
        .build()
        .unwrap();
    for (call, advice) in [
        (call!(blocks_in_place), "use `tokio::task::spawn_blocking`"),
        (call!(blocks_on), "await the future"),
    ] {
        let error = executor.run::<u32>(call).await.unwrap_err();
        let ExecuteError::Failed(failure) = error else {
            panic!("{error}");
        };
        assert_eq!(failure.r#type, "panic");
        assert!(failure.message.contains(advice), "{failure}");
    }
}
