//! Processes with different encryption keys share a database.

use std::time::{Duration, Instant};

use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::on_all_databases_at_once;

use crate::fleet::Process;

const RIGHT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const WRONG: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Jobs go to the process that has their key, however many others there are.
async fn processes_without_the_key_do_not_hold_its_jobs_up(test: TestDatabase) {
    let right = Process::start(&test, &[("JOBS_ENCRYPTION_KEY", RIGHT)]);
    let wrong: Vec<Process> = (0..3)
        .map(|_| Process::start(&test, &[("JOBS_ENCRYPTION_KEY", WRONG)]))
        .collect();
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(right.submit("whisper", json!({"text": "secret"})).await);
    }
    let began = Instant::now();
    for id in &ids {
        let job = right.until(id, "completed", Duration::from_secs(15)).await;
        assert_eq!(
            (&job["attempt"], &job["crashes"]),
            (&json!(1), &json!(0)),
            "{job}"
        );
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    // Jobs without secrets run anywhere meanwhile.
    for process in &wrong {
        let id = process.submit("sleep", json!({"seconds": 0.0})).await;
        process
            .until(&id, "completed", Duration::from_secs(5))
            .await;
    }
}

/// While nobody has the key they wait, are not taken again and again, and run as soon as somebody has it.
async fn jobs_without_a_key_wait_for_a_process_that_has_it(test: TestDatabase) {
    let right = Process::start(&test, &[("JOBS_ENCRYPTION_KEY", RIGHT), ("WORKERS", "off")]);
    let wrong = Process::start(&test, &[("JOBS_ENCRYPTION_KEY", WRONG)]);
    let id = right.submit("whisper", json!({"text": "secret"})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (_, health) = wrong.health().await;
    assert_eq!(health["checks"]["jobs"]["state"], "degraded", "{health}");
    assert_eq!(wrong.job(&id).await["status"], "pending");
    let fence = format!("SELECT fence AS count FROM tasks_jobs WHERE id = '{id}'");
    let fence = crate::fleet::look(&test, &fence).await;
    assert!(fence <= 2, "{fence}");
    let other = wrong.submit("sleep", json!({"seconds": 0.0})).await;
    wrong
        .until(&other, "completed", Duration::from_secs(5))
        .await;
    let _worker = Process::start(&test, &[("JOBS_ENCRYPTION_KEY", RIGHT)]);
    right.until(&id, "completed", Duration::from_secs(5)).await;
}

on_all_databases_at_once!(
    processes_without_the_key_do_not_hold_its_jobs_up,
    jobs_without_a_key_wait_for_a_process_that_has_it,
);
