//! Another server takes the place of a PostgreSQL server that is started again later.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tasks_tests::databases::count;
use tasks_tests::http;
use tasks_tests::postgres::Postgres;
use tasks_tests::process::Server;
use tasks_web::Database;

/// How many jobs a server has.
async fn jobs(url: &str) -> i64 {
    let database = Database::from_url(url).connect().await.unwrap();
    let found = count(&database, "SELECT COUNT(*) AS count FROM tasks_jobs").await;
    database.close().await;
    found.unwrap()
}

/// Ends the connections of a service, as a failure of the network does.
async fn cut(url: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_primary_that_takes_writes_again_is_not_used() {
    let mut former = Postgres::start().unwrap();
    let own = former.database().unwrap();
    let former_url = own.url();
    let second_port = Postgres::free_port().unwrap();
    let url = format!("{former_url}?target_session_attrs=read-write");
    let authority = format!("127.0.0.1:{}", former.port());
    let url = url.replace(&authority, &format!("{authority},127.0.0.1:{second_port}"));
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_service-under-test"));
    let variables = [("DATABASE_URL", url.as_str()), ("JOBS", "on")];
    let server = Server::start_program(program, variables).unwrap();
    let submit = async || {
        let url = server.url("/api/v1/tasks/sleep/$submit");
        let body = json!({"params": {"milliseconds": 1}});
        http::post(&url, &body).await.unwrap()
    };
    assert_eq!(submit().await.0, 202);

    former.stop_fast().unwrap();
    let mut second = former.successor(second_port).unwrap();
    let second_url = former_url.replace(&authority, &format!("127.0.0.1:{second_port}"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while submit().await.0 != 202 {
        assert!(Instant::now() < deadline, "{}", server.output());
    }
    let before = jobs(&second_url).await;

    // As it was: it is the first that is asked, and takes writes.
    former.start_again().unwrap();
    let (mut accepted, former_before) = (0, jobs(&former_url).await);
    for round in 0..40 {
        if round % 10 == 0 {
            cut(&second_url).await;
        }
        accepted += i64::from(submit().await.0 == 202);
    }
    assert!(accepted > 20, "{accepted}\n{}", server.output());
    assert_eq!(jobs(&former_url).await, former_before);
    assert_eq!(jobs(&second_url).await, before + accepted);
    let said = server.stderr();
    let refused = "a PostgreSQL server is not used: it is a former primary";
    assert_eq!(said.matches(refused).count(), 1, "{said}");

    // Without the primary there is none.
    second.stop_fast().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (status, health) = http::get(&server.url("/health")).await.unwrap();
        let message = health["checks"]["database"]["message"].to_string();
        if status == 503 && message.contains("is a former primary") {
            break;
        }
        assert!(Instant::now() < deadline, "{health}\n{}", server.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, problem) = submit().await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(problem["type"], "urn:tasks:problem:database-changed");
    assert_eq!(jobs(&former_url).await, former_before);
    second.start_again().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while submit().await.0 != 202 {
        assert!(Instant::now() < deadline, "{}", server.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.signal(Signal::TERM).unwrap();
}
