//! Jobs are found by texts, times and tags.

use super::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_web::{ApiKey, ApiKeys};

pub(super) const OPS: &str = "ops-0123456789abcdef";
pub(super) const MATH: &str = "math-0123456789abcdef";

/// One key for all, and one that is limited to tasks with the tag `math`.
pub(super) fn keys() -> ApiKeys {
    ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]))
}

pub(super) async fn get(world: &World, path: &str, key: &str) -> (u16, Value) {
    let path = format!("/api/v1/jobs{path}");
    world
        .ask_with(Method::GET, &path, None, &[("x-api-key", key)])
        .await
}

/// Submits a job, and waits until it has ended.
pub(super) async fn submit(world: &World, task: &str, params: Value) -> String {
    let path = format!("/api/v1/tasks/{task}/$submit");
    let body = json!({"params": params});
    let (status, job) = world
        .ask_with(Method::POST, &path, Some(body), &[("x-api-key", OPS)])
        .await;
    assert_eq!(status, 202, "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    loop {
        let (_, job) = get(world, &format!("/{id}"), OPS).await;
        if job["finished_at"].is_string() {
            return id;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn jobs_are_searched_over_http(test: TestDatabase) {
    let world = World::new(test, |builder| builder.with_auth(keys())).await;
    let sum = submit(&world, "add", json!({"a": 41414, "b": 1})).await;
    let failed = submit(&world, "fail", json!({"password": "hunter2"})).await;
    let ids = async |query: &str, key| {
        let (status, list) = get(&world, &format!("?{query}"), key).await;
        assert_eq!(status, 200, "{query}: {list}");
        let list = list.as_array().unwrap().iter();
        list.map(|job| job["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("search=it%20fail", OPS).await, [failed.as_str()]);
    assert_eq!(ids("search=it%20fail", MATH).await, [""; 0]);
    assert_eq!(ids("search=41414", OPS).await, [sum.as_str()]);
    assert_eq!(ids("search=hunter2", OPS).await, [""; 0]);
    assert_eq!(ids("tag=math", OPS).await, [sum.as_str()]);
    assert_eq!(ids("tag=math&task=fail", OPS).await, [""; 0]);
    assert_eq!(ids("tag=none", OPS).await, [""; 0]);
    assert_eq!(
        ids("submitted_after=2020-01-01T00:00:00Z", OPS).await.len(),
        2
    );
    assert_eq!(
        ids("submitted_before=2020-01-01T00:00:00Z", OPS).await,
        [""; 0]
    );
    let (_, page) = get(&world, "?page=1&size=1&search=failed&tag=none", OPS).await;
    assert_eq!(page["total"], 0);
    for query in ["search=ab", "submitted_after=now", "tag=a&tag=b"] {
        assert_eq!(
            get(&world, &format!("?{query}"), OPS).await.0,
            422,
            "{query}"
        );
    }
    world.service.shutdown().await;
}

/// As Python's `json.dumps` writes it.
async fn what_was_sent_with_escapes_is_found(test: TestDatabase) {
    let world = World::new(test, |builder| builder.with_auth(keys())).await;
    let url = world.app.url("/api/v1/tasks/store/$submit");
    for data in [
        r#""Z\u00fcrich Stra\u00dfe \ud83d\ude00""#,
        "\"Zürich Bahnhof\"",
    ] {
        let request = http::client().unwrap().post(&url).header("x-api-key", OPS);
        let body = format!(r#"{{"params":{{"data":{data}}},"delay":3600}}"#);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        assert_eq!(request.send().await.unwrap().status(), 202);
    }
    let count = async |text: &str| {
        let url = reqwest::Url::parse_with_params("http://localhost/", [("search", text)]).unwrap();
        let (status, found) = get(&world, &format!("?{}", url.query().unwrap()), OPS).await;
        assert_eq!(status, 200, "{found}");
        found.as_array().unwrap().len()
    };
    assert_eq!(count("zürich").await, 2);
    assert_eq!(count("Straße 😀").await, 1);
    assert_eq!(count("Bahnhof").await, 1);
    assert_eq!(count("Zurich").await, 0);
    world.service.shutdown().await;
}

tasks_tests::on_all_databases!(
    jobs_are_searched_over_http,
    what_was_sent_with_escapes_is_found
);
