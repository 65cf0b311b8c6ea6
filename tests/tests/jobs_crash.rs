//! Processes that run jobs are killed at random moments. `cargo xtask crash` does it for longer.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_tests::on_all_databases;
use tasks_tests::postgres::Postgres;
use tasks_tests::process::Server;
use tasks_tests::worker_crashes::{Plan, run};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_crashing-worker"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_in_sqlite() {
    let test = TestDatabase::sqlite();
    let plan = Plan {
        jobs: 300,
        kills: 10,
        processes: 2,
        pauses: 0.15,
        terminations: 0.3,
        database_kills: 0,
        cuts: 0,
    };
    let report = run(program(), test.url(), None, &plan).await.unwrap();
    assert!(
        report.acknowledged >= 300 && report.killed + report.terminated + report.paused == 10,
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_with_three_processes_on_postgres() {
    let mut server = Postgres::start().unwrap();
    let own = server.database().unwrap();
    let plan = Plan {
        jobs: 300,
        kills: 10,
        processes: 3,
        pauses: 0.15,
        terminations: 0.3,
        database_kills: 1,
        cuts: 5,
    };
    let url = own.url();
    let report = run(program(), &url, Some(&mut server), &plan)
        .await
        .unwrap();
    assert!(report.acknowledged >= 300 && report.cuts > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_behind_a_pooler() {
    let test = TestDatabase::pgbouncer();
    let plan = Plan {
        jobs: 300,
        kills: 10,
        processes: 3,
        pauses: 0.1,
        terminations: 0.3,
        database_kills: 0,
        cuts: 0,
    };
    let report = run(program(), test.url(), None, &plan).await.unwrap();
    assert!(report.acknowledged >= 300, "{report}");
}

/// As a rolling deploy does it.
async fn processes_that_end_in_order_count_no_crash(test: TestDatabase) {
    let plan = Plan {
        jobs: 300,
        kills: 8,
        processes: 2,
        pauses: 0.0,
        terminations: 1.0,
        database_kills: 0,
        cuts: 0,
    };
    let report = run(program(), test.url(), None, &plan).await.unwrap();
    assert!(
        report.acknowledged >= 300 && report.terminated == 8 && report.repeats == 0,
        "{report}"
    );
}

on_all_databases!(processes_that_end_in_order_count_no_crash);

/// A job that kills its process takes no others with it, and is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_is_stopped_and_its_neighbours_are_not_blamed() {
    let test = TestDatabase::sqlite();
    let start = || {
        Server::start_program(
            program(),
            [("DATABASE_URL", test.url()), ("CRASH_LIMIT", "3")],
        )
    };
    let mut server = start().unwrap();
    let mut neighbours = Vec::new();
    for _ in 0..5 {
        let url = server.url("/api/v1/tasks/effect/$submit");
        let (_, job) = http::post(&url, &json!({"params": {"milliseconds": 3000}}))
            .await
            .unwrap();
        neighbours.push(job["id"].as_str().unwrap().to_owned());
    }
    let (_, poison) = http::post(&server.url("/api/v1/tasks/poison/$submit"), &json!({}))
        .await
        .unwrap();
    let poison = poison["id"].as_str().unwrap().to_owned();
    let began = Instant::now();
    let mut deaths = 0;
    loop {
        if server.wait(Duration::ZERO).unwrap().is_some() {
            deaths += 1;
            server = start().unwrap();
        }
        if let Ok((_, job)) = http::get(&server.url(&format!("/api/v1/jobs/{poison}"))).await
            && job["status"] == "failed"
        {
            assert_eq!(job["error"], "the process that ran it died 3 times");
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{}",
            server.output()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(deaths, 3);
    // Each death is a failure, and counted by the process that noticed it, unless it died within seconds itself.
    let (_, failures) = http::get(&server.url("/api/v1/jobs/$failures?task=poison"))
        .await
        .unwrap();
    let group = &failures["groups"][0];
    assert_eq!(
        (&group["error_code"], &group["attempts"]),
        (&json!("crash"), &json!(3))
    );
    assert_eq!(group["failed_jobs"], 1, "{failures}");
    loop {
        let (_, history) = http::get(&server.url("/api/v1/jobs/$history?task=poison"))
            .await
            .unwrap();
        let total = &history["total"];
        if total["failed"] == 1 && total["crashed"] != 0 {
            assert!(total["crashed"].as_u64().unwrap() <= 3, "{history}");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{history}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for id in neighbours {
        loop {
            let (_, job) = http::get(&server.url(&format!("/api/v1/jobs/{id}")))
                .await
                .unwrap();
            assert_ne!(job["status"], "failed", "{job}");
            if job["status"] == "completed" {
                assert_eq!(job["attempt"], 1, "{job}");
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_may_say_that_it_never_runs_again_after_a_crash() {
    for test in [TestDatabase::sqlite(), TestDatabase::postgres()] {
        let start = || Server::start_program(program(), [("DATABASE_URL", test.url())]);
        let mut server = start().unwrap();
        // The process may die before it has answered.
        let submitted = http::client()
            .unwrap()
            .post(server.url("/api/v1/tasks/fatal_once/$submit"))
            .header("idempotency-key", "once")
            .json(&json!({}));
        let _ = submitted.send().await;
        assert!(server.wait(Duration::from_secs(20)).unwrap().is_some());
        let server = start().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (_, jobs) = http::get(&server.url("/api/v1/jobs")).await.unwrap();
            let job = &jobs[0];
            if job["status"] == "failed" {
                assert_eq!(job["error"], "the process that ran it died once");
                assert_eq!(job["attempt"], 1);
                break;
            }
            assert!(Instant::now() < deadline, "{jobs}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
