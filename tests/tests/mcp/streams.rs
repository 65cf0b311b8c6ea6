//! Calls that take their time, and say so.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tasks_web::prelude::*;

use super::world::{Client, World, builder, events, read};

/// All messages that answer a call that asks for progress.
async fn messages(client: &Client, tool: &str, arguments: Value) -> Vec<Value> {
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
    let response = client.request("tools/call", params).send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    events(&response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_and_lines_of_the_log_come_before_the_result() {
    let world = World::new().await;
    for client in [world.client(), world.client().version("2025-06-18")] {
        let messages = messages(&client, "slow", json!({"milliseconds": 200})).await;
        assert_eq!(messages.len(), 3, "{messages:?}");
        let params = &messages[0]["params"];
        assert_eq!(messages[0]["method"], "notifications/progress");
        assert_eq!(
            params,
            &json!({"progressToken": "p", "progress": 1, "total": 2, "message": "half"})
        );
        assert_eq!(messages[1]["params"]["message"], "a line");
        assert!(messages[1]["params"]["progress"].as_f64().unwrap() > 1.0);
        assert_eq!(
            (
                &messages[2]["id"],
                &messages[2]["result"]["content"][0]["text"]
            ),
            (&json!(7), &json!("done"))
        );
    }
    // A client that asks for no progress gets one answer; so does one that takes no events.
    let params = json!({"name": "slow", "arguments": {"milliseconds": 100}});
    let response = world
        .client()
        .request("tools/call", params.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let client = world.client();
    let mut with_token = params;
    with_token["_meta"] = json!({"progressToken": 1});
    let message = client.message("tools/call", with_token);
    let request = tasks_tests::http::client()
        .unwrap()
        .post(&client.url)
        .json(&message);
    let request = request
        .header("accept", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "slow");
    let answer = read(request).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.result()["isError"], false);
}

/// Hosts give up on calls that say nothing: the times are those of a user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_says_nothing_goes_on_audibly() {
    /// Says nothing for long.
    #[task(register = false)]
    async fn silent(seconds: u64) -> u64 {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        seconds
    }
    let builder = Service::builder(ServiceInfo::new("silent", "Silent"))
        .with_tasks(TaskRegistry::builder().task(silent).build().unwrap())
        .with_mcp();
    let world = World::of(builder).await;
    let client = world.client();
    let with_token = messages(&client, "silent", json!({"seconds": 27}));
    let without = async {
        let params = json!({"name": "silent", "arguments": {"seconds": 27}});
        let response = client.request("tools/call", params).send().await.unwrap();
        let mut body = response.bytes_stream();
        let (mut text, mut longest, mut last) = (String::new(), Duration::ZERO, Instant::now());
        while let Some(part) = body.next().await {
            text.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        (text, longest)
    };
    let (messages, (text, longest)) = tokio::join!(with_token, without);
    assert!(messages.len() >= 3, "{messages:?}");
    assert!(
        messages[0]["params"]["message"]
            .as_str()
            .unwrap()
            .starts_with("running for ")
    );
    assert_eq!(
        messages.last().unwrap()["result"]["content"][0]["text"],
        "27"
    );
    let progress: Vec<f64> = messages
        .iter()
        .filter_map(|it| it["params"]["progress"].as_f64())
        .collect();
    assert!(
        progress.windows(2).all(|pair| pair[0] < pair[1]),
        "{progress:?}"
    );
    assert!(longest < Duration::from_secs(13), "{longest:?}");
    assert!(text.contains(": still here"), "{text}");
    assert_eq!(
        events(&text).last().unwrap()["result"]["content"][0]["text"],
        "27"
    );
}

/// Whether a tool ran to its end is seen by what it leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_ends_its_call() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Clone, Injectable)]
    struct Seen(Arc<[AtomicUsize; 2]>);
    /// Counts its begin and its end.
    #[task(register = false)]
    async fn counted(seen: Seen, context: TaskContext) {
        seen.0[0].fetch_add(1, Ordering::SeqCst);
        context.progress(1, 2, "begun");
        tokio::time::sleep(Duration::from_secs(2)).await;
        seen.0[1].fetch_add(1, Ordering::SeqCst);
    }
    let seen = Seen(Arc::default());
    let builder = Service::builder(ServiceInfo::new("counted", "Counted"))
        .with_tasks(TaskRegistry::builder().task(counted).build().unwrap())
        .provide(seen.clone())
        .with_mcp();
    let world = World::of(builder).await;
    for token in [json!({"progressToken": 1}), json!({})] {
        let params = json!({"name": "counted", "_meta": token});
        let call = world.client().request("tools/call", params);
        let call = tokio::time::timeout(Duration::from_millis(500), async {
            call.send().await.unwrap().text().await.unwrap()
        });
        assert!(call.await.is_err());
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let count = |index: usize| seen.0[index].load(Ordering::SeqCst);
    assert_eq!((count(0), count(1)), (2, 0));
}

/// What it reports without end must not hide its timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_reports_without_end_has_its_timeout() {
    /// Reports as fast as it can.
    #[task(register = false, timeout = "2s")]
    #[allow(clippy::needless_pass_by_value, reason = "that is how it is injected")]
    fn talkative(context: TaskContext) -> u64 {
        let mut count = 0;
        while !context.is_cancelled() {
            count += 1;
            context.progress(count, None, "on and on");
        }
        count
    }
    let builder = Service::builder(ServiceInfo::new("talkative", "Talkative"))
        .with_tasks(TaskRegistry::builder().task(talkative).build().unwrap())
        .with_mcp();
    let world = World::of(builder).await;
    let began = Instant::now();
    let messages = messages(&world.client(), "talkative", json!({})).await;
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    let last = messages.last().unwrap();
    assert_eq!(last["result"]["isError"], true);
    assert!(
        last["result"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("timeout")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_progress_is_short() {
    let world = World::new().await;
    for token in [json!("x".repeat(600)), json!({"a": 1}), json!(1.5)] {
        let params = json!({"name": "word", "_meta": {"progressToken": token}});
        let answer = world.client().send("tools/call", params).await;
        assert_eq!(answer.error().1, -32602);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_limited_and_calls_are_not_lost() {
    let world = World::of(builder().with_mcp().max_streams(1, 1)).await;
    let client = world.client();
    let params = json!({"name": "slow", "arguments": {"milliseconds": 1_000}, "_meta": {"progressToken": 1}});
    let call = || async {
        client
            .request("tools/call", params.clone())
            .send()
            .await
            .unwrap()
    };
    let (one, other) = tokio::join!(call(), call());
    let kinds = [
        one.headers()["content-type"].clone(),
        other.headers()["content-type"].clone(),
    ];
    assert!(
        kinds.iter().any(|kind| kind == "application/json"),
        "{kinds:?}"
    );
    for response in [one, other] {
        assert!(response.text().await.unwrap().contains("done"));
    }
}
