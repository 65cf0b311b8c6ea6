//! Rows of jobs that other transactions have locked: nobody waits for them, and all other jobs go on.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_web::Database;

use crate::fleet::Process;

/// Locks the row of a job until the task is aborted.
async fn lock(test: &TestDatabase, id: &str) -> tokio::task::JoinHandle<()> {
    let database = Database::from_url(test.url())
        .transaction_timeout(None)
        .connect()
        .await
        .unwrap();
    let session = database.session();
    let sql = format!("SELECT id FROM tasks_jobs WHERE id = '{id}' FOR UPDATE");
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let holder = tokio::spawn(async move {
        let held: Result<(), tasks_web::DatabaseError> = session
            .transaction(async |tx| {
                tx.batch(&sql).await?;
                locked.send(()).unwrap();
                std::future::pending().await
            })
            .await;
        held.unwrap();
    });
    is_locked.await.unwrap();
    holder
}

/// Short jobs are through at once, for as long as that.
async fn short_jobs_are_quick(process: &Process, period: Duration) {
    let began = Instant::now();
    while began.elapsed() < period {
        let id = process.submit("sleep", json!({"seconds": 0.0})).await;
        process
            .until(&id, "completed", Duration::from_secs(3))
            .await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_job_of_a_dead_process_holds_nobody_up() {
    let test = TestDatabase::postgres();
    let dead = Process::start(&test, &[]);
    let first = dead.submit("sleep", json!({"seconds": 6.0})).await;
    let other = dead.submit("sleep", json!({"seconds": 6.0})).await;
    for id in [&first, &other] {
        dead.until(id, "running", Duration::from_secs(20)).await;
    }
    let holder = lock(&test, &first).await;
    dead.0.signal(Signal::KILL).unwrap();
    let process = Process::start(&test, &[]);
    short_jobs_are_quick(&process, Duration::from_secs(3)).await;
    let job = process
        .until(&other, "completed", Duration::from_secs(12))
        .await;
    assert_eq!(
        (&job["attempt"], &job["crashes"]),
        (&json!(1), &json!(1)),
        "{job}"
    );
    short_jobs_are_quick(&process, Duration::from_secs(15)).await;
    // Longer than the lease.
    let (_, health) = process.health().await;
    let message = health["checks"]["jobs"]["message"].as_str().unwrap();
    assert_eq!(health["checks"]["jobs"]["state"], "degraded", "{health}");
    assert!(
        message.contains("have not been made ready again since") && message.contains(&first),
        "{health}"
    );
    let output = process.0.output();
    assert!(
        output.contains("end the transactions that have locked rows"),
        "{output}"
    );
    assert!(!output.contains("outside of the closure"), "{output}");
    assert_eq!(process.job(&first).await["crashes"], 0);

    holder.abort();
    let job = process
        .until(&first, "completed", Duration::from_secs(20))
        .await;
    assert_eq!(
        (&job["attempt"], &job["crashes"]),
        (&json!(1), &json!(1)),
        "{job}"
    );
    assert_eq!(process.job(&other).await["crashes"], 1);
    let (_, health) = process.health().await;
    assert_eq!(health["checks"]["jobs"]["state"], "healthy", "{health}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_job_that_runs_holds_nobody_up() {
    let test = TestDatabase::postgres();
    let process = Process::start(&test, &[]);
    let locked = process.submit("sleep", json!({"seconds": 1.0})).await;
    let other = process.submit("sleep", json!({"seconds": 1.0})).await;
    for id in [&locked, &other] {
        process.until(id, "running", Duration::from_secs(20)).await;
    }
    let holder = lock(&test, &locked).await;
    // The first round that needs the row waits for it, for as long as a transaction may take.
    process
        .until(&other, "completed", Duration::from_secs(12))
        .await;
    short_jobs_are_quick(&process, Duration::from_secs(8)).await;
    assert_eq!(process.job(&locked).await["status"], "running");
    holder.abort();
    let job = process
        .until(&locked, "completed", Duration::from_secs(10))
        .await;
    assert_eq!(
        (&job["attempt"], &job["crashes"]),
        (&json!(1), &json!(0)),
        "{job}"
    );
    let output = process.0.output();
    assert!(
        output.contains("have locked the rows of jobs of this process"),
        "{output}"
    );
}
