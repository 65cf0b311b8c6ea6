//! Processes that are stopped (SIGSTOP) for longer than the default lease, and go on.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_all_databases_at_once};

use crate::fleet::{Process, runs};

const LONGER_THAN_THE_LEASE: Duration = Duration::from_secs(25);

async fn log(process: &Process, id: &str) -> Value {
    let url = process.0.url(&format!("/api/v1/jobs/{id}/$logs"));
    http::get(&url).await.unwrap().1
}

/// Nobody took its job meanwhile.
async fn a_process_that_goes_on_keeps_its_job(test: TestDatabase) {
    let process = Process::start(&test, &[]);
    let id = process.submit("sleep", json!({"seconds": 3.0})).await;
    process.until(&id, "running", Duration::from_secs(20)).await;
    process.0.signal(Signal::STOP).unwrap();
    tokio::time::sleep(LONGER_THAN_THE_LEASE).await;
    process.0.signal(Signal::CONT).unwrap();
    // Its timers run out first, also those for requests.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let job = process
        .until(&id, "completed", Duration::from_secs(60))
        .await;
    assert_eq!(
        (&job["attempt"], &job["crashes"]),
        (&json!(1), &json!(0)),
        "{job}"
    );
    assert_eq!(runs(&test, &id), 1, "{}", process.0.output());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (status, health) = process.health().await;
    assert_eq!(status, 200, "{health}");
}

/// Another one took it, and counts a crash; the log of the job says why.
async fn a_job_that_was_taken_from_a_stopped_process_says_so(test: TestDatabase) {
    let stopped = Process::start(&test, &[]);
    let id = stopped.submit("sleep", json!({"seconds": 3.0})).await;
    stopped.until(&id, "running", Duration::from_secs(20)).await;
    let other = Process::start(&test, &[]);
    stopped.stop_without_lock(&test).await;
    let job = other.until(&id, "completed", Duration::from_secs(90)).await;
    assert_eq!(
        (&job["attempt"], &job["crashes"]),
        (&json!(1), &json!(1)),
        "{job}"
    );
    let lines = log(&other, &id).await.to_string();
    assert!(
        lines.contains("did not answer for 20s, so the job was taken from it"),
        "{lines}"
    );
    stopped.0.signal(Signal::CONT).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(other.job(&id).await, job);

    // Its process is gone.
    let id = stopped.submit("sleep", json!({"seconds": 3.0})).await;
    stopped.until(&id, "running", Duration::from_secs(20)).await;
    for process in [&stopped, &other] {
        process.0.signal(Signal::KILL).unwrap();
    }
    let third = Process::start(&test, &[]);
    let job = third.until(&id, "completed", Duration::from_secs(60)).await;
    assert_eq!(job["crashes"], 1, "{job}");
    let lines = log(&third, &id).await.to_string();
    assert!(
        lines.contains("the process that ran the job is gone"),
        "{lines}"
    );
}

/// In a rolling deploy that changes the lease, say: each is given the time that it has asked for.
async fn processes_with_other_leases_leave_each_other_alone(test: TestDatabase) {
    let patient = Process::start(&test, &[("LEASE", "40")]);
    let id = patient.submit("sleep", json!({"seconds": 9.0})).await;
    patient.until(&id, "running", Duration::from_secs(20)).await;
    // It has another one, which is over several times before the next heartbeat of the first.
    let hasty = Process::start(&test, &[("LEASE", "2")]);
    let job = hasty.until(&id, "completed", Duration::from_secs(60)).await;
    assert_eq!(
        (&job["attempt"], &job["crashes"]),
        (&json!(1), &json!(0)),
        "{job}"
    );
    assert_eq!(runs(&test, &id), 1, "{}", hasty.0.output());
}

on_all_databases_at_once!(
    processes_with_other_leases_leave_each_other_alone,
    a_process_that_goes_on_keeps_its_job,
    a_job_that_was_taken_from_a_stopped_process_says_so,
);
