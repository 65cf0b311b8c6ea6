//! Scopes in an application of one's own: several, nested, with limits, with dependencies that are not there.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::time::Duration;

use actix_web::web;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::{http, openapi};
use tasks_web::prelude::*;
use tasks_web::testing;

async fn execute(app: &Running, path: &str, params: Value) -> (StatusCode, Value) {
    http::post(
        &app.url(&format!("{path}/$execute")),
        &json!({"params": params}),
    )
    .await
    .unwrap()
}

/// One in two directions: read and written differently.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Shape {
    name: String,
    #[serde(default)]
    kind: Kind,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Round,
    Square {
        side: f64,
    },
}

/// Gives a shape back. Its doc comment has a | and a `` ` ``.
#[task(register = false, tags = ["a|b"])]
async fn shape(
    shape: Shape,
    #[task(default = vec!["a|b".to_owned()])] words: Vec<String>,
) -> Shape {
    let _ = words;
    shape
}

#[task(register = false)]
async fn ping() -> &'static str {
    "pong"
}

#[derive(Clone, Injectable)]
struct Broken;

#[task(register = false)]
async fn needs_broken(broken: Broken) {
    let _ = broken;
}

#[task(register = false)]
async fn sleeps(millis: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    millis
}

fn both() -> TaskExecutor {
    testing::executor([task(shape), task(ping)])
        .build()
        .unwrap()
}

#[tokio::test]
async fn several_scopes_with_different_registries_and_one_document() {
    let first = tasks_web::scope("/api/v1/tasks", both()).without_docs();
    let second = tasks_web::scope(
        "internal/",
        testing::executor([task(ping)]).build().unwrap(),
    )
    .without_docs();
    let nested = tasks_web::scope("/tasks", both()).without_docs();
    let api = OpenApi::new("Three", "1.0")
        .description("All of them.")
        .scope(&first)
        .scope(&second)
        .scope_at("/v2", &nested);
    let document = api.document();
    assert!(
        openapi::validate(&document).is_ok(),
        "{:?}",
        openapi::validate(&document)
    );
    assert!(
        openapi::validate(&api.document_3_0()).is_ok(),
        "{:?}",
        openapi::validate(&api.document_3_0())
    );
    let id = |path: &str| {
        document["paths"][path]["post"]["operationId"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(id("/api/v1/tasks/ping/$execute"), "execute_ping");
    assert_eq!(id("/internal/ping/$execute"), "internal_execute_ping");
    assert_eq!(id("/v2/tasks/ping/$execute"), "v2_tasks_execute_ping");

    let served = document.clone();
    let server = Running::start(move |config| {
        config
            .service(first.clone())
            .service(second.clone())
            .service(web::scope("/v2").service(nested.clone()))
            .service(api.clone());
    });
    for (path, item) in served["paths"].as_object().unwrap() {
        // `$validate` is one operation for all tasks of a scope.
        if item.get("post").is_some() && !path.contains("{name}") {
            let params = if path.contains("shape") {
                json!({"shape": {"name": "x"}})
            } else {
                json!({})
            };
            let (status, answer) = http::post(&server.url(path), &json!({"params": params}))
                .await
                .unwrap();
            assert_eq!(status, StatusCode::OK, "{path} {answer}");
        }
    }
    assert_eq!(
        http::get(&server.url("/openapi.json")).await.unwrap().1,
        served
    );
    assert_eq!(
        http::get(&server.url("/internal/shape")).await.unwrap().0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_nested_scope_brings_its_documents_along() {
    let tasks = tasks_web::scope("/tasks", both()).titled("Nested", "2.0");
    let server = Running::start(move |config| {
        config.service(web::scope("/deep/down").service(tasks.clone()));
    });
    let (status, document) = http::get(&server.url("/deep/down/openapi.json"))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        document["info"],
        json!({"title": "Nested", "version": "2.0"})
    );
    assert!(
        document["paths"]["/deep/down/tasks/ping/$execute"].is_object(),
        "{document}"
    );
    let (status, answer) = execute(&server, "/deep/down/tasks/ping", json!({})).await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::OK, &json!("pong"))
    );
    let page = http::client()
        .unwrap()
        .get(server.url("/deep/down/docs"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (page.status(), page.url().path()),
        (StatusCode::OK, "/deep/down/docs")
    );
    let script = http::client()
        .unwrap()
        .get(server.url("/deep/down/docs/swagger-initializer.js"))
        .send()
        .await
        .unwrap();
    assert!(script.text().await.unwrap().contains("\"../openapi.json\""));
    let missing = http::client()
        .unwrap()
        .get(server.url("/deep/down/docs/../../../etc/passwd"))
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_type_that_is_read_and_written_differently_has_two_schemas() {
    let document = OpenApi::new("x", "1")
        .scope(&tasks_web::scope("/t", both()))
        .document();
    let schemas = &document["components"]["schemas"];
    // `kind` has a default, so it may be left out of a request and is always in an answer.
    assert_eq!(schemas["Shape"]["required"], json!(["name"]));
    assert_eq!(schemas["ShapeOutput"]["required"], json!(["name", "kind"]));
    assert!(schemas["Kind"].is_object() && schemas.get("KindOutput").is_none());
    let result = &document["paths"]["/t/shape/$execute"]["post"]["responses"]["200"]["content"]["application/json"]
        ["schema"]["properties"]["result"];
    assert_eq!(
        result["anyOf"][0]["$ref"],
        "#/components/schemas/ShapeOutput"
    );
    let titles: Vec<&Value> = schemas["Kind"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        // A variant that is an object is a schema of its own.
        .map(|variant| match variant["$ref"].as_str() {
            Some(reference) => {
                &document.pointer(reference.trim_start_matches('#')).unwrap()["title"]
            }
            None => &variant["title"],
        })
        .collect();
    assert_eq!(titles, ["KindRound", "KindSquare"]);
    let text = document["paths"]["/t/shape/$execute"]["post"]["description"]
        .as_str()
        .unwrap();
    assert!(
        text.contains(
            "| `words` | `Vec<String>` | `vec![\"a\\|b\".to_owned()]` | request, optional |  |"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn limits_are_answered_by_429_and_503() {
    let busy = testing::executor([task(sleeps), task(ping)])
        .permit_timeout(Duration::from_millis(50))
        .task_max_concurrency("sleeps", 1);
    let busy = busy.build().unwrap();
    let full = testing::executor([task(sleeps)])
        .permit_timeout(Duration::from_millis(50))
        .max_concurrency(1)
        .build()
        .unwrap();
    let server = Running::start(move |config| {
        config
            .service(tasks_web::scope("/busy", busy.clone()).without_docs())
            .service(tasks_web::scope("/full", full.clone()).without_docs());
    });
    for (prefix, status, kind) in [("/busy", 429, "task-busy"), ("/full", 503, "server-busy")] {
        let path = format!("{prefix}/sleeps");
        let second = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let request = http::client()
                .unwrap()
                .post(server.url(&format!("{path}/$execute")))
                .json(&json!({"params": {"millis": 1}}));
            request.send().await.unwrap()
        };
        let (first, second) =
            tokio::join!(execute(&server, &path, json!({"millis": 1500})), second);
        assert_eq!(first.0, StatusCode::OK);
        assert_eq!(
            (second.status().as_u16(), &second.headers()[RETRY_AFTER]),
            (status, &"1".parse().unwrap())
        );
        assert_eq!(second.headers()[CONTENT_TYPE], "application/problem+json");
        let problem: Value = second.json().await.unwrap();
        assert_eq!(problem["type"], format!("urn:tasks:problem:{kind}"));
    }
}

#[tokio::test]
async fn a_dependency_that_is_not_available_is_503() {
    let executor = testing::executor([task(needs_broken)])
        .provide_with(|_| async { Err::<Broken, _>("out of order") });
    let executor = executor.build().unwrap();
    let server = Running::start(move |config| {
        config.service(tasks_web::scope("/t", executor.clone()).without_docs());
    });
    let (status, problem) = execute(&server, "/t/needs_broken", json!({})).await;
    assert_eq!(
        (status, &problem["type"]),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            &json!("urn:tasks:problem:dependency-unavailable")
        )
    );
    assert_eq!(
        problem["detail"],
        "task `needs_broken` cannot run now: its dependency `broken: Broken` is not available: out of order"
    );
}

#[tokio::test]
async fn bodies_have_limits_of_size_and_time() {
    let server = Running::start(move |config| {
        config.service(
            tasks_web::scope("/t", both())
                .body_limit(100)
                .body_timeout(Duration::from_millis(200))
                .without_docs(),
        );
    });
    let (status, _) = execute(
        &server,
        "/t/shape",
        json!({"shape": {"name": "x".repeat(100)}}),
    )
    .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let request = b"POST /t/ping/$execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{";
    let answer = String::from_utf8(http::raw(server.address(), request).await.unwrap()).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("urn:tasks:problem:request-timeout"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_scope_at_the_root() {
    let server = Running::start(move |config| {
        config.service(tasks_web::scope("", both()));
    });
    assert_eq!(
        http::get(&server.url("/ping")).await.unwrap().0,
        StatusCode::OK
    );
    let (status, problem) = http::get(&server.url("/ping/$submit")).await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        problem["detail"].as_str().unwrap().contains("`with_jobs`"),
        "{problem}"
    );
    assert_eq!(
        http::get(&server.url("/"))
            .await
            .unwrap()
            .1
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let (_, document) = http::get(&server.url("/openapi.json")).await.unwrap();
    assert!(
        openapi::validate(&document).is_ok(),
        "{:?}",
        openapi::validate(&document)
    );
}

/// Says whether arguments fit, by the decoder that runs, and runs nothing.
#[tokio::test]
async fn arguments_are_validated_without_being_run() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[task(register = false, max_concurrency = 1)]
    async fn counted(#[task(range(max = 10))] number: u8, name: Option<String>) -> u32 {
        let _ = (number, name);
        RUNS.fetch_add(1, Ordering::Relaxed)
    }

    let registry = TaskRegistry::builder().task(counted).build().unwrap();
    let executor = TaskExecutor::builder(registry).build().unwrap();
    let app = Running::start(move |config| {
        config.service(tasks_web::scope("/tasks", executor.clone()));
    });
    let url = app.url("/tasks/counted/$validate");
    let answer = |body: Value| {
        let url = url.clone();
        async move { http::post(&url, &body).await.unwrap() }
    };
    let (status, body) = answer(json!({"params": {"number": 10}})).await;
    assert_eq!((status, body), (StatusCode::OK, json!({})));
    let (status, problem) = answer(json!({"params": {"number": 11, "nam": null}})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let errors = problem["errors"].as_array().unwrap();
    let found: Vec<_> = errors
        .iter()
        .map(|error| {
            (
                error["pointer"].as_str().unwrap(),
                error["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [("/params/number", "range"), ("/params/nam", "unknown")]
    );
    // Options of jobs are not part of an execution.
    let (status, _) = answer(json!({"params": {"number": 1}, "delay": "1s"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _) = http::post(&app.url("/tasks/none/$validate"), &json!({}))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = http::get(&url).await.unwrap();
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(RUNS.load(Ordering::Relaxed), 0);
}
