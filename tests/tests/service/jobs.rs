//! Background jobs over HTTP.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, openapi};
use tasks_web::{ApiKey, ApiKeys};

use super::*;

#[task(register = false, tags = ["slow"])]
async fn steps(context: TaskContext, count: u64, milliseconds: u64) -> u64 {
    for step in 0..count {
        context.progress(step, count, format!("step {step}"));
        context.log(format!("did step {step}"));
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    count
}

/// Stores something, and says what.
#[task(register = false, tags = ["slow"])]
async fn store(artifacts: ArtifactManager, data: Value) -> anyhow::Result<Value> {
    let id = artifacts.save(ArtifactIn::json(data)).await?.id.to_string();
    Ok(json!({"artifact_id": id}))
}

struct World {
    app: Running,
    service: Service,
    _test: TestDatabase,
}

impl World {
    async fn new(
        test: TestDatabase,
        change: impl FnOnce(ServiceBuilder) -> ServiceBuilder,
    ) -> Self {
        let registry = TaskRegistry::builder()
            .task(add)
            .task(fail)
            .task(steps)
            .task(store)
            .build()
            .unwrap();
        let builder = Service::builder(ServiceInfo::new("with-jobs", "With jobs"))
            .with_tasks(registry)
            .with_database(Database::from_url(test.url()))
            .with_artifacts(ArtifactHierarchy::new("results"))
            .with_health()
            .with_monitoring()
            .with_jobs(Jobs::new().max_concurrency(4).queue("reports", 1));
        let service = change(builder).build().await.unwrap();
        service.startup().await.unwrap();
        Self {
            app: Running::service(&service),
            service,
            _test: test,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.ask_with(method, path, body, &[]).await
    }

    async fn ask_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request = http::client().unwrap().request(method, self.app.url(path));
        if let Some(body) = body {
            request = request.json(&body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn submit(&self, task: &str, body: Value) -> String {
        let (status, job) = self
            .ask(
                Method::POST,
                &format!("/api/v1/tasks/{task}/$submit"),
                Some(body),
            )
            .await;
        assert_eq!(status, 202, "{job}");
        job["id"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, None).await
    }

    async fn until(&self, id: &str, status: &str) -> Value {
        loop {
            let (answered, job) = self.get(&format!("/api/v1/jobs/{id}")).await;
            assert_eq!(answered, 200, "{job}");
            if job["status"] == status {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn a_job_from_its_submission_to_its_result(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let request = http::client()
        .unwrap()
        .post(world.app.url("/api/v1/tasks/add/$submit"))
        .json(&json!({"params": {"a": 2, "b": 3}, "description": "a sum", "priority": 7, "queue": "reports"}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let job: Value = response.json().await.unwrap();
    assert_eq!(
        location,
        format!("/api/v1/jobs/{}", job["id"].as_str().unwrap())
    );
    assert_eq!(
        (
            &job["status"],
            &job["task_name"],
            &job["params"],
            &job["description"],
            &job["priority"],
            &job["queue"]
        ),
        (
            &json!("pending"),
            &json!("add"),
            &json!({"a": 2, "b": 3}),
            &json!("a sum"),
            &json!(7),
            &json!("reports")
        )
    );
    let id = job["id"].as_str().unwrap();
    let done = world.until(id, "completed").await;
    assert_eq!(
        (&done["attempt"], &done["error"]),
        (&json!(1), &Value::Null)
    );
    let (status, result) = world.get(&format!("/api/v1/jobs/{id}/$result")).await;
    assert_eq!(
        (status, result),
        (
            200,
            json!({"task_name": "add", "params": {"a": 2, "b": 3}, "result": 5, "error": null})
        )
    );
    let (status, problem) = world
        .ask(Method::POST, &format!("/api/v1/jobs/{id}/$retry"), None)
        .await;
    assert_eq!(
        (status, &problem["job_status"]),
        (409, &json!("completed")),
        "{problem}"
    );

    let failed = world
        .submit("fail", json!({"params": {"password": "hunter2"}}))
        .await;
    let job = world.until(&failed, "failed").await;
    assert_eq!(
        (&job["error"], &job["params"]),
        (&json!("it failed"), &json!({"password": "***"}))
    );
    let (status, result) = world.get(&format!("/api/v1/jobs/{failed}/$result")).await;
    assert_eq!(
        (status, &result["error"]["message"], &result["result"]),
        (200, &json!("it failed"), &Value::Null)
    );
    let (status, job) = world
        .ask(Method::POST, &format!("/api/v1/jobs/{failed}/$retry"), None)
        .await;
    assert_eq!((status, &job["status"]), (202, &json!("pending")));
    world.until(&failed, "failed").await;
    assert_eq!(
        world
            .ask(Method::DELETE, &format!("/api/v1/jobs/{failed}"), None)
            .await
            .0,
        204
    );
    assert_eq!(world.get(&format!("/api/v1/jobs/{failed}")).await.0, 404);

    let metrics = http::client()
        .unwrap()
        .get(world.app.url("/metrics"))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    for expected in [
        "tasks_jobs_submitted_total{task=\"add\"} 1",
        "tasks_jobs_started_total{task=\"add\"} 1",
        "tasks_jobs_finished_total{task=\"add\",outcome=\"completed\"} 1",
        "tasks_jobs_finished_total{task=\"fail\",outcome=\"failed\"} 2",
        "tasks_jobs_run_duration_seconds_count{task=\"add\"} 1",
        "tasks_jobs_wait_duration_seconds_count{task=\"add\"} 1",
        "tasks_jobs_pending{queue=\"reports\"} 0",
    ] {
        assert!(metrics.contains(expected), "{expected}: {metrics}");
    }

    let stored = world
        .submit("store", json!({"params": {"data": [1]}}))
        .await;
    let job = world.until(&stored, "completed").await;
    let artifact = job["artifact_id"].as_str().unwrap();
    assert_eq!(
        world.get(&format!("/api/v1/artifacts/{artifact}")).await.1["data"],
        json!([1])
    );
    world.service.shutdown().await;
}

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

async fn a_stream_has_each_change_and_ends_with_the_job(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let id = world
        .submit(
            "steps",
            json!({"params": {"count": 3, "milliseconds": 1000}}),
        )
        .await;
    let url = world
        .app
        .url(&format!("/api/v1/jobs/{id}/$stream?poll_interval=0.1"));
    let read = async |known: Option<&str>| {
        let mut request = http::client().unwrap().get(&url);
        if let Some(known) = known {
            request = request.header("last-event-id", known);
        }
        let response = request.send().await.unwrap();
        assert_eq!(
            response.headers()["content-type"],
            "text/event-stream; charset=utf-8"
        );
        let mut text = String::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        text.split("\n\n")
            .filter(|event| event.starts_with("id: "))
            .map(|event| {
                let (id, data) = event.split_once("\ndata: ").unwrap();
                (
                    id.trim_start_matches("id: ").to_owned(),
                    serde_json::from_str(data).unwrap(),
                )
            })
            .collect::<Vec<(String, Value)>>()
    };
    let events = read(None).await;
    let last = &events.last().unwrap().1;
    assert_eq!(
        (&last["status"], &last["progress"]["current"]),
        (&json!("completed"), &json!(2)),
        "{events:#?}"
    );
    // A second is enough for the step in the middle to be seen, however busy the disk is.
    assert!(
        events
            .iter()
            .any(|(_, job)| job["status"] == "running" && job["progress"]["message"] == "step 1"),
        "{events:#?}"
    );
    // Each is another.
    assert!(
        events
            .windows(2)
            .all(|pair| pair[0].0 != pair[1].0 && pair[0].1 != pair[1].1)
    );
    // Who has the last one is told not to come back; who has another gets the present.
    let over = http::client()
        .unwrap()
        .get(&url)
        .header("last-event-id", &events.last().unwrap().0)
        .send()
        .await
        .unwrap();
    assert_eq!(over.status(), 204);
    assert_eq!(read(Some("something-else")).await.len(), 1);

    let (_, logs) = world.get(&format!("/api/v1/jobs/{id}/$logs")).await;
    let lines: Vec<&Value> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["message"])
        .collect();
    assert_eq!(lines, ["did step 0", "did step 1", "did step 2"]);
    let (_, logs) = world.get(&format!("/api/v1/jobs/{id}/$logs?after=2")).await;
    assert_eq!(logs.as_array().unwrap().len(), 1);
    world.service.shutdown().await;
}

async fn a_running_job_is_canceled(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let id = world
        .submit(
            "steps",
            json!({"params": {"count": 1, "milliseconds": 60_000}}),
        )
        .await;
    world.until(&id, "running").await;
    let (status, problem) = world.get(&format!("/api/v1/jobs/{id}/$result")).await;
    assert_eq!((status, &problem["job_status"]), (409, &json!("running")));
    let (status, job) = world
        .ask(Method::POST, &format!("/api/v1/jobs/{id}/$cancel"), None)
        .await;
    assert_eq!(status, 200);
    assert!(job["cancel_requested_at"].is_string(), "{job}");
    world.until(&id, "canceled").await;
    let (status, _) = world.get(&format!("/api/v1/jobs/{id}/$result")).await;
    assert_eq!(status, 409);
    world.service.shutdown().await;
}

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

async fn schedules_are_made_changed_paused_and_forgotten(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let path = "/api/v1/schedules/nightly";
    let body = json!({
        "task_name": "fail", "params": {"password": "hunter2"}, "cron": "30 2 * * *", "timezone": "Europe/Berlin",
        "description": "every night",
    });
    let (status, schedule) = world.ask(Method::PUT, path, Some(body.clone())).await;
    assert_eq!(status, 201, "{schedule}");
    assert_eq!(
        (&schedule["cron"], &schedule["params"]["password"]),
        (&json!("30 2 * * *"), &json!("***"))
    );
    assert_eq!(schedule["next_runs"].as_array().unwrap().len(), 5);
    assert_eq!(world.ask(Method::PUT, path, Some(body)).await.0, 200);
    let (_, list) = world.get("/api/v1/schedules").await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    let (_, paused) = world
        .ask(Method::POST, &format!("{path}/$pause"), None)
        .await;
    assert_eq!(
        (&paused["paused"], &paused["next_runs"]),
        (&json!(true), &json!([]))
    );
    let (_, resumed) = world
        .ask(Method::POST, &format!("{path}/$resume"), None)
        .await;
    assert_eq!(resumed["next_runs"], schedule["next_runs"]);
    assert_eq!(world.get(path).await.1, resumed);
    // It runs.
    let every = json!({"task_name": "add", "params": {"a": 1, "b": 2}, "interval": 1});
    assert_eq!(
        world
            .ask(Method::PUT, "/api/v1/schedules/beat", Some(every))
            .await
            .0,
        201
    );
    loop {
        let (_, jobs) = world
            .get("/api/v1/jobs?task=add&status_filter=completed")
            .await;
        if !jobs.as_array().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (body, pointer) in [
        (
            json!({"task_name": "add", "params": {"a": 1}, "interval": 1}),
            "/params/b",
        ),
        (
            json!({"task_name": "fail", "params": {"password": "x"}, "cron": "61 * * * *"}),
            "/cron",
        ),
        (
            json!({"task_name": "fail", "params": {"password": "x"}, "cron": "* * * * *", "timezone": "Mars"}),
            "/timezone",
        ),
        (
            json!({"task_name": "fail", "params": {"password": "x"}, "interval": 0}),
            "/interval",
        ),
        (
            json!({"task_name": "fail", "params": {"password": "x"}}),
            "",
        ),
        (
            json!({"task_name": "fail", "params": {"password": "x"}, "interval": 1, "cron": "* * * * *"}),
            "",
        ),
        (json!({"task_name": 5}), "/task_name"),
    ] {
        let (status, problem) = world
            .ask(Method::PUT, "/api/v1/schedules/x", Some(body))
            .await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{problem}"
        );
    }
    let unknown = json!({"task_name": "nobody", "interval": 1});
    assert_eq!(
        world
            .ask(Method::PUT, "/api/v1/schedules/x", Some(unknown))
            .await
            .0,
        404
    );
    assert_eq!(world.ask(Method::DELETE, path, None).await.0, 204);
    assert_eq!(world.get(path).await.0, 404);
    assert_eq!(
        world
            .ask(Method::POST, &format!("{path}/$pause"), None)
            .await
            .0,
        404
    );
    world.service.shutdown().await;
}

/// As `main` prints it that returns an `anyhow::Error`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_declared_schedules_is_said_once() {
    for names in [&["nightly"][..], &["nightly", "weekly"]] {
        let service = builder()
            .with_database(Database::sqlite_in_memory())
            .with_jobs(Jobs::new())
            .with_schedules(move |scheduler| {
                let declare = |name: &&'static str| {
                    let call = scheduler.schedule(*name, call!(add, a = 1, b = 2));
                    call.cron("0 99 * * *")
                };
                names.iter().map(declare).collect::<Vec<_>>()
            })
            .build()
            .await
            .unwrap();
        let error = anyhow::Error::from(service.run().await.unwrap_err());
        let printed = format!("{error:?}");
        for name in names {
            let found = printed.matches(&format!("`{name}`")).count();
            assert_eq!(found, 1, "{printed}");
        }
        assert_eq!(printed.matches("99").count(), names.len(), "{printed}");
    }
}

async fn a_schedule_is_read_changed_and_sent_back(test: TestDatabase) {
    let world = World::new(test, |builder| {
        builder.with_schedules(|scheduler| {
            let call = scheduler.schedule("declared", call!(add, a = 1, b = 2));
            [call.cron("0 4 * * *").queue("reports")]
        })
    })
    .await;
    let (_, declared) = world.get("/api/v1/schedules/declared").await;
    assert_eq!(
        (&declared["declared_by"], &declared["queue"]),
        (&json!("with-jobs"), &json!("reports"))
    );
    let path = "/api/v1/schedules/once";
    let body = json!({
        "task_name": "add", "params": {"a": 1, "b": 2}, "run_at": "2036-01-01T00:00:00Z", "priority": 3, "max_attempts": 2,
        "timeout": "1m", "paused": true,
    });
    let (status, made) = world.ask(Method::PUT, path, Some(body)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["run_at"], &made["timeout"], &made["paused"]),
        (
            &json!("2036-01-01T00:00:00.000000Z"),
            &json!(60.0),
            &json!(true)
        )
    );
    let (status, same) = world.ask(Method::PUT, path, Some(made.clone())).await;
    assert_eq!((status, &same), (200, &made));
    // What time changes may be as it was; what nothing changes is as it is.
    let with = |name: &str, value: Value| {
        let mut sent = made.clone();
        sent[name] = value;
        sent
    };
    for (name, value, expected) in [
        ("next_runs", json!([]), None),
        ("last_run_at", json!("2020-01-01T00:00:00Z"), None),
        ("created_at", made["created_at"].clone(), None),
        (
            "created_at",
            json!("2020-01-01T00:00:00Z"),
            Some("/created_at"),
        ),
        ("name", json!("twice"), Some("/name")),
    ] {
        let (status, answer) = world.ask(Method::PUT, path, Some(with(name, value))).await;
        let pointer = answer["errors"][0]["pointer"].as_str();
        assert_eq!(
            (status == 200, pointer),
            (expected.is_none(), expected),
            "{answer}"
        );
    }
    let mut elsewhere = made.clone();
    elsewhere["name"] = json!("elsewhere");
    let (status, answer) = world
        .ask(Method::PUT, "/api/v1/schedules/elsewhere", Some(elsewhere))
        .await;
    let pointer = &answer["errors"][0]["pointer"];
    assert_eq!((status, pointer), (422, &json!("/created_at")), "{answer}");
    let run = http::client()
        .unwrap()
        .post(world.app.url(&format!("{path}/$run")))
        .send()
        .await
        .unwrap();
    assert_eq!(run.status(), 202);
    let location = run.headers()["location"].to_str().unwrap().to_owned();
    let job: Value = run.json().await.unwrap();
    assert_eq!(
        location,
        format!("/api/v1/jobs/{}", job["id"].as_str().unwrap())
    );
    assert_eq!(
        (&job["schedule_name"], &job["priority"]),
        (&json!("once"), &json!(3))
    );
    world.until(job["id"].as_str().unwrap(), "completed").await;
    world
        .submit("add", json!({"params": {"a": 1, "b": 2}}))
        .await;
    let (_, runs) = world.get("/api/v1/jobs?schedule=once").await;
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert_eq!(
        world.get("/api/v1/jobs?schedule=%00").await,
        (200, json!([]))
    );

    // A secret that was read masked is not one.
    let path = "/api/v1/schedules/login";
    let body = json!({"task_name": "fail", "params": {"password": "hunter2"}, "interval": 3600});
    let (status, made) = world.ask(Method::PUT, path, Some(body)).await;
    assert_eq!(status, 201, "{made}");
    let mut renamed = made.clone();
    renamed["params"]["password"] = json!("hunter3");
    renamed["name"] = json!("other");
    for (body, pointer) in [(made, "/params/password"), (renamed, "/name")] {
        let (status, problem) = world.ask(Method::PUT, path, Some(body)).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{problem}"
        );
    }
    let url = "/api/v1/tasks/fail/$submit";
    let body = json!({"params": {"password": "***"}});
    assert_eq!(world.ask(Method::POST, url, Some(body)).await.0, 422);
    world.service.shutdown().await;
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
    a_job_from_its_submission_to_its_result,
    bad_input_is_refused_and_stores_nothing,
    a_key_of_the_client_names_one_job,
    durations_are_seconds_or_texts,
    a_stream_has_each_change_and_ends_with_the_job,
    a_running_job_is_canceled,
    lists_filter_and_have_pages,
    a_limited_key_reaches_the_jobs_of_its_tasks,
    schedules_are_made_changed_paused_and_forgotten,
    a_schedule_is_read_changed_and_sent_back,
);
