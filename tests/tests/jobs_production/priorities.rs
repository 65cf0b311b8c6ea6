//! Jobs that are in each other's way: for ever, if nobody saw to it.

use std::time::{Duration, Instant};

use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::on_all_databases_at_once;

use crate::fleet::Process;

const ONE: &[(&str, &str)] = &[("CONCURRENCY", "1")];

/// One of a task that always has a next one of the highest priority.
async fn a_job_of_a_low_priority_runs_in_the_end(test: TestDatabase) {
    let process = Process::start(&test, ONE);
    // Two, so that there is one of them at any time.
    for _ in 0..2 {
        process.submit("hog", json!({"milliseconds": 50})).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    let low = process.submit("sleep", json!({"seconds": 0.0})).await;
    process
        .until(&low, "completed", Duration::from_secs(100))
        .await;
    // It did wait, as its priority has it.
    let waited = began.elapsed();
    assert!(waited > Duration::from_secs(55), "{waited:?}");
}

async fn a_job_that_waits_for_one_without_a_place_is_warned_of(test: TestDatabase) {
    let process = Process::start(&test, ONE);
    let id = process.submit("parent", json!({"seconds": 12.0})).await;
    process.until(&id, "failed", Duration::from_secs(60)).await;
    let warning = "a job waits for another job that has no place to run";
    process.0.stderr_with(warning, 1).unwrap();
}

on_all_databases_at_once!(
    a_job_of_a_low_priority_runs_in_the_end,
    a_job_that_waits_for_one_without_a_place_is_warned_of,
);
