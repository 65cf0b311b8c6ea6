//! Operations on many jobs, whose process is killed in the middle.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_all_databases_at_once};
use tasks_web::Database;

use crate::fleet::{Process, look};

/// As many jobs as this wait for their time, beside a few of another queue.
const JOBS: i64 = 5000;

/// Starts a process, and lets the other tests of this program go on meanwhile.
fn start(test: &TestDatabase, environment: &[(&str, &str)]) -> Process {
    tokio::task::block_in_place(|| Process::start(test, environment))
}

async fn fill(process: &Process, test: &TestDatabase) {
    let body = json!({"params": {"seconds": 0.0}, "delay": 36000});
    let first = process.submit_with("sleep", body.clone()).await;
    let mut other = body;
    other["queue"] = json!("mail");
    process.submit_with("sleep", other).await;
    // Copies of the first one, whose ids are before it.
    let number = "substr('00000' || n, -5)";
    let (numbers, number) = if test.is_postgres() {
        (
            format!("SELECT n FROM generate_series(2, {JOBS}) AS n"),
            "lpad(CAST(n AS TEXT), 5, '0')",
        )
    } else {
        (
            format!(
                "WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < {JOBS}) SELECT n FROM numbers"
            ),
            number,
        )
    };
    let columns = "task_name, queue, state, priority, run_at, submitted_at, scheduled_at, attempt, max_attempts, crashes, fence, params";
    let sql = format!(
        "INSERT INTO tasks_jobs (id, {columns}) SELECT '01ARZ3NDEKTSV4RRFFQ69' || {number}, {columns} \
         FROM tasks_jobs, ({numbers}) AS numbers WHERE id = '{first}'"
    );
    let database = Database::from_url(test.url()).connect().await.unwrap();
    database.session().execute_script(&sql).await.unwrap();
    database.close().await;
}

async fn operation(process: &Process, id: &str) -> Value {
    let url = process.0.url(&format!("/api/v1/jobs/$operations/{id}"));
    http::get(&url).await.unwrap().1
}

async fn an_operation_goes_on_after_its_process_was_killed(test: TestDatabase) {
    let process = start(&test, &[("QUEUES", "mail")]);
    fill(&process, &test).await;
    let body = json!({"action": "cancel", "filter": {"status": "pending", "queue": "default"}});
    let url = process.0.url("/api/v1/jobs/$bulk");
    let (status, started) = http::post(&url, &body).await.unwrap();
    assert_eq!(
        (status.as_u16(), &started["total"]),
        (202, &json!(JOBS)),
        "{started}"
    );
    let id = started["id"].as_str().unwrap().to_owned();
    let deadline = Instant::now() + Duration::from_secs(40);
    let done = |found: &Value| found["done"].as_i64().unwrap();
    loop {
        let found = operation(&process, &id).await;
        if done(&found) > 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{found}\n{}", process.0.output());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(process);
    let canceled = "SELECT COUNT(*) AS count FROM tasks_jobs WHERE state = 5";
    let before = look(&test, canceled).await;
    // A process without workers does it as well.
    let process = start(&test, &[("QUEUES", "mail"), ("WORKERS", "off")]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let found = loop {
        let found = operation(&process, &id).await;
        if found["state"] == "done" {
            break found;
        }
        assert!(Instant::now() < deadline, "{found}\n{}", process.0.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (done(&found), &found["passed_over"]),
        (JOBS, &json!(0)),
        "{found}"
    );
    assert!(before > 0 && before < JOBS, "{before} when it was killed");
    assert_eq!(look(&test, canceled).await, JOBS);
    let left = "SELECT COUNT(*) AS count FROM tasks_jobs WHERE state = 0 AND queue = 'mail'";
    assert_eq!(look(&test, left).await, 1);
}

on_all_databases_at_once!(an_operation_goes_on_after_its_process_was_killed);
