//! Many ended jobs are forgotten while processes die, connections are cut, and others work.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_tests::on_both_databases;
use tasks_web::Database;

use crate::fleet::{Process, look};

/// Jobs that are due to be forgotten, and as many tenths of them that are not. `RETENTION_ROWS` sets another number.
fn rows() -> i64 {
    let set = std::env::var("RETENTION_ROWS").ok();
    set.and_then(|rows| rows.parse().ok()).unwrap_or(20_000)
}

async fn script(test: &TestDatabase, sql: &str) {
    let database = Database::from_url(test.url())
        .statement_timeout(None)
        .transaction_timeout(None)
        .connect()
        .await
        .unwrap();
    database.session().execute_script(sql).await.unwrap();
    database.close().await;
}

/// Ended jobs with a line of log each: `prefix` begins their ids.
async fn fill(test: &TestDatabase, prefix: &str, count: i64, finished_at: i64) {
    let (numbers, number) = if test.is_postgres() {
        (
            format!("generate_series(1, {count}) AS numbers (n)"),
            "LPAD(CAST(n AS TEXT), 16, '0')",
        )
    } else {
        (
            format!(
                "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) SELECT n FROM numbers)"
            ),
            "PRINTF('%016d', n)",
        )
    };
    let sql = format!(
        "INSERT INTO tasks_jobs (id, task_name, queue, state, priority, run_at, submitted_at, started_at, finished_at, attempt, \
         max_attempts, crashes, fence, params, result) \
         SELECT '{prefix}' || {number}, 'sleep', 'default', 3, 0, 1, 1, 1, {finished_at}, 1, 1, 0, 2, '{{}}', '0.0' FROM {numbers}; \
         INSERT INTO tasks_job_logs (job_id, number, at, message) SELECT id, 1, 1, 'it ran' FROM tasks_jobs WHERE id LIKE '{prefix}%'"
    );
    script(test, &sql).await;
}

/// Times of requests that read a job and execute a task, in milliseconds: the median, and that of the slowest of a hundred.
async fn times(process: &Process, id: &str, until: impl AsyncFn() -> bool) -> (f64, f64, usize) {
    let mut times = Vec::new();
    while times.len() < 200 || !until().await {
        for _ in 0..20 {
            let began = Instant::now();
            let url = process.0.url(&format!("/api/v1/jobs/{id}"));
            let (status, job) = http::get(&url).await.unwrap();
            // A connection that was cut.
            assert!(status == 200 || status == 503, "{job}");
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            let began = Instant::now();
            let url = process.0.url("/api/v1/tasks/sleep/$submit");
            let body = json!({"params": {"seconds": 0.0}, "delay": 3600});
            let (status, job) = http::post(&url, &body).await.unwrap();
            assert!(status == 202 || status == 503, "{job}");
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    (at(50), at(99), times.len())
}

async fn nothing_but_what_is_due_is_forgotten(test: TestDatabase) {
    const DUE: &str = "01AAAAAAAA";
    const KEPT: &str = "01BBBBBBBB";
    let due = format!("SELECT COUNT(*) AS count FROM tasks_jobs WHERE id LIKE '{DUE}%'");
    let kept = format!("SELECT COUNT(*) AS count FROM tasks_jobs WHERE id LIKE '{KEPT}%'");
    let first = Process::start(&test, &[]);
    let rows = rows();
    fill(&test, DUE, rows, 1).await;
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    fill(&test, KEPT, rows / 10, later.timestamp_micros()).await;
    let one = format!("{KEPT}0000000000000001");
    let before = times(&first, &one, async || true).await;
    first.terminate().await;

    let retention = [("RETENTION", "5")];
    let one_process = Process::start(&test, &retention);
    let mut other = Process::start(&test, &retention);
    let began = Instant::now();
    let some_are_gone = async || look(&test, &due).await < rows;
    while !some_are_gone().await {
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let began = Instant::now();
    other.0.signal(Signal::KILL).unwrap();
    if test.is_postgres() {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        script(&test, cut).await;
    }
    other = Process::start(&test, &retention);
    let during = times(&one_process, &one, async || look(&test, &due).await == 0).await;
    eprintln!(
        "{} due jobs were forgotten within {:.1} s; median and p99 in ms, and requests: before {before:.1?}, meanwhile {during:.1?}",
        rows,
        began.elapsed().as_secs_f64()
    );
    assert!(began.elapsed() < Duration::from_secs(300));
    assert_eq!(look(&test, &kept).await, rows / 10);
    let orphans = "SELECT COUNT(*) AS count FROM tasks_job_logs WHERE job_id NOT IN (SELECT id FROM tasks_jobs)";
    assert_eq!(look(&test, orphans).await, 0);
    let logs = format!("SELECT COUNT(*) AS count FROM tasks_job_logs WHERE job_id LIKE '{KEPT}%'");
    assert_eq!(look(&test, &logs).await, rows / 10);
    for process in [&one_process, &other] {
        let said = process.0.stderr();
        assert!(!said.contains("deadlock"), "{said}");
    }
}

on_both_databases!(nothing_but_what_is_due_is_forgotten);
