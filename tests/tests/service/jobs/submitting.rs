//! Submissions: what is refused, how times are written, and keys of idempotency.

use super::World;
use reqwest::Method;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;

async fn bad_input_is_refused_and_stores_nothing(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let long = "x".repeat(1_000_000);
    let params = json!({"a": 1, "b": 2});
    for (body, pointer) in [
        (json!({"params": {"a": 1}}), "/params/b"),
        (
            json!({"params": params, "description": long}),
            "/description",
        ),
        (json!({"params": params, "description": 5}), "/description"),
        // No database keeps it as text, and what was sent is not changed.
        (
            json!({"params": params, "description": "a\0b"}),
            "/description",
        ),
        (json!({"params": params, "delay": 1e12}), "/delay"),
        (json!({"params": params, "delay": -1}), "/delay"),
        (
            json!({"params": params, "scheduled_at": "tomorrow"}),
            "/scheduled_at",
        ),
        (
            json!({"params": params, "scheduled_at": "9999-01-01T00:00:00Z"}),
            "/scheduled_at",
        ),
        (
            json!({"params": params, "max_attempts": 0}),
            "/max_attempts",
        ),
        (json!({"params": params, "queue": "nobody"}), "/queue"),
        (json!({"params": params, "priority": 1e10}), "/priority"),
        (json!({"params": params, "timeout": 0}), "/timeout"),
        // A misspelt one would run a job now that was meant for later.
        (json!({"params": params, "dealy": 3600}), "/dealy"),
        (json!({"a": 1, "b": 2}), "/a"),
    ] {
        let (status, problem) = world
            .ask(Method::POST, "/api/v1/tasks/add/$submit", Some(body))
            .await;
        assert_eq!(status, 422, "{pointer}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let pointers = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap();
        let pointer = |error: &Value| error["pointer"].as_str().unwrap().to_owned();
        let mut all: Vec<String> = errors.iter().map(pointer).collect();
        all.sort();
        all
    };
    // All of it at once: what cannot be read, and what cannot be.
    let unreadable = json!({"params": {"a": "x"}, "description": 5, "delay": "soon", "dealy": 1, "priority": 1e10});
    let impossible =
        json!({"params": {"a": 1}, "queue": "nobody", "max_attempts": 0, "timeout": 0});
    for (body, expected) in [
        (
            unreadable,
            &[
                "/dealy",
                "/delay",
                "/description",
                "/params/a",
                "/params/b",
                "/priority",
            ][..],
        ),
        (
            impossible,
            &["/max_attempts", "/params/b", "/queue", "/timeout"][..],
        ),
    ] {
        let (status, problem) = world
            .ask(Method::POST, "/api/v1/tasks/add/$submit", Some(body))
            .await;
        assert_eq!(
            (status, pointers(&problem).join(" ")),
            (422, expected.join(" ")),
            "{problem}"
        );
    }
    let unreadable = json!({"task_name": 5, "cron": 1, "interval": "x", "zone": 1});
    let impossible =
        json!({"task_name": "add", "params": {"a": 1}, "cron": "61 * * * *", "description": long});
    for (body, expected) in [
        (
            unreadable,
            &["/cron", "/interval", "/task_name", "/zone"][..],
        ),
        (impossible, &["/cron", "/description", "/params/b"][..]),
        (
            json!({"task_name": "add", "params": params, "interval": 60, "description": "a\0b"}),
            &["/description"][..],
        ),
    ] {
        let (status, problem) = world
            .ask(Method::PUT, "/api/v1/schedules/x", Some(body))
            .await;
        assert_eq!(
            (status, pointers(&problem).join(" ")),
            (422, expected.join(" ")),
            "{problem}"
        );
    }
    let raw = http::client()
        .unwrap()
        .post(world.app.url("/api/v1/tasks/add/$submit"))
        .header("content-type", "application/json")
        .body("{");
    assert_eq!(raw.send().await.unwrap().status(), 400);
    assert_eq!(
        world
            .ask(Method::POST, "/api/v1/tasks/nobody/$submit", None)
            .await
            .0,
        404
    );
    let (status, problem) = world.get("/api/v1/tasks/add/$submit").await;
    assert_eq!(status, 405, "{problem}");
    assert_eq!(world.get("/api/v1/jobs").await, (200, json!([])));
    for path in [
        "/api/v1/jobs/x",
        "/api/v1/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "/api/v1/jobs/x/$result",
        "/api/v1/jobs/x/$logs",
        "/api/v1/jobs/x/$stream",
    ] {
        assert_eq!(world.get(path).await.0, 404, "{path}");
    }
    // No database has to read that.
    assert_eq!(world.get("/api/v1/jobs?task=%00").await, (200, json!([])));
    assert_eq!(world.get("/api/v1/jobs/%00").await.0, 404);
    assert_eq!(world.get("/api/v1/schedules/%00").await.0, 404);
    for (query, pointer) in [
        ("status_filter=done", "?status_filter"),
        ("page=0", "?page"),
        ("size=101", "?size"),
        ("before=x", "?before"),
    ] {
        let (status, problem) = world.get(&format!("/api/v1/jobs?{query}")).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{problem}"
        );
    }
    // One says which part of the list is wanted, and so does the other.
    for numbered in ["page", "size"] {
        let place = "before=01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let (status, problem) = world
            .get(&format!("/api/v1/jobs?{place}&{numbered}=1"))
            .await;
        let error = &problem["errors"][0];
        assert_eq!(
            (status, &error["pointer"]),
            (422, &json!("?before")),
            "{problem}"
        );
        let detail = error["detail"].as_str().unwrap();
        let both = format!("one of `before` and `{numbered}`");
        assert!(detail.contains(&both), "{detail}");
    }
    world.service.shutdown().await;
}

async fn a_key_of_the_client_names_one_job(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let submit = async |a: i64, key: &str| {
        let body = json!({"params": {"a": a, "b": 1}});
        world
            .ask_with(
                Method::POST,
                "/api/v1/tasks/add/$submit",
                Some(body),
                &[("idempotency-key", key)],
            )
            .await
    };
    let (_, first) = submit(1, "order-1").await;
    let (status, again) = submit(1, "order-1").await;
    assert_eq!((status, &again["id"]), (202, &first["id"]));
    assert_ne!(submit(1, "order-2").await.1["id"], first["id"]);
    // An answer that an earlier submission made says so.
    for (key, replayed) in [("order-1", Some("true")), ("order-3", None)] {
        let request = http::client()
            .unwrap()
            .post(world.app.url("/api/v1/tasks/add/$submit"))
            .header("idempotency-key", key)
            .json(&json!({"params": {"a": 1, "b": 1}}));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 202);
        let header = response.headers().get("idempotent-replayed");
        assert_eq!(
            header.map(|value| value.to_str().unwrap()),
            replayed,
            "{key}"
        );
    }
    // Of two keys it is not clear which counts.
    let two = [("idempotency-key", "order-1"), ("idempotency-key", "x")];
    let body = json!({"params": {"a": 1, "b": 1}});
    let path = "/api/v1/tasks/add/$submit";
    let (status, problem) = world.ask_with(Method::POST, path, Some(body), &two).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/idempotency_key")),
        "{problem}"
    );
    let (status, problem) = submit(2, "order-1").await;
    assert_eq!(status, 422, "{problem}");
    assert!(
        problem["type"]
            .as_str()
            .unwrap()
            .ends_with(":idempotency-key"),
        "{problem}"
    );
    world.service.shutdown().await;
}

async fn durations_are_seconds_or_texts(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let params = json!({"a": 1, "b": 1});
    for (delay, seconds) in [(json!("1h30m"), 5400), (json!("2m"), 120), (json!(60), 60)] {
        let body = json!({"params": params, "delay": delay, "timeout": "5m"});
        let id = world.submit("add", body).await;
        let (_, job) = world.get(&format!("/api/v1/jobs/{id}")).await;
        let time =
            |name: &str| chrono::DateTime::parse_from_rfc3339(job[name].as_str().unwrap()).unwrap();
        let waits = (time("scheduled_at") - time("submitted_at")).num_seconds();
        assert!((waits - seconds).abs() <= 1, "{job}");
    }
    // Which of two times counts, nobody knows; one that is null is none.
    let at = "2030-01-01T00:00:00Z";
    let body = json!({"params": params, "delay": 60, "scheduled_at": at});
    let (status, problem) = world
        .ask(Method::POST, "/api/v1/tasks/add/$submit", Some(body))
        .await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/scheduled_at")),
        "{problem}"
    );
    // It is about the job with the same key: without a key, it would mean nothing.
    let body = json!({"params": params, "again_after_failure": true});
    let (status, problem) = world
        .ask(Method::POST, "/api/v1/tasks/add/$submit", Some(body))
        .await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/again_after_failure")),
        "{problem}"
    );
    for (delay, at) in [(json!(null), json!(at)), (json!(60), json!(null))] {
        let body = json!({"params": params, "delay": delay, "scheduled_at": at});
        world.submit("add", body).await;
    }
    for wrong in [
        json!("soon"),
        json!("1d"),
        json!("5"),
        json!(true),
        json!("-1s"),
    ] {
        let body = json!({"params": params, "delay": wrong});
        let (status, problem) = world
            .ask(Method::POST, "/api/v1/tasks/add/$submit", Some(body))
            .await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!("/delay")),
            "{problem}"
        );
    }
    let schedule = json!({"task_name": "add", "params": params, "interval": "1h30m"});
    let (status, record) = world
        .ask(Method::PUT, "/api/v1/schedules/half-past", Some(schedule))
        .await;
    assert_eq!(
        (status, &record["interval"]),
        (201, &json!(5400)),
        "{record}"
    );
    let wrong = json!({"task_name": "add", "params": params, "interval": "1500ms"});
    let (status, problem) = world
        .ask(Method::PUT, "/api/v1/schedules/half-past", Some(wrong))
        .await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/interval"))
    );
}

/// What is accepted can be shown again, in a list of jobs, too.
async fn deep_arguments_are_refused_before_they_are_stored(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for action in ["$submit", "$execute"] {
        let url = world.app.url(&format!("/api/v1/tasks/store/{action}"));
        let send = async |levels: usize| {
            let request = http::client().unwrap().post(&url);
            let body = format!("{{\"params\": {{\"data\": {}}}}}", nested(levels));
            let response = request
                .header("content-type", "application/json")
                .body(body)
                .send()
                .await
                .unwrap();
            let status = response.status().as_u16();
            (status, response.text().await.unwrap())
        };
        let (status, answer) = send(100).await;
        assert!(status < 300, "{action} {answer}");
        for levels in [101, 124, 127, 1000] {
            let (status, answer) = send(levels).await;
            assert_eq!(status, 422, "{action} {levels} {answer}");
            let problem: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(problem["errors"][0]["pointer"], "/params/data", "{answer}");
            assert_eq!(
                problem["errors"][0]["detail"],
                "nested more than 100 levels deep"
            );
        }
    }
    let (status, jobs) = world.get("/api/v1/jobs?page=1&size=10").await;
    assert_eq!((status, &jobs["total"]), (200, &json!(1)));
    let id = jobs["items"][0]["id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/api/v1/jobs/{id}")).await.0, 200);
}

tasks_tests::on_both_databases!(
    deep_arguments_are_refused_before_they_are_stored,
    bad_input_is_refused_and_stores_nothing,
    a_key_of_the_client_names_one_job,
    durations_are_seconds_or_texts,
);
