//! PostgreSQL goes away, and comes back.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
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

/// A server that is there and does not answer: that is what is said, and not that closures are slow, that connections are used up, or that a
/// file is locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_is_what_is_said() {
    let server = Postgres::start().unwrap();
    let own = server.database().unwrap();
    let limit = Duration::from_secs(1);
    let database = Database::postgres(&own.url())
        .max_connections(2)
        .connect_timeout(limit)
        // Longer than an answer is waited for, so that it is known by then what the others wait for.
        .acquire_timeout(limit * 3)
        .transaction_timeout(limit)
        .read_timeout(limit)
        .connect()
        .await
        .unwrap();
    let session = database.session();
    let read = async || {
        session
            .read(async |conn| conn.batch("SELECT pg_sleep(0.1)").await)
            .await
    };
    let write = async || session.execute_script("SELECT pg_sleep(0.1)").await;
    // Both connections are there.
    let (first, second) = tokio::join!(read(), write());
    first.unwrap();
    second.unwrap();

    let (began, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, goes_on) = tokio::sync::oneshot::channel::<()>();
    let within = session.transaction(async |tx| {
        tx.batch("SELECT 1").await?;
        began.send(()).unwrap();
        goes_on.await.unwrap();
        tx.batch("SELECT 2").await
    });
    let outside = async {
        has_begun.await.unwrap();
        let frozen = server.freeze().unwrap();
        go_on.send(()).unwrap();
        let all = tokio::join!(read(), write(), read(), write(), read(), write());
        let later = tokio::join!(read(), write());
        let ping = database.ping().await;
        drop(frozen);
        let (a, b, c, d, e, f) = all;
        [a, b, c, d, e, f, later.0, later.1, ping]
    };
    let (within, outside) = tokio::join!(within, outside);
    let within = within.unwrap_err().to_string();
    assert!(
        within.contains("waited for an answer of the database"),
        "{within}"
    );
    for result in outside {
        let error = result.unwrap_err();
        assert!(error.is_temporary(), "{error}");
        let text = error.to_string();
        assert!(text.contains("cannot be reached"), "{text}");
        for wrong in ["locked", "file", "lent", "closure", "max_connections"] {
            assert!(!text.contains(wrong), "{wrong}: {text}");
        }
    }
    while database.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // What is used up by closures is said as before.
    let database = Database::postgres(&own.url())
        .max_connections(2)
        .acquire_timeout(limit)
        .read_timeout(limit * 2)
        .connect()
        .await
        .unwrap();
    let hold = async || {
        let held: Result<(), DatabaseError> = database
            .session()
            .read(async |_| std::future::pending().await)
            .await;
        held.unwrap_err().to_string()
    };
    let third = async {
        tokio::time::sleep(limit / 3).await;
        database.ping().await.unwrap_err().to_string()
    };
    let (first, _, third) = tokio::join!(hold(), hold(), third);
    assert!(first.contains("do slow work outside"), "{first}");
    assert!(third.contains("all 2 are lent"), "{third}");
}

/// With the default limits: what the server does not answer is not waited for without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_freezes_at_the_end_of_a_transaction_is_not_waited_for() {
    let server = Postgres::start().unwrap();
    let own = server.database().unwrap();
    let database = Database::postgres(&own.url()).connect().await.unwrap();
    let session = database.session();
    let began = Instant::now();
    let (commit, rollback, read) = {
        let (written, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let frozen = std::sync::OnceLock::new();
        let freeze = async |count: &AtomicUsize, all: &[&AtomicUsize]| {
            count.fetch_add(1, Ordering::SeqCst);
            // All of them are at their ends.
            while all
                .iter()
                .map(|count| count.load(Ordering::SeqCst))
                .sum::<usize>()
                < 3
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            frozen.get_or_init(|| server.freeze().unwrap());
        };
        let ends = tokio::join!(
            session.transaction(async |tx| {
                tx.batch("CREATE TABLE kept (id INT)").await?;
                freeze(&written, &[&written, &read]).await;
                Ok::<_, DatabaseError>(())
            }),
            session.transaction(async |tx| {
                tx.batch("SELECT 1").await?;
                freeze(&written, &[&written, &read]).await;
                Err::<(), _>(DatabaseError::Closed)
            }),
            session.read(async |conn| {
                conn.batch("SELECT 1").await?;
                freeze(&read, &[&written, &read]).await;
                Ok::<_, DatabaseError>(1)
            })
        );
        drop(frozen);
        ends
    };
    assert!(began.elapsed() < Duration::from_secs(40), "{began:?}");
    let error = commit.unwrap_err();
    assert!(
        error.is_temporary() && error.to_string().contains("it is not known whether"),
        "{error}"
    );
    assert!(matches!(rollback, Err(DatabaseError::Closed)));
    assert_eq!(read.unwrap(), 1);
    database.ping().await.unwrap();
}
