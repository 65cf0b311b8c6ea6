//! What a task or a client determines has a limit: what is kept of it, and what a list shows.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_both_databases};
use tasks_web::jobs::{Jobs, MAX_ERROR_BYTES, MAX_PROGRESS_BYTES, MAX_TRACEBACK_BYTES, Scheduler};
use tasks_web::prelude::*;
use tasks_web::testing;

const LONG: Duration = Duration::from_secs(60);

/// Fails with as many characters as it is told; each is six bytes of JSON.
#[task(register = false)]
async fn shout(context: TaskContext, bytes: usize, ballast: String) -> Result<(), TaskError> {
    let _ = ballast;
    context.progress(1, 2, "\u{1}".repeat(bytes));
    tokio::time::sleep(Duration::from_millis(20)).await;
    Err(TaskError::msg("\u{1}".repeat(bytes)))
}

struct World {
    scheduler: Scheduler,
    app: Running,
    _test: TestDatabase,
}

async fn world(test: TestDatabase) -> World {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let scheduler = Scheduler::new(&database, Jobs::new());
    let executor = testing::executor([task(shout)])
        .provide(scheduler.clone())
        .build()
        .unwrap();
    scheduler.start(&executor).unwrap();
    let served = scheduler.clone();
    let app = Running::start(move |config| {
        config.service(tasks_web::jobs("/jobs", served.clone()));
    });
    World {
        scheduler,
        app,
        _test: test,
    }
}

async fn a_long_error_is_cut_and_marked(test: TestDatabase) {
    let world = world(test).await;
    let job = world
        .scheduler
        .submit(call!(shout, bytes = 3_000_000, ballast = ""))
        .await
        .unwrap();
    let done = world.scheduler.wait(job.id, LONG).await.unwrap();
    let (error, traceback) = (done.error.unwrap(), done.error_traceback.unwrap());
    assert_eq!(error.len(), MAX_ERROR_BYTES);
    assert!(error.ends_with("… (cut)"));
    assert!(traceback.len() <= MAX_TRACEBACK_BYTES && traceback.len() > MAX_ERROR_BYTES);
    let message = done.progress.unwrap().message.unwrap();
    assert_eq!(message.len(), MAX_PROGRESS_BYTES);
    assert!(done.truncated.is_empty());
    world.scheduler.shutdown().await;
}

async fn the_worst_page_of_a_list_has_half_a_mebibyte_at_most(test: TestDatabase) {
    let world = world(test).await;
    let scheduler = &world.scheduler;
    let jobs = (0..100).map(|_| {
        scheduler
            .submit(call!(shout, bytes = 100_000, ballast = "x".repeat(20_000)))
            .description("\"".repeat(4096))
            .idempotency_key(tasks_web::jobs::JobId::new().to_string().repeat(9))
    });
    for id in scheduler.submit_all(jobs).await.unwrap() {
        scheduler.wait(id, LONG).await.unwrap();
    }
    for url in ["/jobs", "/jobs?page=1&size=100"] {
        let response = reqwest::get(world.app.url(url)).await.unwrap();
        let body = response.bytes().await.unwrap();
        assert!(body.len() <= 512 * 1024, "{url}: {}", body.len());
        let body: Value = serde_json::from_slice(&body).unwrap();
        let items = body.get("items").unwrap_or(&body).as_array().unwrap();
        assert_eq!(items.len(), 100);
        let item = &items[0];
        assert_eq!(item["params"], json!({}), "{item}");
        assert_eq!(item["error_traceback"], Value::Null);
        assert!(item["error"].as_str().unwrap().ends_with("… (cut)"));
        assert_eq!(
            item["truncated"],
            json!(["description", "error", "progress", "params"])
        );
        // The record has all.
        let id = item["id"].as_str().unwrap();
        let (_, job) = http::get(&world.app.url(&format!("/jobs/{id}")))
            .await
            .unwrap();
        assert_eq!(job["params"]["ballast"].as_str().unwrap().len(), 20_000);
        assert_eq!(job["description"].as_str().unwrap().len(), 4096);
        assert_eq!(job["error"].as_str().unwrap().len(), MAX_ERROR_BYTES);
        assert!(job["error_traceback"].is_string());
        assert_eq!(job["truncated"], json!([]));
    }
    world.scheduler.shutdown().await;
}

/// A figure of this process, in kibibytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let figure = line.split_whitespace().nth(1).unwrap();
    figure.parse().unwrap()
}

/// Whatever the jobs hold that it names.
async fn a_list_costs_little_memory(test: TestDatabase) {
    let world = world(test).await;
    let scheduler = &world.scheduler;
    for _ in 0..100 {
        let job = scheduler
            .submit(call!(shout, bytes = 1, ballast = "x".repeat(1_900_000)))
            .await
            .unwrap();
        scheduler.wait(job.id, LONG).await.unwrap();
    }
    // From here on, `VmHWM` is the most that was in use since.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    let lists = (0..6).map(|_| async {
        let response = reqwest::get(world.app.url("/jobs")).await.unwrap();
        response.bytes().await.unwrap().len()
    });
    for bytes in futures_util::future::join_all(lists).await {
        assert!((30_000..512 * 1024).contains(&bytes), "{bytes}");
    }
    let grown = memory("VmHWM:").saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB for six lists");
    world.scheduler.shutdown().await;
}

/// What fits is shown.
async fn short_content_stands_in_a_list(test: TestDatabase) {
    let world = world(test).await;
    let job = world
        .scheduler
        .submit(call!(shout, bytes = 3, ballast = "x".repeat(900)))
        .description("short")
        .await
        .unwrap();
    world.scheduler.wait(job.id, LONG).await.unwrap();
    let (_, jobs) = http::get(&world.app.url("/jobs")).await.unwrap();
    let item = &jobs[0];
    assert_eq!(item["params"]["ballast"].as_str().unwrap().len(), 900);
    assert_eq!(item["error"], "\u{1}\u{1}\u{1}");
    assert_eq!(
        (&item["description"], &item["truncated"]),
        (&json!("short"), &json!([]))
    );
    world.scheduler.shutdown().await;
}

on_both_databases!(
    a_long_error_is_cut_and_marked,
    the_worst_page_of_a_list_has_half_a_mebibyte_at_most,
    a_list_costs_little_memory,
    short_content_stands_in_a_list,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_sqlite_shrinks_after_a_burst() {
    let test = TestDatabase::sqlite();
    let database = Database::from_url(test.url())
        .statement_timeout(LONG)
        .transaction_timeout(LONG)
        .connect()
        .await
        .unwrap();
    let log = test.folder().join("test.db-wal");
    let size = || std::fs::metadata(&log).unwrap().len();
    let session = database.session();
    session
        .execute_script("CREATE TABLE burst (content BLOB)")
        .await
        .unwrap();
    session
        .execute_script("INSERT INTO burst VALUES (zeroblob(60000000))")
        .await
        .unwrap();
    assert!(size() > 50_000_000, "{}", size());
    for _ in 0..3 {
        session
            .execute_script("INSERT INTO burst VALUES (zeroblob(10000))")
            .await
            .unwrap();
    }
    assert!(size() <= 16 * 1024 * 1024, "{}", size());
}
