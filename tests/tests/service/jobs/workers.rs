//! Workers over HTTP.

use super::*;
use tasks_web::{ApiKey, ApiKeys};

const WORKERS: &str = "/api/v1/jobs/$workers";

/// With the default lease: nobody waits for it.
async fn a_worker_is_expired_by_hand(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let steps = json!({"params": {"count": 10, "milliseconds": 1000}});
    let job = world.submit("steps", steps).await;
    world.until(&job, "running").await;
    let (_, workers) = world.get(WORKERS).await;
    let worker = &workers[0];
    assert_eq!(
        (&worker["running"], &worker["version"]),
        (&json!(1), &json!("1.0.0")),
        "{workers}"
    );
    let id = worker["id"].as_str().unwrap();
    let path = format!("{WORKERS}/{id}/$expire");
    assert_eq!(world.ask(Method::POST, &path, None).await.0, 204);
    let (status, problem) = world.ask(Method::POST, &path, None).await;
    assert_eq!(status, 404, "{problem}");
    assert!(
        problem["type"]
            .as_str()
            .unwrap()
            .ends_with("unknown-worker"),
        "{problem}"
    );
    // The process goes on as another worker, which does the job.
    let done = world.until(&job, "completed").await;
    assert_eq!((&done["crashes"], &done["attempt"]), (&json!(1), &json!(1)));
    let (_, workers) = world.get(WORKERS).await;
    assert_eq!(workers.as_array().unwrap().len(), 1, "{workers}");
    assert_ne!(workers[0]["id"], id);
    let (_, log) = world.get(&format!("/api/v1/jobs/{job}/$logs")).await;
    assert!(log.to_string().contains("expired by hand"), "{log}");
    world.service.shutdown().await;
}

async fn a_limited_key_expires_none(test: TestDatabase) {
    const MATH: &str = "math-0123456789abcdef";
    let keys = ApiKeys::new().key(ApiKey::new("math", MATH).tags(["math"]));
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let path = format!("{WORKERS}/x/$expire");
    let asked = world.ask_with(Method::POST, &path, None, &[("x-api-key", MATH)]);
    assert_eq!(asked.await.0, 403);
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(a_worker_is_expired_by_hand, a_limited_key_expires_none);
