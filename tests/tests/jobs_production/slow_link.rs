//! Large parameters and results over a slow link to the database, and results that the database refuses: all other jobs go on.

use std::time::{Duration, Instant};

use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::postgres::Postgres;
use tasks_tests::proxy::Proxy;
use tasks_web::Database;

use crate::fleet::Process;

/// Of the link, in bytes a second.
const RATE: u32 = 2_000_000;

/// A worker behind a slow link, and a process without workers that is near the database.
fn start(test: &TestDatabase) -> (Proxy, Process, Process) {
    let port = Postgres::shared().unwrap().port();
    let link = Proxy::start_slow(port, RATE).unwrap();
    let near = format!(":{port}/");
    let far = test.url().replace(&near, &format!(":{}/", link.port()));
    assert_ne!(far, test.url());
    let worker = Process::start(test, &[("DATABASE_URL", &far)]);
    let web = Process::start(test, &[("WORKERS", "off")]);
    (link, worker, web)
}

/// Short jobs are through soon, for as long as that.
async fn short_jobs_go_on(web: &Process, worker: &Process, period: Duration) {
    let began = Instant::now();
    while began.elapsed() < period {
        let id = web.submit("sleep", json!({"seconds": 0.0})).await;
        let deadline = Instant::now() + Duration::from_secs(6);
        while web.job(&id).await["status"] != "completed" {
            assert!(Instant::now() < deadline, "{}", worker.0.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn result(process: &Process, id: &str) -> serde_json::Value {
    let url = process.0.url(&format!("/api/v1/jobs/{id}/$result"));
    tasks_tests::http::get(&url).await.unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_result_holds_nobody_up() {
    let test = TestDatabase::postgres();
    let (_link, worker, web) = start(&test);
    short_jobs_go_on(&web, &worker, Duration::from_secs(1)).await;
    let large = web.submit("produce", json!({"bytes": 15_000_000})).await;
    short_jobs_go_on(&web, &worker, Duration::from_secs(6)).await;
    let job = web
        .until(&large, "completed", Duration::from_secs(30))
        .await;
    let result = result(&web, &large).await;
    assert_eq!(result["result"].as_str().unwrap().len(), 15_000_000);
    assert_eq!((&job["attempt"], &job["crashes"]), (&json!(1), &json!(0)));
    let output = worker.0.output();
    assert!(!output.contains("outside of the closure"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_parameters_hold_nobody_up() {
    let test = TestDatabase::postgres();
    let (_link, worker, web) = start(&test);
    let text = "x".repeat(1_900_000);
    let mut large = Vec::new();
    for _ in 0..15 {
        large.push(web.submit("measure", json!({"text": text})).await);
    }
    short_jobs_go_on(&web, &worker, Duration::from_secs(6)).await;
    for id in large {
        let job = web.until(&id, "completed", Duration::from_secs(40)).await;
        assert_eq!(result(&web, &id).await["result"], 1_900_000);
        assert_eq!(job["attempt"], 1);
    }
    let output = worker.0.output();
    assert!(!output.contains("outside of the closure"), "{output}");
}

/// Has the database refuse results that contain a word.
async fn refuse(test: &TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let script = if test.url().starts_with("sqlite") {
        "CREATE TRIGGER refuse BEFORE UPDATE ON tasks_jobs WHEN NEW.result LIKE '%xxx%' \
         BEGIN SELECT RAISE(ABORT, 'no such results'); END"
    } else {
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'no such results'; END $$; \
         CREATE TRIGGER refuse BEFORE UPDATE ON tasks_jobs FOR EACH ROW \
         WHEN (NEW.result LIKE '%xxx%') EXECUTE FUNCTION refuse()"
    };
    database.session().execute_script(script).await.unwrap();
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_the_database_refuses_fails_its_job_alone() {
    for test in [TestDatabase::sqlite(), TestDatabase::postgres()] {
        let process = Process::start(&test, &[]);
        refuse(&test).await;
        // A small one is written with a round at first, a large one apart from it.
        for bytes in [100, 1_000_000] {
            let refused = process.submit("produce", json!({"bytes": bytes})).await;
            let mut others = Vec::new();
            for _ in 0..10 {
                others.push(process.submit("sleep", json!({"seconds": 0.0})).await);
            }
            for id in others {
                let job = process
                    .until(&id, "completed", Duration::from_secs(5))
                    .await;
                assert_eq!(job["attempt"], 1);
            }
            let job = process
                .until(&refused, "failed", Duration::from_secs(5))
                .await;
            let error = job["error"].as_str().unwrap();
            assert!(
                error.contains("no such results") && error.contains("artifact"),
                "{error}"
            );
        }
        let (_, health) = process.health().await;
        assert_eq!(health["checks"]["jobs"]["state"], "healthy", "{health}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_is_too_large_fails_its_job() {
    let test = TestDatabase::sqlite();
    let process = Process::start(&test, &[("MAX_RESULT_SIZE", "1000")]);
    let small = process.submit("produce", json!({"bytes": 998})).await;
    let large = process.submit("produce", json!({"bytes": 999})).await;
    process
        .until(&small, "completed", Duration::from_secs(20))
        .await;
    let job = process
        .until(&large, "failed", Duration::from_secs(20))
        .await;
    let error = job["error"].as_str().unwrap();
    assert!(
        error.contains("has 1001 bytes, and 1000 are allowed: store it as an artifact"),
        "{error}"
    );
}
