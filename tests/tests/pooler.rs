//! A pooler in transaction mode stands between the service and PostgreSQL, as with many a hosted one.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::http;
use tasks_tests::postgres::{Pgbouncer, Postgres};
use tasks_tests::process::Server;
use tokio::task::JoinSet;

const FOUND: &str = "a pooler in transaction mode stands before PostgreSQL";

fn start(url: &str) -> Server {
    let program = Path::new(env!("CARGO_BIN_EXE_service-under-test"));
    let folder = tempfile::tempdir().unwrap().keep();
    let variables = [
        ("DATABASE_URL", url),
        ("ARTIFACTS_DIR", folder.to_str().unwrap()),
    ];
    Server::start_program(program, variables).unwrap()
}

/// Stores and reads artifacts, many at once. Gives how many requests were answered otherwise than they should.
async fn wrong_answers(server: &Server) -> Vec<Value> {
    let mut all = JoinSet::new();
    for client in 0..12 {
        let url = server.url("/api/v1/artifacts");
        all.spawn(async move {
            let mut wrong = Vec::new();
            for n in 0..15 {
                let (status, stored) = http::post(&url, &json!({"data": [client, n]}))
                    .await
                    .unwrap();
                if status.as_u16() != 201 {
                    wrong.push(stored);
                    continue;
                }
                let one = format!("{url}/{}", stored["id"].as_str().unwrap());
                let (status, read) = http::get(&one).await.unwrap();
                if status.as_u16() != 200 || read["data"] != json!([client, n]) {
                    wrong.push(read);
                }
            }
            wrong
        });
    }
    let mut wrong = Vec::new();
    while let Some(found) = all.join_next().await {
        wrong.extend(found.unwrap());
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_behind_a_pooler_finds_that_out_and_serves() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let pooler = Pgbouncer::before(&database).unwrap();
    let url = pooler.url(&database);

    let found_out = start(&url);
    assert_eq!(
        wrong_answers(&found_out).await,
        [] as [Value; 0],
        "{}",
        found_out.output()
    );
    let log = found_out.stderr_with(FOUND, 1).unwrap();
    assert_eq!(log.matches(FOUND).count(), 1, "{log}");
    assert!(!log.contains("does not exist"), "{log}");

    for option in ["prepared_statements=false", "pgbouncer=true"] {
        let told = start(&format!("{url}?{option}"));
        assert_eq!(
            wrong_answers(&told).await,
            [] as [Value; 0],
            "{}",
            told.output()
        );
        assert!(!told.stderr().contains(FOUND), "{}", told.output());
    }

    // What the service sets is not left in connections that others get.
    let client = || async {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    };
    let mut clients = Vec::new();
    for _ in 0..4 {
        let client = client().await;
        client.batch_execute("BEGIN").await.unwrap();
        clients.push(client);
    }
    for client in &clients {
        for (name, expected) in [
            ("statement_timeout", "0"),
            ("enable_seqscan", "on"),
            ("jit", "on"),
            ("idle_in_transaction_session_timeout", "0"),
        ] {
            let rows = client.simple_query(&format!("SHOW {name}")).await.unwrap();
            let value = rows.iter().find_map(|row| match row {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            assert_eq!(value.as_deref(), Some(expected), "{name}");
        }
    }
}

/// Without a pooler nothing is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_a_pooler_is_not_taken_for_one_with() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    for _ in 0..3 {
        let service = start(&database.url());
        assert_eq!(
            wrong_answers(&service).await,
            [] as [Value; 0],
            "{}",
            service.output()
        );
        assert!(!service.stderr().contains("pooler"), "{}", service.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_behind_a_pooler_goes_away_and_comes_back() {
    let mut server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let pooler = Pgbouncer::before(&database).unwrap();
    let service = start(&pooler.url(&database));
    assert_eq!(
        wrong_answers(&service).await,
        [] as [Value; 0],
        "{}",
        service.output()
    );
    for how in ["stopped", "killed"] {
        match how {
            "stopped" => server.stop().unwrap(),
            _ => server.kill().unwrap(),
        }
        let deadline = Instant::now() + Duration::from_secs(40);
        let refused = loop {
            let (status, problem) = http::get(&service.url("/api/v1/artifacts")).await.unwrap();
            if status.as_u16() != 200 {
                break (status.as_u16(), problem);
            }
            assert!(Instant::now() < deadline, "{how}: it is answered");
        };
        assert_eq!(refused.0, 503, "{how}: {}\n{}", refused.1, service.output());
        server.start_again().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let (status, answer) = http::get(&service.url("/api/v1/artifacts")).await.unwrap();
            if status.as_u16() == 200 {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{how}: {answer}\n{}",
                service.output()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(
            wrong_answers(&service).await,
            [] as [Value; 0],
            "{}",
            service.output()
        );
    }
}
