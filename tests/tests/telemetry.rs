//! Traces of executions arrive at a collector.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use rustix::process::Signal;
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::http;
use tasks_tests::process::Server;

/// All spans that came, as OTLP writes them in JSON.
type Spans = Arc<Mutex<Vec<Value>>>;

fn collector(spans: &Spans) -> Running {
    let spans = Arc::clone(spans);
    Running::start(move |config| {
        let spans = Arc::clone(&spans);
        let take = move |body: web::Json<Value>| {
            let mut spans = spans.lock().unwrap();
            for resource in body["resourceSpans"].as_array().unwrap() {
                for scope in resource["scopeSpans"].as_array().unwrap() {
                    spans.extend(scope["spans"].as_array().unwrap().iter().cloned());
                }
            }
            async { HttpResponse::Ok().json(json!({})) }
        };
        config.route("/v1/traces", web::post().to(take));
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_and_what_it_did_are_one_trace() {
    let spans = Spans::default();
    let collector = collector(&spans);
    let mut server = Server::start(
        "telemetry-service",
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url(""))],
    )
    .unwrap();
    let url = server.url("/api/v1/tasks/brew/$execute");
    let (_, answer) = http::post(&url, &json!({"params": {"cups": 2}}))
        .await
        .unwrap();
    assert_eq!(answer["result"], "2 of coffee");
    // What was not sent yet is sent at the end.
    server.signal(Signal::TERM).unwrap();
    let ended = server.wait(Duration::from_secs(20)).unwrap();
    assert!(
        ended.is_some_and(|status| status.success()),
        "{}",
        server.output()
    );

    let spans = spans.lock().unwrap();
    let span = |name: &str| {
        let found = spans.iter().find(|span| span["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {spans:#?}"))
    };
    let task = span("task");
    let attributes = task["attributes"].as_array().unwrap();
    let name = attributes
        .iter()
        .find(|attribute| attribute["key"] == "task.name")
        .unwrap();
    assert_eq!(name["value"]["stringValue"], "brew");
    for step in ["grind", "pour"] {
        assert_eq!(span(step)["traceId"], task["traceId"]);
        assert_eq!(span(step)["parentSpanId"], task["spanId"]);
    }
}
