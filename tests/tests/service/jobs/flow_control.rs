//! Tasks that are paused and resumed, and submissions that come in bursts.

use super::*;
use tasks_web::{ApiKey, ApiKeys};

const TASKS: &str = "/api/v1/jobs/$tasks";

async fn a_task_is_paused_for_all_its_jobs(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let pause = format!("{TASKS}/add/$pause");
    let reason = json!({"reason": "its sums are wrong"});
    let (status, paused) = world.ask(Method::POST, &pause, Some(reason)).await;
    assert_eq!(status, 200, "{paused}");
    assert_eq!(paused["task"], "add", "{paused}");
    assert_eq!(paused["paused"]["reason"], "its sums are wrong", "{paused}");
    let (_, all) = world.get(&format!("{TASKS}/$paused")).await;
    assert_eq!(all, json!([paused]));
    let sum = json!({"params": {"a": 1, "b": 2}});
    let job = world.submit("add", sum.clone()).await;
    let alone = json!({"params": {"milliseconds": 1}});
    let other = world.submit("alone", alone).await;
    world.until(&other, "completed").await;
    let (_, job_now) = world.get(&format!("/api/v1/jobs/{job}")).await;
    assert_eq!(job_now["pending_code"], "task-paused", "{job_now}");
    // Executions are no jobs.
    let (status, executed) = world
        .ask(Method::POST, "/api/v1/tasks/add/$execute", Some(sum))
        .await;
    assert_eq!(status, 200, "{executed}");
    let (status, resumed) = world
        .ask(Method::POST, &format!("{TASKS}/add/$resume"), None)
        .await;
    assert_eq!((status, &resumed["paused"]), (200, &Value::Null));
    world.until(&job, "completed").await;
    let (_, all) = world.get(&format!("{TASKS}/$paused")).await;
    assert_eq!(all, json!([]));
    world.service.shutdown().await;
}

async fn who_may_not_pause_a_task_is_refused(test: TestDatabase) {
    const OPS: &str = "ops-0123456789abcdef";
    const MATH: &str = "math-0123456789abcdef";
    const EYES: &str = "eyes-0123456789abcdef";
    let keys = ApiKeys::new()
        .key(ApiKey::new("ops", OPS))
        .key(ApiKey::new("math", MATH).tags(["math"]))
        .key(ApiKey::new("eyes", EYES).read_only());
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let long = json!({"reason": "x".repeat(501)});
    for (method, path, body, key, expected) in [
        (Method::POST, "/nobody-has-it/$pause", None, OPS, 404),
        (Method::POST, "/nobody-has-it/$resume", None, OPS, 404),
        (Method::POST, "/add/$pause", Some(long), OPS, 422),
        (
            Method::POST,
            "/add/$pause",
            Some(json!({"why": 1})),
            OPS,
            422,
        ),
        (Method::POST, "/add/$pause", None, MATH, 403),
        (Method::POST, "/add/$resume", None, MATH, 403),
        (Method::GET, "/$paused", None, MATH, 403),
        (Method::POST, "/add/$pause", None, EYES, 403),
        (Method::POST, "/add/$resume", None, EYES, 403),
        (Method::GET, "/$paused", None, EYES, 200),
    ] {
        let headers = [("x-api-key", key)];
        let path = format!("{TASKS}{path}");
        let (status, answer) = world.ask_with(method, &path, body, &headers).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    let headers = [("x-api-key", OPS)];
    let path = format!("{TASKS}/add/$pause");
    let (_, paused) = world.ask_with(Method::POST, &path, None, &headers).await;
    assert_eq!(paused["paused"]["by"], "ops", "{paused}");
    let path = format!("{TASKS}/nobody-has-it/$pause");
    let (_, problem) = world.ask_with(Method::POST, &path, None, &headers).await;
    let r#type = problem["type"].as_str().unwrap();
    assert!(r#type.ends_with("unknown-task"), "{problem}");
    world.service.shutdown().await;
}

async fn one_submission_of_a_burst_runs(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    const SUBMIT: &str = "/api/v1/tasks/add/$submit";
    let body =
        |a: i64, how: &str| json!({"params": {"a": a, "b": 1}, how: {"key": "k", "period": "1s"}});
    let mut ids = Vec::new();
    for a in 1..4 {
        let (status, job) = world
            .ask(Method::POST, SUBMIT, Some(body(a, "throttle")))
            .await;
        assert_eq!(status, 202, "{job}");
        ids.push(job["id"].as_str().unwrap().to_owned());
        let (_, job) = world
            .ask(Method::POST, SUBMIT, Some(body(a, "debounce")))
            .await;
        ids.push(job["id"].as_str().unwrap().to_owned());
    }
    for (place, expected) in [(0, 2), (1, 4)] {
        world.until(&ids[place], "completed").await;
        let (_, result) = world
            .get(&format!("/api/v1/jobs/{}/$result", ids[place]))
            .await;
        assert_eq!(result["result"], json!(expected));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2);
    for (body, pointer) in [
        (
            json!({"params": {"a": 1, "b": 1}, "throttle": {"key": "", "period": 1}}),
            "/throttle/key",
        ),
        (
            json!({"params": {"a": 1, "b": 1}, "throttle": {"key": "k"}}),
            "/throttle",
        ),
        (
            json!({"params": {"a": 1, "b": 1}, "debounce": {"key": "k", "period": 1}, "throttle": {"key": "k", "period": 1}}),
            "/debounce",
        ),
        (
            json!({"params": {"a": 1, "b": 1}, "debounce": {"key": "k", "period": 1, "x": 1}}),
            "/debounce/x",
        ),
    ] {
        let (status, problem) = world.ask(Method::POST, SUBMIT, Some(body.clone())).await;
        assert_eq!(status, 422, "{body}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    a_task_is_paused_for_all_its_jobs,
    who_may_not_pause_a_task_is_refused,
    one_submission_of_a_burst_runs,
);
