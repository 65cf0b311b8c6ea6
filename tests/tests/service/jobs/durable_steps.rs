//! Durable steps and events over HTTP.

use super::*;
use tasks_web::{ApiKey, ApiKeys};

async fn steps_are_listed_and_events_are_sent(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let id = world
        .submit("add_later", json!({"params": {"a": 20}}))
        .await;
    let path = format!("/api/v1/jobs/{id}");
    let began = Instant::now();
    let job = loop {
        let (_, job) = world.get(&path).await;
        if job["pending_code"] == "waiting-for-event" {
            break job;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{job}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let reason = job["pending_reason"].as_str().unwrap();
    assert!(
        reason.starts_with("it waits for the event `addend`, until "),
        "{job}"
    );
    let (status, steps) = world.get(&format!("{path}/$steps")).await;
    assert_eq!(status, 200, "{steps}");
    let (double, addend) = (&steps[0], &steps[1]);
    for (step, name, kind, status) in [
        (double, "double", "step", "completed"),
        (addend, "addend", "event", "waiting"),
    ] {
        let parts = [&step["name"], &step["kind"], &step["status"]];
        assert_eq!(parts, [name, kind, status], "{steps}");
        assert_eq!(step["attempt"], 1, "{steps}");
    }
    assert_eq!(
        (&double["result_bytes"], &double["event"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(
        (&addend["finished_at"], &addend["event"]),
        (&Value::Null, &json!("addend"))
    );
    assert!(addend["waits_until"].as_str().unwrap() > addend["started_at"].as_str().unwrap());

    // What is not an event.
    let event = format!("{path}/$event/addend");
    let sent = http::client().unwrap().post(world.app.url(&event));
    let sent = sent.header("content-type", "application/json").body("{");
    let problem: Value = sent.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&problem["status"], &problem["detail"]),
        (
            &json!(400),
            &json!("the body is not JSON: EOF while parsing an object at line 1 column 1")
        )
    );
    let sent = http::client().unwrap().post(world.app.url(&event));
    let sent = sent
        .header("content-type", "application/json")
        .body(b"\"\xff\"".to_vec());
    assert_eq!(
        sent.send().await.unwrap().status().as_u16(),
        400,
        "not UTF-8"
    );
    let wrong = format!("{path}/$event/{}", "x".repeat(201));
    let (status, problem) = world.ask(Method::POST, &wrong, Some(json!(1))).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/event")),
        "{problem}"
    );
    let (status, problem) = world
        .ask(Method::POST, &event, Some(json!("x".repeat(70_000))))
        .await;
    assert_eq!(status, 413, "{problem}");

    let (status, job) = world.ask(Method::POST, &event, Some(json!(2))).await;
    assert_eq!((status, &job["id"]), (202, &json!(id)), "{job}");
    let done = world.until(&id, "completed").await;
    assert_eq!(done["attempt"], 1, "{done}");
    let (_, result) = world.get(&format!("{path}/$result")).await;
    assert_eq!(result["result"], 42, "{result}");
    let (status, problem) = world.ask(Method::POST, &event, Some(json!(2))).await;
    assert_eq!(
        (status, &problem["job_status"]),
        (409, &json!("completed")),
        "{problem}"
    );

    // One without a body is null, which is not a number.
    let id = world
        .submit("add_later", json!({"params": {"a": 20}}))
        .await;
    let event = format!("/api/v1/jobs/{id}/$event/addend");
    let (status, job) = world.ask(Method::POST, &event, None).await;
    assert_eq!(status, 202, "{job}");
    let failed = world.until(&id, "failed").await;
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("the event `addend` for job"), "{failed}");
    let unknown = "/api/v1/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV";
    assert_eq!(world.get(&format!("{unknown}/$steps")).await.0, 404);
    let event = format!("{unknown}/$event/addend");
    assert_eq!(world.ask(Method::POST, &event, Some(json!(1))).await.0, 404);
    world.service.shutdown().await;
}

async fn a_job_is_run_again_from_a_step(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let first = world
        .submit("add_later", json!({"params": {"a": 20}}))
        .await;
    let path = format!("/api/v1/jobs/{first}");
    let fork = format!("{path}/$fork");
    let from_step = |step: Value| Some(json!({"from_step": step}));
    let (status, problem) = world
        .ask(Method::POST, &fork, from_step(json!("addend")))
        .await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("urn:tasks:problem:wrong-state")),
        "{problem}"
    );
    let event = format!("{path}/$event/addend");
    world.ask(Method::POST, &event, Some(json!(2))).await;
    world.until(&first, "completed").await;

    let sent = http::client().unwrap().post(world.app.url(&fork));
    let sent = sent.json(&json!({"from_step": "addend"}));
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202, "{answer:?}");
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let forked: Value = answer.json().await.unwrap();
    let id = forked["id"].as_str().unwrap();
    assert_eq!(location, format!("/api/v1/jobs/{id}"));
    let event = format!("/api/v1/jobs/{id}/$event/addend");
    world.ask(Method::POST, &event, Some(json!(3))).await;
    world.until(id, "completed").await;
    let (_, result) = world.get(&format!("/api/v1/jobs/{id}/$result")).await;
    assert_eq!(result["result"], 43, "{result}");

    let (status, problem) = world
        .ask(Method::POST, &fork, from_step(json!("adend")))
        .await;
    assert_eq!(
        (status, &problem["type"]),
        (404, &json!("urn:tasks:problem:unknown-step")),
        "{problem}"
    );
    for (body, pointer) in [
        (from_step(json!(7)), "/from_step"),
        (Some(json!({})), ""),
        (Some(json!({"from_step": "addend", "also": 1})), "/also"),
    ] {
        let (status, problem) = world.ask(Method::POST, &fork, body).await;
        let found = (status, &problem["errors"][0]["pointer"]);
        assert_eq!(found, (422, &json!(pointer)), "{problem}");
    }
    world.service.shutdown().await;
}

async fn steps_are_in_the_stream(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let id = world
        .submit("add_later", json!({"params": {"a": 20}}))
        .await;
    let path = format!("/api/v1/jobs/{id}");
    let client = http::client().unwrap();
    let stream = client.get(world.app.url(&format!("{path}/$stream")));
    let stream = stream.send().await.unwrap();
    let event = format!("{path}/$event/addend");
    world.ask(Method::POST, &event, Some(json!(2))).await;
    // It ends when the job has ended.
    let text = stream.text().await.unwrap();
    let steps: Vec<Value> = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("event: step\ndata: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let completed: Vec<&Value> = steps
        .iter()
        .filter(|step| step["status"] == "completed")
        .map(|step| &step["name"])
        .collect();
    assert_eq!(completed, ["double", "addend"], "{text}");
    let metrics = client.get(world.app.url("/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let counted = metrics.lines().any(|line| {
        line.starts_with("tasks_job_steps_finished_total{")
            && line.contains("task=\"add_later\"")
            && line.contains("outcome=\"completed\"")
            && line.ends_with(" 1")
    });
    assert!(counted, "{metrics}");
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(
        last.contains("\"status\":\"completed\"") && last.starts_with("id: "),
        "{last}"
    );
    world.service.shutdown().await;
}

async fn keys_reach_the_steps_and_events_of_their_tasks(test: TestDatabase) {
    const SLOW: &str = "slow-0123456789abcdef";
    const MATH: &str = "math-0123456789abcdef";
    const READER: &str = "reader-0123456789abcd";
    let keys = ApiKeys::new()
        .key(ApiKey::new("slow", SLOW).tags(["slow"]))
        .key(ApiKey::new("math", MATH).tags(["math"]))
        .key(ApiKey::new("reader", READER).read_only());
    let world = World::new(test, |builder| builder.with_auth(keys)).await;
    let ask = async |method: Method, path: &str, body: Option<Value>, key: &str| {
        let headers = [("x-api-key", key)];
        world.ask_with(method, path, body, &headers).await
    };
    let submit = "/api/v1/tasks/add_later/$submit";
    let body = json!({"params": {"a": 1}});
    let (status, job) = ask(Method::POST, submit, Some(body), SLOW).await;
    assert_eq!(status, 202, "{job}");
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    let (steps, event) = (format!("{path}/$steps"), format!("{path}/$event/addend"));
    let fork = format!("{path}/$fork");
    for key in [MATH, READER] {
        let body = json!({"from_step": "addend"});
        let (status, found) = ask(Method::POST, &fork, Some(body), key).await;
        assert_eq!(status, 403, "{found}");
    }
    for (key, may_read, may_send) in [(MATH, 403, 403), (READER, 200, 403), (SLOW, 200, 202)] {
        let (status, found) = ask(Method::GET, &steps, None, key).await;
        assert_eq!(status, may_read, "{found}");
        let (status, found) = ask(Method::POST, &event, Some(json!(1)), key).await;
        assert_eq!(status, may_send, "{found}");
    }
    let began = Instant::now();
    while ask(Method::GET, &path, None, SLOW).await.1["status"] != "completed" {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let body = json!({"from_step": "addend"});
    let (status, forked) = ask(Method::POST, &fork, Some(body), SLOW).await;
    assert_eq!(
        (status, &forked["submitted_by"]),
        (202, &json!("slow")),
        "{forked}"
    );
    world.service.shutdown().await;
}

tasks_tests::on_all_databases!(
    steps_are_listed_and_events_are_sent,
    a_job_is_run_again_from_a_step,
    steps_are_in_the_stream,
    keys_reach_the_steps_and_events_of_their_tasks,
);
