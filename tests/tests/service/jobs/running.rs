//! Jobs that run: their record, their stream, and how they are canceled.

use super::World;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;

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

    // An attempt is counted when its end is stored: each end once, and a job that was canceled as that, whatever its task returned.
    let too_late = world.submit("return_canceled", json!({})).await;
    world.until(&too_late, "canceled").await;
    for expected in [
        "tasks_jobs_submitted_total{task=\"add\"} 1",
        "tasks_job_attempts_started_total{task=\"add\"} 1",
        "tasks_job_attempts_finished_total{task=\"add\",outcome=\"completed\"} 1",
        "tasks_job_attempts_finished_total{task=\"fail\",outcome=\"failed\"} 2",
        "tasks_job_attempts_finished_total{task=\"return_canceled\",outcome=\"canceled\"} 1",
        "tasks_job_attempt_duration_seconds_count{task=\"add\"} 1",
        "tasks_job_attempt_wait_duration_seconds_count{task=\"add\"} 1",
        "tasks_jobs_pending{queue=\"reports\"} 0",
        "tasks_worker_blocked 0",
    ] {
        world.until_metric(expected).await;
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

/// Who watches a job learns that somebody has deleted it.
async fn a_stream_says_that_its_job_is_deleted(test: TestDatabase) {
    let world = World::new(test, |builder| builder).await;
    let params = json!({"count": 1, "milliseconds": 60_000});
    let running = world.submit("steps", json!({"params": params})).await;
    world.until(&running, "running").await;
    let waiting = world
        .submit("steps", json!({"params": params, "delay": 60}))
        .await;
    for (id, status) in [(&running, "running"), (&waiting, "pending")] {
        let url = world.app.url(&format!("/api/v1/jobs/{id}/$stream"));
        let response = http::client().unwrap().get(&url).send().await.unwrap();
        let mut pieces = response.bytes_stream();
        let first = pieces.next().await.unwrap().unwrap();
        let first = std::str::from_utf8(&first).unwrap();
        assert!(
            first.contains(&format!("\"status\":\"{status}\"")),
            "{first}"
        );
        let path = format!("/api/v1/jobs/{id}");
        assert_eq!(world.ask(Method::DELETE, &path, None).await.0, 204);
        let mut rest = String::new();
        while let Some(piece) = pieces.next().await {
            rest.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        assert!(
            rest.ends_with(&format!("event: deleted\ndata: {{\"id\":\"{id}\"}}\n\n")),
            "{rest:?}"
        );
        assert_eq!(rest.matches("event:").count(), 1, "{rest:?}");
        let (status, problem) = world.get(&format!("{path}/$stream")).await;
        assert_eq!(status, 404, "{problem}");
    }
    world.service.shutdown().await;
}

tasks_tests::on_both_databases!(
    a_job_from_its_submission_to_its_result,
    a_stream_has_each_change_and_ends_with_the_job,
    a_stream_says_that_its_job_is_deleted,
    a_running_job_is_canceled,
);
