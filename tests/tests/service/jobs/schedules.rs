//! Schedules over HTTP.

use super::super::*;
use super::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;

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
    // Nor are parameters that were left out, by a process that does not have the task.
    let path = "/api/v1/schedules/beat";
    let body = json!({"task_name": "add", "params": {"a": 1, "b": 2}, "interval": 3600});
    let (_, made) = world.ask(Method::PUT, path, Some(body)).await;
    assert_eq!(made["truncated"], json!([]));
    assert_eq!(
        world.ask(Method::PUT, path, Some(made.clone())).await.0,
        200
    );
    let database = world.service.database().unwrap();
    let stranger = Scheduler::new(database, Jobs::new().run_workers(false));
    stranger.attach(&tasks_web::testing::executor([task(fail)]).build().unwrap());
    let read = serde_json::to_value(stranger.get_schedule("beat").await.unwrap()).unwrap();
    assert_eq!(
        (&read["params"], &read["truncated"]),
        (&json!({}), &json!(["params"]))
    );
    let (status, problem) = world.ask(Method::PUT, path, Some(read)).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("/truncated")),
        "{problem}"
    );
    assert_eq!(world.get(path).await.1["params"], json!({"a": 1, "b": 2}));
    let url = "/api/v1/tasks/fail/$submit";
    let body = json!({"params": {"password": "***"}});
    assert_eq!(world.ask(Method::POST, url, Some(body)).await.0, 422);
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

tasks_tests::on_both_databases!(
    schedules_are_made_changed_paused_and_forgotten,
    a_schedule_is_read_changed_and_sent_back,
);
