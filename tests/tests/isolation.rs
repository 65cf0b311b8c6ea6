//! Servers of PostgreSQL that are set otherwise than most: how transactions are kept apart, who may write, how many are let in.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_tests::process::Server;
use tasks_web::DatabaseError;
use tasks_web::database::RunQueryDsl;
use tasks_web::prelude::*;
use tokio::task::JoinSet;

diesel::table! {
    counters (id) {
        id -> BigInt,
        value -> BigInt,
    }
}

/// Runs statements outside of any transaction.
async fn administer(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    // What the test sets as a default is not for this.
    client
        .batch_execute("SET default_transaction_read_only = off")
        .await
        .unwrap();
    client.batch_execute(sql).await.unwrap();
}

fn name(test: &TestDatabase) -> &str {
    test.url().rsplit('/').next().unwrap()
}

fn start(test: &TestDatabase) -> Server {
    let program = Path::new(env!("CARGO_BIN_EXE_service-under-test"));
    let content = test.folder().join("content");
    let variables = [
        ("DATABASE_URL", test.url()),
        ("ARTIFACTS_DIR", content.to_str().unwrap()),
        ("JOBS", "on"),
    ];
    Server::start_program(program, variables).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_serializable_by_default_takes_every_job() {
    let test = TestDatabase::postgres();
    let set = format!(
        "ALTER DATABASE {} SET default_transaction_isolation = 'serializable'",
        name(&test)
    );
    administer(test.url(), &set).await;
    let server = start(&test);
    let mut all = JoinSet::new();
    for client in 0..20 {
        let url = server.url("/api/v1/tasks/sleep/$submit");
        all.spawn(async move {
            let mut wrong = Vec::new();
            for n in 0..10 {
                let body = json!({"params": {"milliseconds": (client * 10 + n) % 3}});
                let (status, answer) = http::post(&url, &body).await.unwrap();
                if status != StatusCode::ACCEPTED {
                    wrong.push(answer);
                }
            }
            wrong
        });
    }
    let wrong: Vec<Value> = all.join_all().await.concat();
    assert!(wrong.is_empty(), "{}: {wrong:?}", wrong.len());
}

async fn counters(test: &TestDatabase) -> Session {
    let database = Database::from_url(test.url())
        .transaction_timeout(Duration::from_secs(20))
        .connect()
        .await
        .unwrap();
    let session = database.session();
    session
        .execute_script(
            "CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL); \
             INSERT INTO counters VALUES (1, 0), (2, 0)",
        )
        .await
        .unwrap();
    session
}

async fn count_up(tx: &mut Transaction, id: i64) -> Result<(), DatabaseError> {
    with_conn!(tx, |conn| diesel::update(counters::table.find(id))
        .set(counters::value.eq(counters::value + 1))
        .execute(conn)
        .await)?;
    Ok(())
}

async fn values(session: &Session) -> Vec<i64> {
    session
        .read(async |conn| {
            with_conn!(conn, |conn| counters::table
                .order(counters::id)
                .select(counters::value)
                .load(conn)
                .await)
        })
        .await
        .unwrap()
}

async fn a_deadlock_is_repeated_when_the_closure_may_run_again(test: TestDatabase) {
    let session = counters(&test).await;
    let runs = AtomicUsize::new(0);
    // In the order that makes them wait for each other.
    let both = async |first: i64, second: i64| {
        session
            .transaction_with_retries(async |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                count_up(tx, first).await?;
                tokio::time::sleep(Duration::from_millis(300)).await;
                count_up(tx, second).await?;
                // An error of another kind, as applications have them.
                Ok::<_, anyhow::Error>(())
            })
            .await
    };
    let (one, two) = tokio::join!(both(1, 2), both(2, 1));
    one.unwrap();
    two.unwrap();
    assert_eq!(values(&session).await, [2, 2]);
    let expected = if test.is_postgres() { 3 } else { 2 };
    assert_eq!(runs.load(Ordering::Relaxed), expected);

    // An error of the closure's own is none of that.
    let refused: Result<(), anyhow::Error> = session
        .transaction_with_retries(async |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            count_up(tx, 1).await?;
            anyhow::bail!("no")
        })
        .await;
    assert_eq!(refused.unwrap_err().to_string(), "no");
    assert_eq!(runs.load(Ordering::Relaxed), expected + 1);
    assert_eq!(values(&session).await, [2, 2]);
}

async fn what_a_serializable_transaction_has_read_stays_true(test: TestDatabase) {
    let session = counters(&test).await;
    let mut all = JoinSet::new();
    for _ in 0..6 {
        let session = session.clone();
        all.spawn(async move {
            session
                .serializable_transaction(async |tx| {
                    let last: Option<i64> = with_conn!(tx, |conn| counters::table
                        .select(diesel::dsl::max(counters::id))
                        .get_result(conn)
                        .await)?;
                    let next = last.unwrap_or_default() + 1;
                    with_conn!(tx, |conn| diesel::insert_into(counters::table)
                        .values((counters::id.eq(next), counters::value.eq(next)))
                        .execute(conn)
                        .await)?;
                    Ok::<_, DatabaseError>(())
                })
                .await
        });
    }
    let mut refused = 0;
    while let Some(result) = all.join_next().await {
        match result.unwrap() {
            Ok(()) => {}
            // Nobody asks to repeat this one.
            Err(error) if error.is_unique_violation() => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(values(&session).await.len(), 8 - refused);
}

tasks_tests::on_all_databases!(
    a_deadlock_is_repeated_when_the_closure_may_run_again,
    what_a_serializable_transaction_has_read_stays_true,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_read_what_the_other_writes_are_put_in_an_order() {
    let test = TestDatabase::postgres();
    let session = counters(&test).await;
    // Each adds the sum of all to a counter of its own: one after the other, that is 1 and 2, or 2 and 1.
    session
        .execute_script("UPDATE counters SET value = 1 WHERE id = 1")
        .await
        .unwrap();
    let add = async |id: i64| {
        session
            .serializable_transaction(async |tx| {
                let all: Vec<i64> = with_conn!(tx, |conn| counters::table
                    .select(counters::value)
                    .load(conn)
                    .await)?;
                tokio::time::sleep(Duration::from_millis(200)).await;
                let sum: i64 = all.iter().sum();
                with_conn!(tx, |conn| diesel::update(counters::table.find(id))
                    .set(counters::value.eq(counters::value + sum))
                    .execute(conn)
                    .await)?;
                Ok::<_, DatabaseError>(())
            })
            .await
    };
    let (one, two) = tokio::join!(add(1), add(2));
    one.unwrap();
    two.unwrap();
    let values = values(&session).await;
    assert!(values == [2, 2] || values == [3, 1], "{values:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_keep_every_text_is_refused() {
    let test = TestDatabase::postgres();
    let latin = format!("{}_latin", name(&test));
    let make = format!(
        "CREATE DATABASE {latin} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    );
    administer(test.url(), &make).await;
    let url = test.url().replace(name(&test), &latin);
    let error = Database::from_url(&url).connect().await.unwrap_err();
    administer(test.url(), &format!("DROP DATABASE {latin} WITH (FORCE)")).await;
    let error = error.to_string();
    assert!(
        error.contains("LATIN1") && error.contains("ENCODING 'UTF8'") && error.contains(&latin),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_read_only_is_served_as_such() {
    let test = TestDatabase::postgres();
    let mut server = start(&test);
    let artifacts = server.url("/api/v1/artifacts");
    let (_, stored) = http::post(&artifacts, &json!({"data": 1})).await.unwrap();
    let one = format!("/api/v1/artifacts/{}", stored["id"].as_str().unwrap());
    let set = |how: &str| {
        format!(
            "ALTER DATABASE {} SET default_transaction_read_only = {how}",
            name(&test)
        )
    };
    administer(test.url(), &set("on")).await;
    // It starts, too.
    server.signal(rustix::process::Signal::KILL).unwrap();
    server.wait(Duration::from_secs(10)).unwrap();
    let server = start(&test);
    let (status, read) = http::get(&server.url(&one)).await.unwrap();
    assert_eq!((status, &read["data"]), (StatusCode::OK, &json!(1)));
    let artifacts = server.url("/api/v1/artifacts");
    let submit = server.url("/api/v1/tasks/sleep/$submit");
    for (url, body) in [
        (&artifacts, json!({"data": 2})),
        (&submit, json!({"params": {"milliseconds": 1}})),
    ] {
        let response = http::client()
            .unwrap()
            .post(url)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["detail"], "the database cannot be written");
    }
    let (status, health) = http::get(&server.url("/health")).await.unwrap();
    let message = health["checks"]["database"]["message"].as_str().unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        message.starts_with("the database is read-only"),
        "{message}"
    );

    administer(test.url(), &set("off")).await;
    let began = Instant::now();
    while http::get(&server.url("/health")).await.unwrap().0 != StatusCode::OK {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{}",
            server.output()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, stored) = http::post(&artifacts, &json!({"data": 3})).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{stored}");
}

/// A server that answers before a commit is on its disk would lose jobs that were accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_answered_is_durable_whatever_is_set() {
    let test = TestDatabase::postgres();
    for (set, expected) in [
        ("off", "on"),
        ("local", "local"),
        ("remote_apply", "remote_apply"),
    ] {
        let alter = format!(
            "ALTER DATABASE {} SET synchronous_commit = {set}",
            name(&test)
        );
        administer(test.url(), &alter).await;
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let session = database.session();
        let found = session.transaction(async |tx| commits(tx).await).await;
        assert_eq!(found.unwrap(), expected, "{set}");
        let found = session.serializable_transaction(async |tx| commits(tx).await);
        assert_eq!(found.await.unwrap(), expected, "{set}");
        // A transaction may say itself what is enough for it.
        let own = session.transaction(async |tx| {
            tx.batch("SET LOCAL synchronous_commit = off").await?;
            commits(tx).await
        });
        assert_eq!(own.await.unwrap(), "off");
        database.close().await;
    }
}

/// How the present transaction is committed.
async fn commits(conn: &mut tasks_web::database::Connection) -> anyhow::Result<String> {
    #[derive(diesel::QueryableByName)]
    struct Commits {
        #[diesel(sql_type = diesel::sql_types::Text)]
        commits: String,
    }
    let query = diesel::sql_query("SELECT current_setting('synchronous_commit') AS commits");
    let found: Commits = with_conn!(conn, |conn| query.get_result(conn).await)?;
    Ok(found.commits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lets_two_in_serves_all() {
    let test = TestDatabase::postgres();
    let limit = format!("ALTER DATABASE {} CONNECTION LIMIT 2", name(&test));
    administer(test.url(), &limit).await;
    // Whoever waits has time enough, on a slow machine, too.
    let database = Database::from_url(test.url())
        .acquire_timeout(Duration::from_secs(60))
        .connect()
        .await
        .unwrap();
    let manager = ArtifactManager::builder(database.clone()).build().unwrap();
    let saves = (0..30).map(|n| {
        let manager = manager.clone();
        tokio::spawn(async move { manager.save(NewArtifact::json(n)).await })
    });
    for saved in futures_util::future::join_all(saves).await {
        saved.unwrap().unwrap();
    }
    assert!(database.pool_status().size <= 2);
}
