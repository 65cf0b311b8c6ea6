//! What an execution costs, from the bytes of a request body to the bytes of the answer, against the same work written
//! by hand with serde structs.
//!
//! The hand-written side is done both ways one would do it, and the faster one is the baseline: both read the body in one
//! pass; `typed` writes the parameters back from their values, `span` as they came. It does nothing else: no limits, no
//! timeout, no panics caught, no execution id.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::too_many_arguments,
    reason = "a benchmark"
)]

// What the hand-written server of the benchmarks does.
#[path = "../../benches/limit/src/envelope.rs"]
mod envelope;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tasks_runtime::prelude::*;
use tasks_runtime::testing;

#[derive(Serialize, schemars::JsonSchema)]
struct Greeting {
    message: String,
}

/// Simple task that returns a greeting.
#[task(tags = ["demo", "simple"])]
async fn greet_user(#[task(default = "World")] name: String) -> Greeting {
    Greeting {
        message: format!("Hello, {name}!"),
    }
}

#[derive(Deserialize, Serialize, Default)]
struct GreetUser {
    #[serde(default = "world")]
    name: String,
}

fn world() -> String {
    "World".to_owned()
}

#[task]
async fn sum(values: Vec<i64>) -> i64 {
    values.iter().sum()
}

#[derive(Deserialize, Serialize, Default)]
struct Sum {
    values: Vec<i64>,
}

/// A function of many parameters, and the struct that one would write for it.
macro_rules! wide {
    ($($text:ident)*; $($number:ident)*; $($flag:ident)*) => {
        #[task]
        async fn wide($($text: String,)* $($number: i64,)* $($flag: Option<bool>,)*) -> i64 {
            let mut total = 0;
            $(total += $text.len() as i64;)*
            $(total += $number;)*
            $(total += i64::from($flag.unwrap_or(true));)*
            total
        }

        #[derive(Deserialize, Serialize, Default)]
        struct Wide { $($text: String,)* $($number: i64,)* $($flag: Option<bool>,)* }

        async fn call_wide(wide: Wide) -> i64 {
            self::wide($(wide.$text,)* $(wide.$number,)* $(wide.$flag,)*).await
        }

        const WIDE: &[(&str, &str)] = &[
            $((stringify!($text), "\"some text\""),)*
            $((stringify!($number), "12345"),)*
            $((stringify!($flag), "false"),)*
        ];
    };
}

wide! {
    title author publisher language subject series edition place;
    year pages volume number weight height width price;
    lent damaged rare signed
}

async fn typed<P, R, F>(name: &'static str, body: &[u8], call: impl Fn(P) -> F) -> Vec<u8>
where
    P: DeserializeOwned + Serialize + Default,
    R: Serialize,
    F: Future<Output = R>,
{
    #[derive(Deserialize)]
    struct Body<P> {
        params: P,
    }
    let body: Body<P> = serde_json::from_slice(body).unwrap();
    // What the call takes is gone, so what it is given has to be written first.
    let mut json = Vec::with_capacity(192);
    json.extend_from_slice(b"{\"task_name\":\"");
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\",\"params\":");
    serde_json::to_writer(&mut json, &body.params).unwrap();
    json.extend_from_slice(b",\"result\":");
    serde_json::to_writer(&mut json, &call(body.params).await).unwrap();
    json.extend_from_slice(b",\"error\":null}");
    json
}

async fn span<P, R, F>(name: &'static str, body: &[u8], call: impl Fn(P) -> F) -> Vec<u8>
where
    P: DeserializeOwned + Default,
    R: Serialize,
    F: Future<Output = R>,
{
    let (params, written) = envelope::parse::<P>(body).unwrap();
    let mut json = Vec::with_capacity(written.len() + name.len() + 192);
    json.extend_from_slice(b"{\"task_name\":\"");
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\",\"params\":");
    json.extend_from_slice(written);
    json.extend_from_slice(b",\"result\":");
    serde_json::to_writer(&mut json, &call(params).await).unwrap();
    json.extend_from_slice(b",\"error\":null}");
    json
}

fn compare<P, R, F>(
    criterion: &mut Criterion,
    executor: &TaskExecutor,
    name: &'static str,
    body: &str,
    call: impl Fn(P) -> F + Copy,
) where
    P: DeserializeOwned + Serialize + Default,
    R: Serialize,
    F: Future<Output = R>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let answer = runtime
        .block_on(executor.execute_json(name, body.as_bytes()))
        .unwrap();
    for by_hand in [
        runtime.block_on(typed(name, body.as_bytes(), call)),
        runtime.block_on(span(name, body.as_bytes(), call)),
    ] {
        assert_eq!(
            String::from_utf8_lossy(&answer),
            String::from_utf8_lossy(&by_hand),
            "the same work"
        );
    }
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function(BenchmarkId::from_parameter("task"), |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            executor
                .execute_json(name, black_box(body.as_bytes()))
                .await
        });
    });
    group.bench_function(BenchmarkId::from_parameter("typed"), |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| typed(name, black_box(body.as_bytes()), call));
    });
    group.bench_function(BenchmarkId::from_parameter("span"), |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| span(name, black_box(body.as_bytes()), call));
    });
    group.finish();
}

fn benches(criterion: &mut Criterion) {
    let executor = testing::executor([task(greet_user), task(wide), task(sum)])
        .build()
        .unwrap();
    compare(
        criterion,
        &executor,
        "greet_user",
        r#"{"params":{"name":"Ada"}}"#,
        |params: GreetUser| greet_user(params.name),
    );
    let members: Vec<String> = WIDE
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    compare(
        criterion,
        &executor,
        "wide",
        &format!("{{\"params\":{{{}}}}}", members.join(",")),
        call_wide,
    );
    // 100 kB
    let values: Vec<String> = (0..14_300)
        .map(|value| (value * 7 + 100_000).to_string())
        .collect();
    compare(
        criterion,
        &executor,
        "sum",
        &format!("{{\"params\":{{\"values\":[{}]}}}}", values.join(",")),
        |params: Sum| sum(params.values),
    );
}

criterion_group!(execute, benches);
criterion_main!(execute);
