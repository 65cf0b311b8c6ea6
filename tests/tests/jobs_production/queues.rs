//! Queues that are paused in one process, for all of them.

use std::time::Duration;

use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_all_databases_at_once};

use crate::fleet::{Process, runs};

const SOON: Duration = Duration::from_secs(20);
const MAIL: &[(&str, &str)] = &[("QUEUES", "mail")];

/// Starts a process, and lets the other tests of this program go on meanwhile.
fn start(test: &TestDatabase, environment: &[(&str, &str)]) -> Process {
    tokio::task::block_in_place(|| Process::start(test, environment))
}

async fn ask(process: &Process, action: &str, body: Option<Value>) -> Value {
    let url = process
        .0
        .url(&format!("/api/v1/jobs/$queues/mail/{action}"));
    let mut request = http::client().unwrap().post(url);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let (status, queue) = http::answer(request).await.unwrap();
    assert_eq!(status.as_u16(), 200, "{queue}");
    queue
}

async fn of_mail(process: &Process, seconds: f64, priority: i32) -> String {
    let body = json!({"params": {"seconds": seconds}, "queue": "mail", "priority": priority});
    process.submit_with("sleep", body).await
}

/// In this process and in others, after they were killed and started again.
async fn a_paused_queue_stays_so_until_it_is_resumed(test: TestDatabase) {
    let (first, second) = (start(&test, MAIL), start(&test, MAIL));
    let runs_on = of_mail(&first, 3.0, 0).await;
    first.until(&runs_on, "running", SOON).await;
    ask(&first, "$pause", Some(json!({"reason": "maintenance"}))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut waiting = Vec::new();
    for _ in 0..6 {
        waiting.push(of_mail(&second, 0.0, 0).await);
    }
    let urgent = of_mail(&first, 0.0, 5).await;
    waiting.push(urgent.clone());
    // A schedule submits all the same, and others run.
    let schedule =
        json!({"task_name": "sleep", "params": {"seconds": 0.0}, "queue": "mail", "interval": 1});
    let url = second.0.url("/api/v1/schedules/often");
    let request = http::client().unwrap().put(url).json(&schedule);
    let (status, record) = http::answer(request).await.unwrap();
    assert_eq!(status.as_u16(), 201, "{record}");
    let began = std::time::Instant::now();
    for process in [&first, &second] {
        let other = process.submit("sleep", json!({"seconds": 0.0})).await;
        process.until(&other, "completed", SOON).await;
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "others are slowed"
    );
    first.until(&runs_on, "completed", SOON).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    for process in [&first, &second] {
        let (status, health) = process.health().await;
        assert_eq!(
            (status, &health["checks"]["jobs"]["state"]),
            (200, &json!("healthy")),
            "{health}"
        );
        let (_, queues) = http::get(&process.0.url("/api/v1/jobs/$queues"))
            .await
            .unwrap();
        let all = queues.as_array().unwrap();
        let mail = all.iter().find(|queue| queue["name"] == "mail").unwrap();
        assert_eq!(mail["paused"]["reason"], "maintenance", "{queues}");
        assert_eq!(
            (&mail["running"], &mail["workers"]),
            (&json!(0), &json!(2)),
            "{queues}"
        );
        // The runs of the schedule are among them.
        assert!(mail["pending"].as_u64().unwrap() > 7, "{queues}");
    }
    // Killed.
    drop(first);
    drop(second);
    let third = start(&test, MAIL);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let gone = http::client()
        .unwrap()
        .delete(third.0.url("/api/v1/schedules/often"));
    assert_eq!(gone.send().await.unwrap().status().as_u16(), 204);
    for id in &waiting {
        let job = third.job(id).await;
        assert_eq!(
            (&job["status"], runs(&test, id)),
            (&json!("pending"), 0),
            "{job}"
        );
    }
    let resumed = ask(&third, "$resume", None).await;
    assert_eq!(resumed["paused"], Value::Null);
    third
        .until(&urgent, "completed", Duration::from_secs(5))
        .await;
    for id in &waiting {
        third.until(id, "completed", SOON).await;
        assert_eq!(runs(&test, id), 1, "{id}");
    }
    // The one that was more urgent was among the first two.
    let all = std::fs::read_to_string(test.folder().join("runs.txt")).unwrap();
    let began: Vec<&str> = all
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let ours: Vec<&str> = began
        .into_iter()
        .filter(|id| waiting.iter().any(|known| known == id))
        .collect();
    assert!(ours.iter().take(2).any(|id| *id == urgent), "{ours:?}");
}

/// Attempts that an engine calls for do not begin either.
async fn an_engine_begins_no_job_of_a_paused_queue(test: TestDatabase) {
    let process = start(&test, &[("QUEUES", "mail"), ("ENGINE", "called_back")]);
    process.execute("adopt", json!({})).await;
    ask(&process, "$pause", Some(json!({}))).await;
    let waiting = of_mail(&process, 0.0, 0).await;
    let other = process.submit("sleep", json!({"seconds": 0.0})).await;
    process.until(&other, "completed", SOON).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(process.job(&waiting).await["status"], "pending");
    ask(&process, "$resume", None).await;
    process
        .until(&waiting, "completed", Duration::from_secs(5))
        .await;
}

on_all_databases_at_once!(
    a_paused_queue_stays_so_until_it_is_resumed,
    an_engine_begins_no_job_of_a_paused_queue,
);
