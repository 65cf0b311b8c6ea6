//! SIGTERM while jobs run: what can end in time does, and what cannot goes back, with nothing spent.

use std::time::Duration;

use rand::RngExt as _;
use rustix::process::Signal;
use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::on_all_databases_at_once;

use crate::fleet::{Process, crashed, look, runs};

/// The default of `Jobs::shutdown_timeout`, and a second.
const IN_TIME: Duration = Duration::from_secs(31);

/// Jobs of 5, 15 and 60 seconds, on threads of both kinds, and closures.
async fn drains(test: TestDatabase, environment: &[(&str, &str)]) {
    let process = Process::start(&test, environment);
    let called_back = !environment.is_empty();
    if called_back {
        process.execute("adopt", json!({})).await;
    }
    let mut jobs = Vec::new();
    for task in ["sleep", "block"] {
        for seconds in [5.0, 15.0, 60.0] {
            jobs.push((
                process.submit(task, json!({"seconds": seconds})).await,
                seconds,
            ));
        }
    }
    let spawned = process
        .execute("spawn", json!({"seconds": 15.0, "count": 1}))
        .await;
    let lost = process
        .execute("spawn", json!({"seconds": 60.0, "count": 1}))
        .await;
    for (id, _) in &jobs {
        process.until(id, "running", Duration::from_secs(20)).await;
    }
    let took = process.terminate().await;
    assert!(took < IN_TIME, "{took:?}");
    assert!(
        took > Duration::from_secs(29),
        "jobs of 60 seconds ran, and it ended after {took:?}"
    );
    let next = Process::start(&test, &[("TASKS", "plan")]);
    for (id, seconds) in &jobs {
        let job = next.job(id).await;
        let (status, attempt) = if *seconds < 20.0 {
            ("completed", 1)
        } else {
            ("pending", 0)
        };
        assert_eq!(
            (&job["status"], &job["attempt"]),
            (&json!(status), &json!(attempt)),
            "{job}"
        );
        assert_eq!(job["crashes"], 0, "{job}");
        assert_eq!(runs(&test, id), 1, "{job}");
    }
    let spawned = next.job(spawned[0].as_str().unwrap()).await;
    assert_eq!(spawned["status"], "completed", "{spawned}");
    let lost = next.job(lost[0].as_str().unwrap()).await;
    assert_eq!(lost["status"], "failed", "{lost}");
    assert_eq!(crashed(&test).await, 0);
}

async fn a_shutdown_drains(test: TestDatabase) {
    drains(test, &[]).await;
}

async fn a_shutdown_drains_what_an_engine_calls_for(test: TestDatabase) {
    drains(test, &[("ENGINE", "called_back")]).await;
}

/// Again and again, while others submit.
async fn rolling_restarts_count_no_crash(test: TestDatabase) {
    const SHUTDOWN_TIMEOUT: (&str, &str) = ("SHUTDOWN_TIMEOUT", "6");
    let submitter = Process::start(&test, &[SHUTDOWN_TIMEOUT]);
    let mut worker = Process::start(&test, &[SHUTDOWN_TIMEOUT]);
    let mut ids = Vec::new();
    for _ in 0..5 {
        for seconds in [0.5, 2.0, 8.0] {
            ids.push(submitter.submit("sleep", json!({"seconds": seconds})).await);
        }
        let wait = rand::rng().random_range(0..3000);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let next = Process::start(&test, &[SHUTDOWN_TIMEOUT]);
        let took = worker.terminate().await;
        assert!(took < Duration::from_secs(7), "{took:?}");
        worker = next;
    }
    for id in &ids {
        let job = worker.until(id, "completed", Duration::from_secs(60)).await;
        assert_eq!(
            (&job["attempt"], &job["crashes"]),
            (&json!(1), &json!(0)),
            "{job}"
        );
    }
    let running = "SELECT COUNT(*) AS count FROM tasks_jobs WHERE state = 2";
    assert_eq!(look(&test, running).await, 0);
    assert_eq!(crashed(&test).await, 0);
}

/// The default wait is 30 seconds.
async fn a_second_signal_ends_the_wait_and_spends_nothing(test: TestDatabase) {
    let process = Process::start(&test, &[]);
    let id = process.submit("sleep", json!({"seconds": 60.0})).await;
    process.until(&id, "running", Duration::from_secs(20)).await;
    process.0.signal(Signal::TERM).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let took = process.terminate().await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    let next = Process::start(&test, &[("TASKS", "plan")]);
    let job = next.job(&id).await;
    assert_eq!(
        (&job["status"], &job["attempt"], &job["crashes"]),
        (&json!("pending"), &json!(0), &json!(0)),
        "{job}"
    );
    assert_eq!(crashed(&test).await, 0);
}

on_all_databases_at_once!(
    a_shutdown_drains,
    a_second_signal_ends_the_wait_and_spends_nothing,
    a_shutdown_drains_what_an_engine_calls_for,
    rolling_restarts_count_no_crash,
);
