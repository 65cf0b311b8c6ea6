//! Lists of jobs, and what a limited key sees of them.

use super::World;
use reqwest::Method;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::openapi;
use tasks_web::{ApiKey, ApiKeys};

async fn lists_filter_and_have_pages(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let mut ids = Vec::new();
    for a in 0..5 {
        ids.push(
            world
                .submit("add", json!({"params": {"a": a, "b": 1}}))
                .await,
        );
    }
    for id in &ids {
        world.until(id, "completed").await;
    }
    let later = world
        .submit("add", json!({"params": {"a": 1, "b": 1}, "delay": 3600}))
        .await;
    let names = |list: &Value| -> Vec<String> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|job| job["id"].as_str().unwrap().to_owned())
            .collect()
    };
    ids.push(later.clone());
    ids.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(names(&world.get("/api/v1/jobs").await.1), ids);
    assert_eq!(
        names(&world.get("/api/v1/jobs?status_filter=pending").await.1),
        [later]
    );
    assert_eq!(
        names(&world.get("/api/v1/jobs?task=fail").await.1),
        Vec::<String>::new()
    );
    let (status, _) = world.get("/api/v1/jobs?page=%2B1").await;
    assert_eq!(status, 422);
    let (_, page) = world.get("/api/v1/jobs?task=add&page=2&size=4").await;
    assert_eq!(
        (&page["total"], &page["pages"], names(&page["items"]).len()),
        (&json!(6), &json!(2), 2)
    );
    let (_, stats) = world.get("/api/v1/jobs/$stats").await;
    assert_eq!(
        (&stats["pending"], &stats["completed"]),
        (&json!(1), &json!(5))
    );
    let (_, health) = world.get("/health").await;
    assert_eq!(health["checks"]["jobs"], json!({"state": "healthy"}));
    for version in ["3.1", "3.0"] {
        let (_, document) = world.get(&format!("/openapi.json?version={version}")).await;
        assert_eq!(openapi::validate(&document), Ok(()), "{version}");
        let submit = &document["paths"]["/api/v1/tasks/add/$submit"]["post"];
        assert!(
            submit["responses"]["202"]["headers"]["Location"].is_object(),
            "{submit}"
        );
        let body = &submit["requestBody"]["content"]["application/json"]["schema"]["properties"];
        assert!(
            body["params"].is_object() && body["delay"].is_object(),
            "{body}"
        );
    }
    world.service.shutdown().await;
}

async fn a_limited_key_reaches_the_jobs_of_its_tasks(test: TestDatabase) {
    const OPS: &str = "ops-0123456789abcdef";
    const MATH: &str = "math-0123456789abcdef";
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]));
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let ask = async |method: Method, path: &str, body: Option<Value>, key: &str| {
        world
            .ask_with(method, path, body, &[("x-api-key", key)])
            .await
    };
    let sum = json!({"params": {"a": 1, "b": 2}});
    let slow = json!({"params": {"count": 1, "milliseconds": 60_000}});
    let (_, mine) = ask(
        Method::POST,
        "/api/v1/tasks/add/$submit",
        Some(sum.clone()),
        MATH,
    )
    .await;
    let (status, _) = ask(
        Method::POST,
        "/api/v1/tasks/steps/$submit",
        Some(slow.clone()),
        MATH,
    )
    .await;
    assert_eq!(status, 403);
    let (_, other) = ask(Method::POST, "/api/v1/tasks/steps/$submit", Some(slow), OPS).await;
    let other = other["id"].as_str().unwrap();
    for (method, rest) in [
        (Method::GET, ""),
        (Method::GET, "/$result"),
        (Method::GET, "/$logs"),
        (Method::GET, "/$stream"),
        (Method::POST, "/$cancel"),
        (Method::POST, "/$retry"),
        (Method::DELETE, ""),
    ] {
        let (status, problem) =
            ask(method, &format!("/api/v1/jobs/{other}{rest}"), None, MATH).await;
        assert_eq!(status, 403, "{rest}: {problem}");
    }
    let (_, list) = ask(Method::GET, "/api/v1/jobs", None, MATH).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["id"], mine["id"]);
    assert_eq!(
        ask(Method::GET, "/api/v1/jobs?task=steps", None, MATH)
            .await
            .1,
        json!([])
    );
    assert_eq!(
        ask(Method::GET, "/api/v1/jobs?page=1&size=10", None, MATH)
            .await
            .1["total"],
        1
    );
    assert_eq!(
        ask(Method::GET, "/api/v1/jobs", None, OPS)
            .await
            .1
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(world.get("/api/v1/jobs").await.0, 401);
    // How many jobs there are of the tasks of others is nothing for it either.
    assert_eq!(
        ask(Method::GET, "/api/v1/jobs/$stats", None, MATH).await.0,
        403
    );
    ask(
        Method::POST,
        &format!("/api/v1/jobs/{other}/$cancel"),
        None,
        OPS,
    )
    .await;
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    lists_filter_and_have_pages,
    a_limited_key_reaches_the_jobs_of_its_tasks,
);
