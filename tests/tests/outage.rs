//! PostgreSQL goes away, and comes back.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::http;
use tasks_tests::postgres::Postgres;
use tasks_web::prelude::*;
use tasks_web::testing;

#[task(register = false)]
async fn store(artifacts: ArtifactManager, n: i64) -> anyhow::Result<String> {
    Ok(artifacts.save(NewArtifact::json(n)).await?.id.to_string())
}

/// Asks until it works; a test that waits in vain is ended by the test runner.
async fn until_it_works(execute: &(impl AsyncFn() -> Value + ?Sized)) {
    while execute().await["error"] != Value::Null {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_recovers_without_a_restart() {
    let mut server = Postgres::start().unwrap();
    let own = server.database().unwrap();
    let database = Database::postgres(&own.url())
        .connect_timeout(Duration::from_secs(2))
        .connect()
        .await
        .unwrap();
    let manager = ArtifactManager::builder(database.clone()).build().unwrap();
    let executor = testing::executor([task(store)])
        .provide(manager.clone())
        .build()
        .unwrap();
    let served = manager.clone();
    let app = Running::start(move |config| {
        config.service(tasks_web::scope("/tasks", executor.clone()));
        config.service(tasks_web::artifacts("/artifacts", served.clone()));
    });
    let execute = async || {
        let (status, answer) = http::post(
            &app.url("/tasks/store/$execute"),
            &json!({"params": {"n": 1}}),
        )
        .await
        .unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    };
    assert_eq!(execute().await["error"], Value::Null);

    for how in ["stopped", "killed"] {
        match how {
            "stopped" => server.stop().unwrap(),
            _ => server.kill().unwrap(),
        }
        // A connection that was made before lives until its own process has noticed.
        while execute().await["error"] == Value::Null {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let began = Instant::now();
        for _ in 0..3 {
            let answer = execute().await;
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(
                !message.is_empty() && !message.contains("password"),
                "{message}"
            );
            let (status, problem) = http::get(&app.url("/artifacts")).await.unwrap();
            assert_eq!(status, 503, "{problem}");
            assert_eq!(problem["detail"], "the database is not available");
        }
        // Refused at once, not waited for.
        assert!(began.elapsed() < Duration::from_secs(20));
        let error = database.ping().await.unwrap_err();
        assert!(error.is_temporary(), "{error}");
        assert!(error.to_string().contains("cannot be reached"), "{error}");
        server.start_again().unwrap();
        until_it_works(&execute).await;
        database.ping().await.unwrap();
        let (status, _) = http::get(&app.url("/artifacts")).await.unwrap();
        assert_eq!(status, 200);
    }
}
