//! Queues that are listed, paused and resumed.

use super::*;
use tasks_web::{ApiKey, ApiKeys};

const QUEUES: &str = "/api/v1/jobs/$queues";

fn named(queues: &Value, name: &str) -> Value {
    let mut all = queues.as_array().unwrap().iter();
    all.find(|queue| queue["name"] == name)
        .cloned()
        .unwrap_or_default()
}

async fn no_job_of_a_paused_queue_begins(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let pause = format!("{QUEUES}/reports/$pause");
    let reason = json!({"reason": "the printer is on fire"});
    let (status, paused) = world.ask(Method::POST, &pause, Some(reason)).await;
    assert_eq!(status, 200, "{paused}");
    assert_eq!(
        (
            &paused["name"],
            &paused["concurrency"],
            &paused["paused"]["reason"]
        ),
        (
            &json!("reports"),
            &json!(1),
            &json!("the printer is on fire")
        ),
        "{paused}"
    );
    let sum = json!({"params": {"a": 1, "b": 2}});
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut body = sum.clone();
        body["queue"] = json!("reports");
        waiting.push(world.submit("add", body).await);
    }
    for _ in 0..20 {
        let other = world.submit("add", sum.clone()).await;
        world.until(&other, "completed").await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (_, queues) = world.get(QUEUES).await;
    let reports = named(&queues, "reports");
    assert_eq!(
        (
            &reports["pending"],
            &reports["more_pending"],
            &reports["running"],
            &reports["workers"]
        ),
        (&json!(3), &json!(false), &json!(0), &json!(1)),
        "{queues}"
    );
    assert_eq!(reports["paused"]["at"], paused["paused"]["at"], "{queues}");
    assert_eq!(named(&queues, "default")["paused"], Value::Null, "{queues}");
    for id in &waiting {
        assert_eq!(
            world.get(&format!("/api/v1/jobs/{id}")).await.1["status"],
            "pending"
        );
    }
    // Nothing is wrong: somebody wants it so.
    let (_, health) = world.get("/health").await;
    assert_eq!(health["checks"]["jobs"], json!({"state": "healthy"}));
    // Another reason, and the same pause.
    let (status, again) = world.ask(Method::POST, &pause, None).await;
    assert_eq!(
        (status, &again["paused"]["reason"]),
        (200, &Value::Null),
        "{again}"
    );
    assert_eq!(again["paused"]["at"], paused["paused"]["at"], "{again}");
    let resume = format!("{QUEUES}/reports/$resume");
    for _ in 0..2 {
        let (status, resumed) = world.ask(Method::POST, &resume, None).await;
        assert_eq!(
            (status, &resumed["paused"]),
            (200, &Value::Null),
            "{resumed}"
        );
    }
    for id in &waiting {
        world.until(id, "completed").await;
    }
    world.service.shutdown().await;
}

async fn what_cannot_be_paused_is_refused(test: TestDatabase) {
    const OPS: &str = "ops-0123456789abcdef";
    const MATH: &str = "math-0123456789abcdef";
    const EYES: &str = "eyes-0123456789abcdef";
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]))
        .key(ApiKey::new("eyes", EYES).read_only());
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let ask = async |method: Method, path: &str, body: Option<Value>, key: &str| {
        let path = format!("{QUEUES}{path}");
        world
            .ask_with(method, &path, body, &[("x-api-key", key)])
            .await
    };
    let long = json!({"reason": "x".repeat(501)});
    for (method, path, body, key, expected) in [
        (Method::POST, "/nobody-has-it/$pause", None, OPS, 404),
        (Method::POST, "/no.name/$resume", None, OPS, 404),
        (Method::POST, "/reports/$pause", Some(long), OPS, 422),
        (
            Method::POST,
            "/reports/$pause",
            Some(json!({"reason": "a\0b"})),
            OPS,
            422,
        ),
        (
            Method::POST,
            "/reports/$pause",
            Some(json!({"why": "x"})),
            OPS,
            422,
        ),
        (Method::POST, "/reports/$pause", None, MATH, 403),
        (Method::POST, "/reports/$resume", None, MATH, 403),
        (Method::GET, "", None, MATH, 403),
        (Method::POST, "/reports/$pause", None, EYES, 403),
        (Method::POST, "/reports/$resume", None, EYES, 403),
        (Method::GET, "", None, EYES, 200),
    ] {
        let (status, answer) = ask(method, path, body, key).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    // A page of another site may send a POST without a body.
    let headers = [("x-api-key", OPS), ("sec-fetch-site", "cross-site")];
    let path = format!("{QUEUES}/reports/$pause");
    let (status, problem) = world.ask_with(Method::POST, &path, None, &headers).await;
    assert_eq!(status, 403, "{problem}");
    let (_, problem) = ask(Method::POST, "/nobody-has-it/$pause", None, OPS).await;
    let r#type = problem["type"].as_str().unwrap();
    assert!(r#type.ends_with("unknown-queue"), "{problem}");
    let (status, paused) = ask(Method::POST, "/reports/$pause", None, OPS).await;
    assert_eq!(
        (status, &paused["paused"]["by"]),
        (200, &json!("ops")),
        "{paused}"
    );
    // It has neither a job nor, soon, a worker, and is listed all the same.
    let (_, queues) = ask(Method::GET, "", None, OPS).await;
    assert!(named(&queues, "reports")["paused"].is_object(), "{queues}");
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    no_job_of_a_paused_queue_begins,
    what_cannot_be_paused_is_refused,
);
