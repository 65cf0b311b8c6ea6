//! Tasks that compute and never await: their process lives, and keeps its jobs.

use std::time::{Duration, Instant};

use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::on_all_databases_at_once;

use crate::fleet::{Process, crashed, runs};

/// All threads of a process are blocked for three leases.
async fn a_process_that_computes_keeps_its_jobs(test: TestDatabase) {
    const FIVE: &[(&str, &str)] = &[("CONCURRENCY", "5")];
    let one = Process::start(&test, FIVE);
    let mut ids = Vec::new();
    // More than there are threads, so that some wait for one.
    for _ in 0..7 {
        ids.push(one.submit("spin", json!({"seconds": 62.0})).await);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut running = 0;
        for id in &ids {
            running += runs(&test, id);
        }
        if running > 0 {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "none has begun\n{}",
            one.0.output()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let other = Process::start(&test, FIVE);
    for id in &ids {
        let job = other.until(id, "completed", Duration::from_secs(300)).await;
        assert_eq!(
            (&job["attempt"], &job["crashes"]),
            (&json!(1), &json!(0)),
            "{job}"
        );
        assert_eq!(runs(&test, id), 1, "{job}");
    }
    assert_eq!(crashed(&test).await, 0);
    one.0.stderr_with("do not answer", 1).unwrap();
}

/// The process whose threads are blocked takes no more: another one does, at once.
async fn jobs_go_to_a_process_that_can_begin_them(test: TestDatabase) {
    let blocked = Process::start(&test, &[("CONCURRENCY", "100")]);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
    let mut ids = Vec::new();
    for _ in 0..threads {
        ids.push(blocked.submit("spin", json!({"seconds": 30.0})).await);
    }
    for id in &ids {
        let deadline = Instant::now() + Duration::from_secs(20);
        while runs(&test, id) == 0 {
            assert!(
                Instant::now() < deadline,
                "not begun\n{}",
                blocked.0.output()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let free = Process::start(&test, &[("TASKS", "block,sleep,flaky")]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    for task in ["block", "sleep", "block"] {
        let began = Instant::now();
        let id = blocked.submit(task, json!({"seconds": 0.0})).await;
        let job = free.until(&id, "completed", Duration::from_secs(60)).await;
        assert_eq!(
            (&job["attempt"], &job["crashes"]),
            (&json!(1), &json!(0)),
            "{job}"
        );
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(2),
            "{took:?}\n{}",
            blocked.0.output()
        );
    }
    let (_, health) = blocked.health().await;
    assert_eq!(health["checks"]["jobs"]["state"], "degraded", "{health}");
    blocked.0.stderr_with("do not answer", 1).unwrap();
    let metrics = reqwest::get(blocked.0.url("/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("tasks_worker_blocked 1"), "{metrics}");
    for id in &ids {
        let job = free.until(id, "completed", Duration::from_secs(60)).await;
        assert_eq!(
            (&job["attempt"], &job["crashes"]),
            (&json!(1), &json!(0)),
            "{job}"
        );
    }
    let (_, health) = blocked.health().await;
    assert_eq!(health["checks"]["jobs"]["state"], "healthy", "{health}");
}

on_all_databases_at_once!(
    a_process_that_computes_keeps_its_jobs,
    jobs_go_to_a_process_that_can_begin_them,
);
