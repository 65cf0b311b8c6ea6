//! Sessions and transactions, on both databases.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use serde_json::{Value, json};
use tasks_tests::app::Running;
use tasks_tests::databases::TestDatabase;
use tasks_tests::{http, on_both_databases};
use tasks_web::database::{Backend, ConnectionKind, RunQueryDsl};
use tasks_web::prelude::*;
use tasks_web::{DatabaseError, testing};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("fixtures/migrations");

diesel::table! {
    notes (id) {
        id -> Text,
        text -> Text,
    }
}

async fn open(test: &TestDatabase) -> Database {
    Database::from_url(test.url())
        .migrations(MIGRATIONS)
        .connect()
        .await
        .unwrap()
}

async fn add(tx: &mut Transaction, id: &str) -> Result<usize, DatabaseError> {
    let row = (notes::id.eq(id), notes::text.eq("text"));
    Ok(with_conn!(tx, |conn| diesel::insert_into(notes::table)
        .values(row)
        .execute(conn)
        .await)?)
}

async fn count(session: &Session) -> i64 {
    session
        .read(async |conn| with_conn!(conn, |conn| notes::table.count().get_result(conn).await))
        .await
        .unwrap()
}

async fn a_transaction_is_all_or_nothing(test: TestDatabase) {
    let session = open(&test).await.session();
    let failed: anyhow::Result<()> = session
        .transaction(async |tx| {
            add(tx, "a").await?;
            anyhow::bail!("changed my mind")
        })
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "changed my mind");
    assert_eq!(count(&session).await, 0);

    let kept = session
        .transaction(async |tx| {
            add(tx, "a").await?;
            add(tx, "b").await
        })
        .await;
    assert_eq!(kept.unwrap(), 1);
    assert_eq!(count(&session).await, 2);

    // A statement that fails makes no transaction that is half done.
    let twice = session
        .transaction(async |tx| {
            add(tx, "c").await?;
            add(tx, "a").await
        })
        .await;
    assert!(twice.unwrap_err().is_unique_violation());
    assert_eq!(count(&session).await, 2);
}

async fn a_read_cannot_write(test: TestDatabase) {
    let session = open(&test).await.session();
    let refused = session
        .read(async |conn| conn.batch("INSERT INTO notes VALUES ('a', 'b')").await)
        .await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("read"), "{message}");
    assert_eq!(count(&session).await, 0);
}

async fn a_read_sees_one_moment(test: TestDatabase) {
    let database = open(&test).await;
    let session = database.session();
    let (before, after) = session
        .read(async |conn| {
            let count = async |conn: &mut tasks_web::database::Connection| {
                with_conn!(conn, |conn| notes::table
                    .count()
                    .get_result::<i64>(conn)
                    .await)
            };
            let before = count(conn).await?;
            // On another connection, which is not waited for by readers.
            session.transaction(async |tx| add(tx, "a").await).await?;
            Ok::<_, diesel::result::Error>((before, count(conn).await?))
        })
        .await
        .unwrap();
    assert_eq!((before, after), (0, 0));
    assert_eq!(count(&session).await, 1);
}

async fn a_nested_transaction_fails_at_once(test: TestDatabase) {
    let session = open(&test).await.session();
    let began = Instant::now();
    let nested = session
        .transaction(async |tx| {
            add(tx, "a").await?;
            session.transaction(async |tx| add(tx, "b").await).await
        })
        .await;
    assert!(matches!(nested, Err(DatabaseError::NestedTransaction)));
    assert!(
        nested
            .unwrap_err()
            .to_string()
            .contains("pass it on as `tx`")
    );
    // Far less than the wait for a connection, which is five seconds.
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(count(&session).await, 0);

    // Savepoints are what diesel has for that.
    let saved: Result<usize, DatabaseError> = session
        .transaction(async |tx| {
            with_conn!(tx, |conn| {
                use diesel_async::AsyncConnection as _;
                let undone: Result<(), diesel::result::Error> = conn
                    .transaction(async |conn| {
                        let row = (notes::id.eq("x"), notes::text.eq("x"));
                        diesel::insert_into(notes::table)
                            .values(row)
                            .execute(conn)
                            .await?;
                        Err(diesel::result::Error::RollbackTransaction)
                    })
                    .await;
                assert!(undone.is_err());
            });
            add(tx, "y").await
        })
        .await;
    assert_eq!(saved.unwrap(), 1);
    assert_eq!(count(&session).await, 1);
}

async fn a_closure_that_takes_too_long_is_undone(test: TestDatabase) {
    let database = Database::from_url(test.url())
        .migrations(MIGRATIONS)
        .transaction_timeout(Duration::from_millis(200))
        .connect()
        .await
        .unwrap();
    let session = database.session();
    let late = session
        .transaction(async |tx| {
            add(tx, "a").await?;
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, DatabaseError>(())
        })
        .await;
    let error = late.unwrap_err();
    assert!(
        matches!(error, DatabaseError::TransactionTimeout { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("`transaction_timeout`"),
        "{error}"
    );
    assert_eq!(count(&session).await, 0);
    session
        .transaction(async |tx| add(tx, "b").await)
        .await
        .unwrap();
}

/// A query that takes seconds.
async fn slow(conn: &mut tasks_web::database::Connection) -> Result<(), DatabaseError> {
    let sql = match conn.kind() {
        ConnectionKind::Sqlite(_) => {
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10000000) \
             SELECT MAX(x) FROM n"
        }
        ConnectionKind::Postgres(_) => "SELECT pg_sleep(60)",
    };
    conn.batch(sql).await
}

async fn a_statement_that_takes_too_long_is_ended(test: TestDatabase) {
    let database = Database::from_url(test.url())
        .migrations(MIGRATIONS)
        .statement_timeout(Duration::from_millis(200))
        .max_connections(2)
        .connect()
        .await
        .unwrap();
    let session = database.session();
    let began = Instant::now();
    let late = session
        .transaction(async |tx| {
            add(tx, "a").await?;
            slow(tx).await
        })
        .await;
    let message = late.unwrap_err().to_string();
    assert!(message.contains("statement"), "{message}");
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(count(&session).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_another_program_is_called_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shared.db");
    let open = async |transaction: u64| {
        Database::sqlite(path.to_str().unwrap())
            .migrations(MIGRATIONS)
            .acquire_timeout(Duration::from_millis(300))
            .transaction_timeout(Duration::from_millis(transaction))
            .connect()
            .await
            .unwrap()
    };
    let (other, own) = (open(60_000).await, open(60_000).await);
    // One that waits for less than SQLite does.
    let hasty = open(100).await;
    let (locked, begun) = tokio::sync::oneshot::channel();
    let holding = tokio::spawn(async move {
        let session = other.session();
        session
            .transaction(async move |tx| {
                add(tx, "theirs").await?;
                locked.send(()).unwrap();
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok::<_, DatabaseError>(())
            })
            .await
    });
    begun.await.unwrap();
    for database in [own, hasty] {
        let refused = database
            .session()
            .transaction(async |tx| add(tx, "ours").await)
            .await;
        let error = refused.unwrap_err();
        assert!(matches!(error, DatabaseError::Locked { .. }), "{error}");
        assert!(error.is_temporary());
        let message = error.to_string();
        assert!(message.contains("by another program"), "{message}");
        assert!(!message.contains("slow work"), "{message}");
    }
    holding.abort();
}

/// A server that lets few in: those who are in are shared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_larger_than_the_server_allows_waits_for_its_own() {
    let server = tasks_tests::postgres::Postgres::shared().unwrap();
    let own = server.database().unwrap();
    let database = Database::postgres(&own.url())
        .max_connections(10)
        .connect()
        .await
        .unwrap();
    let session = database.session();
    let name = own.url().rsplit('/').next().unwrap().to_owned();
    session
        .execute_script(&format!("ALTER DATABASE {name} CONNECTION LIMIT 2"))
        .await
        .unwrap();
    let reads = (0..12).map(|_| {
        let session = session.clone();
        tokio::spawn(async move {
            session
                .read(async |conn| conn.batch("SELECT pg_sleep(0.1)").await)
                .await
        })
    });
    for read in futures_util::future::join_all(reads).await {
        read.unwrap().unwrap();
    }
    assert!(database.pool_status().size <= 2);
}

#[task(register = false, timeout = "200ms")]
async fn dawdle(session: Session) -> anyhow::Result<()> {
    session
        .transaction(async |tx| {
            add(tx, "dawdle").await?;
            slow(tx).await
        })
        .await?;
    Ok(())
}

#[task(register = false)]
async fn linger(session: Session) -> anyhow::Result<()> {
    session.read(async |conn| slow(conn).await).await?;
    Ok(())
}

#[task(register = false)]
async fn note(session: Session, id: String) -> anyhow::Result<i64> {
    session.transaction(async |tx| add(tx, &id).await).await?;
    Ok(count(&session).await)
}

/// Under actix, whose workers have one thread each: where to wait for a query that is abandoned would be a panic.
async fn abandoned_queries_leave_the_pool_healthy(test: TestDatabase) {
    let database = Database::from_url(test.url())
        .migrations(MIGRATIONS)
        .max_connections(3)
        .statement_timeout(Duration::from_secs(20))
        .acquire_timeout(Duration::from_secs(20))
        .connect()
        .await
        .unwrap();
    let executor = testing::executor([task(dawdle), task(linger), task(note)])
        .provide(database.clone())
        .build()
        .unwrap();
    let app = Running::start(move |config| {
        config.service(tasks_web::scope("/tasks", executor.clone()));
    });
    let execute = |name: &str, params: Value| {
        let url = app.url(&format!("/tasks/{name}/$execute"));
        async move {
            http::post(&url, &json!({"params": params}))
                .await
                .unwrap()
                .1
        }
    };
    let timed_out = execute("dawdle", json!({})).await;
    assert!(
        timed_out["error"]["message"]
            .as_str()
            .unwrap()
            .contains("timeout"),
        "{timed_out}"
    );
    // Clients that hang up in the middle of a query.
    for _ in 0..3 {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_millis(300))
            .build()
            .unwrap();
        let request = client
            .post(app.url("/tasks/linger/$execute"))
            .json(&json!({}));
        assert!(request.send().await.unwrap_err().is_timeout());
    }
    // What was abandoned is gone, and everybody else goes on.
    for index in 0..10 {
        let answer = execute("note", json!({"id": index.to_string()})).await;
        assert_eq!(answer["error"], Value::Null, "{answer}");
        assert_eq!(answer["result"], index + 1, "{answer}");
    }
    database.ping().await.unwrap();
}

static HOLDING: AtomicUsize = AtomicUsize::new(0);

#[task(register = false)]
async fn hold(session: Session, artifacts: ArtifactManager) -> anyhow::Result<()> {
    HOLDING.fetch_add(1, Ordering::SeqCst);
    artifacts.save(NewArtifact::json("before")).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    count(&session).await;
    artifacts.save(NewArtifact::json("after")).await?;
    Ok(())
}

/// Ten connections, two hundred tasks that each have a session for seconds.
async fn sessions_hold_nothing(test: TestDatabase) {
    let database = open(&test).await;
    let manager = ArtifactManager::builder(database.clone()).build().unwrap();
    let executor = testing::executor([task(hold)])
        .provide(database.clone())
        .provide(manager.clone())
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let executor = executor.clone();
            tokio::spawn(async move { executor.run::<()>(call!(hold)).await })
        })
        .collect();
    while AtomicUsize::load(&HOLDING, Ordering::SeqCst) < 200 {
        // Others go on meanwhile: this would fail with `Busy` if the sessions held anything.
        manager.save(NewArtifact::json("meanwhile")).await.unwrap();
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    HOLDING.store(0, Ordering::SeqCst);
    assert!(manager.count().await.unwrap() >= 400);
}

#[task(register = false)]
fn blocking(session: &Session, id: &str) -> anyhow::Result<i64> {
    session.transaction_blocking(async |tx| add(tx, id).await)?;
    Ok(session.read_blocking(async |conn| {
        with_conn!(conn, |conn| notes::table.count().get_result(conn).await)
    })?)
}

async fn sync_tasks_have_the_same(test: TestDatabase) {
    let executor = testing::executor([task(blocking)])
        .provide(open(&test).await)
        .build()
        .unwrap();
    for (id, expected) in [("a", 1), ("b", 2)] {
        assert_eq!(
            executor.run::<i64>(call!(blocking, id = id)).await.unwrap(),
            expected
        );
    }
}

/// Churn: more callers than connections, some of which give up.
async fn a_thousand_calls_lose_nothing(test: TestDatabase) {
    let database = Database::from_url(test.url())
        .migrations(MIGRATIONS)
        // Hundreds of commits wait for one disk.
        .acquire_timeout(Duration::from_secs(60))
        .connect()
        .await
        .unwrap();
    thousand_calls(database).await;
}

async fn thousand_calls(database: Database) {
    let session = database.session();
    let written = Arc::new(AtomicUsize::new(0));
    let calls: Vec<_> = (0..1000)
        .map(|index| {
            let (session, written) = (session.clone(), Arc::clone(&written));
            tokio::spawn(async move {
                let id = format!("{index}");
                let write = session.transaction(async |tx| add(tx, &id).await);
                if index % 10 == 0 {
                    // In the middle, wherever that is.
                    let _ = tokio::time::timeout(Duration::from_micros(index * 3), write).await;
                    return;
                }
                write.await.unwrap();
                written.fetch_add(1, Ordering::SeqCst);
                count(&session).await;
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let kept = usize::try_from(count(&session).await).unwrap();
    let acknowledged = AtomicUsize::load(&written, Ordering::SeqCst);
    assert_eq!(acknowledged, 900);
    // Those that gave up may have been kept just before.
    assert!((900..=1000).contains(&kept), "{kept}");
}

async fn processes_may_start_at_once(test: TestDatabase) {
    let url = test.url();
    let opened = futures_util::future::join_all((0..8).map(|_| async move {
        Database::from_url(url)
            .migrations(MIGRATIONS)
            .connect()
            .await
    }))
    .await;
    for database in opened {
        let session = database.unwrap().session();
        assert_eq!(count(&session).await, 0);
    }
    // And again, with nothing left to do.
    let again = open(&test).await;
    assert_eq!(count(&again.session()).await, 0);
}

async fn migrations_can_be_left_to_others(test: TestDatabase) {
    let database = Database::from_url(test.url())
        .without_migrations()
        .connect()
        .await
        .unwrap();
    let missing = database
        .session()
        .read(async |conn| conn.batch("SELECT 1 FROM tasks_artifacts").await)
        .await;
    assert!(missing.is_err());
}

async fn a_closed_database_says_so(test: TestDatabase) {
    let database = open(&test).await;
    database
        .session()
        .transaction(async |tx| add(tx, "a").await)
        .await
        .unwrap();
    database.close().await;
    let error = database.ping().await.unwrap_err();
    assert_eq!(error.to_string(), "the database is closed");
    let again = open(&test).await;
    assert_eq!(count(&again.session()).await, 1);
}

on_both_databases!(
    a_transaction_is_all_or_nothing,
    a_read_cannot_write,
    a_read_sees_one_moment,
    a_nested_transaction_fails_at_once,
    a_closure_that_takes_too_long_is_undone,
    a_statement_that_takes_too_long_is_ended,
    abandoned_queries_leave_the_pool_healthy,
    sessions_hold_nothing,
    sync_tasks_have_the_same,
    a_thousand_calls_lose_nothing,
    processes_may_start_at_once,
    migrations_can_be_left_to_others,
    a_closed_database_says_so,
);

/// In memory, too, where a table that belonged to a connection would be lost with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_memory_survives_its_connections() {
    let database = Database::sqlite_in_memory()
        .migrations(MIGRATIONS)
        .connect()
        .await
        .unwrap();
    thousand_calls(database).await;
}

#[tokio::test]
async fn every_sqlite_connection_is_set_up() {
    #[derive(QueryableByName)]
    struct Pragmas {
        #[diesel(sql_type = diesel::sql_types::Text)]
        journal_mode: String,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        synchronous: i64,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        foreign_keys: i64,
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        timeout: i64,
    }
    const SQL: &str = "SELECT journal_mode, synchronous, foreign_keys, timeout FROM pragma_journal_mode, \
                       pragma_synchronous, pragma_foreign_keys, pragma_busy_timeout";
    let test = TestDatabase::sqlite();
    let session = open(&test).await.session();
    let check = |pragmas: Pragmas| {
        let found = (
            pragmas.journal_mode.as_str(),
            pragmas.synchronous,
            pragmas.foreign_keys,
            pragmas.timeout,
        );
        assert_eq!(found, ("wal", 2, 1, 5000));
    };
    // Ten readers at once, so that each is another connection.
    let barrier = tokio::sync::Barrier::new(10);
    let reads = (0..10).map(|_| {
        session.read(async |conn| {
            barrier.wait().await;
            with_conn!(conn, |conn| diesel::sql_query(SQL)
                .get_result::<Pragmas>(conn)
                .await)
        })
    });
    for read in futures_util::future::join_all(reads).await {
        check(read.unwrap());
    }
    let written = session
        .transaction(async |tx| {
            with_conn!(tx, |conn| diesel::sql_query(SQL)
                .get_result::<Pragmas>(conn)
                .await)
        })
        .await;
    check(written.unwrap());
}

#[tokio::test]
async fn closing_writes_the_log_into_the_file() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    database
        .session()
        .transaction(async |tx| add(tx, "a").await)
        .await
        .unwrap();
    let log = test.folder().join("test.db-wal");
    assert!(log.metadata().unwrap().len() > 0);
    database.close().await;
    assert!(log.metadata().map_or(0, |log| log.len()) == 0);
}

/// A backup reads the tables for an hour: who starts with new migrations waits for it, and nobody waits for who starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_waits_holds_nobody_up() {
    let test = TestDatabase::postgres();
    let database = open(&test).await;
    let (done, until_done) = tokio::sync::oneshot::channel::<()>();
    let (begun, until_begun) = tokio::sync::oneshot::channel::<()>();
    let backup = {
        let patient = Database::from_url(test.url()).transaction_timeout(Duration::from_secs(60));
        let session = patient.connect().await.unwrap().session();
        let undo = "DELETE FROM tasks_migrations WHERE name IN ('0020_steps', '0021_lease_of_workers'); \
                    ALTER TABLE tasks_workers DROP COLUMN lease; DROP TABLE tasks_job_events, tasks_job_steps";
        database.session().execute_script(undo).await.unwrap();
        tokio::spawn(async move {
            let read: Result<(), DatabaseError> = session
                .transaction(async |tx| {
                    tx.batch("LOCK TABLE tasks_workers, tasks_jobs IN ACCESS SHARE MODE")
                        .await?;
                    let _ = begun.send(());
                    let _ = until_done.await;
                    Ok(())
                })
                .await;
            read.unwrap();
        })
    };
    until_begun.await.unwrap();
    let url = test.url().to_owned();
    let starting = tokio::spawn(async move { Database::from_url(&url).connect().await.unwrap() });
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        let asked = Instant::now();
        let read: Result<(), DatabaseError> = database
            .session()
            .read(async |conn| conn.batch("SELECT COUNT(*) FROM tasks_workers").await)
            .await;
        read.unwrap();
        assert!(
            asked.elapsed() < Duration::from_secs(3),
            "{:?}",
            asked.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!starting.is_finished());
    let _ = done.send(());
    backup.await.unwrap();
    let started = tokio::time::timeout(Duration::from_secs(30), starting).await;
    let started = started.unwrap().unwrap();
    let read: Result<(), DatabaseError> = started
        .session()
        .read(async |conn| conn.batch("SELECT lease FROM tasks_workers").await)
        .await;
    read.unwrap();
}

#[tokio::test]
async fn the_password_is_never_shown() {
    let test = TestDatabase::postgres();
    let database = open(&test).await;
    assert_eq!(database.backend(), Backend::Postgres);
    let password = test.url().split(['@', ':']).nth(2).unwrap();
    assert!(!password.is_empty() && !database.url().contains(password));
    assert!(database.url().contains(":***@"), "{}", database.url());
    assert!(!format!("{database:?}").contains(password));

    let wrong = test.url().replace(password, "s3cret-and-wrong");
    let error = Database::from_url(&wrong).connect().await.unwrap_err();
    assert!(
        matches!(error, DatabaseError::Unavailable { .. }),
        "{error}"
    );
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("authentication"), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_with_advice() {
    for (builder, expected) in [
        (Database::from_url("mysql://x"), "`sqlite:`"),
        (
            Database::from_env("TASKS_TEST_UNSET"),
            "`TASKS_TEST_UNSET` is not set",
        ),
        (Database::postgres("sqlite://x.db"), "`Database::from_url`"),
        (
            Database::sqlite("/no/such/folder/x.db"),
            "cannot be reached",
        ),
        (
            Database::postgres("postgres://ada@127.0.0.1:1/app")
                .connect_timeout(Duration::from_secs(1)),
            "cannot be reached",
        ),
    ] {
        let error = builder.connect().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn connections_are_encrypted_and_checked() {
    use tasks_tests::postgres::Postgres;
    let names = |name: &str| vec![name.to_owned()];
    let localhost = rcgen::generate_simple_self_signed(names("localhost")).unwrap();
    let stranger = rcgen::generate_simple_self_signed(names("localhost")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, certificate: &rcgen::Certificate| {
        let path = folder.path().join(name);
        std::fs::write(&path, certificate.pem()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (known, unknown) = (
        file("known.pem", &localhost.cert),
        file("unknown.pem", &stranger.cert),
    );
    let mut server = Postgres::start().unwrap();
    let own = server.database().unwrap();
    let url =
        |host: &str, options: String| format!("{}?{options}", own.url().replace("127.0.0.1", host));
    let connect = async |url: String| {
        Database::postgres(&url)
            .without_migrations()
            .connect()
            .await
    };

    // A server that cannot: it is not spoken to in the clear.
    let error = connect(url(
        "localhost",
        format!("sslmode=require&sslrootcert={known}"),
    ))
    .await
    .unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
    connect(url("localhost", "sslmode=prefer".to_owned()))
        .await
        .unwrap();

    server
        .encrypt(
            &localhost.cert.pem(),
            &localhost.signing_key.serialize_pem(),
        )
        .unwrap();
    #[derive(QueryableByName)]
    struct Encrypted {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        ssl: bool,
    }
    let is_encrypted = async |database: Database| {
        let found: Result<Encrypted, diesel::result::Error> = database
            .session()
            .read(async |conn| {
                with_conn!(conn, |conn| {
                    diesel::sql_query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                        .get_result(conn)
                        .await
                })
            })
            .await;
        found.unwrap().ssl
    };
    // `pg_stat_ssl` is of PostgreSQL alone, and the query is compiled for SQLite, too: it is text.
    let encrypted = connect(url(
        "localhost",
        format!("sslmode=verify-full&sslrootcert={known}"),
    ))
    .await
    .unwrap();
    assert!(is_encrypted(encrypted).await);
    for (options, expected) in [
        ("sslmode=disable".to_owned(), false),
        ("connect_timeout=10".to_owned(), false),
        ("sslmode=prefer".to_owned(), true),
        (format!("sslrootcert={known}"), true),
    ] {
        let database = connect(url("localhost", options.clone())).await.unwrap();
        assert_eq!(is_encrypted(database).await, expected, "{options}");
    }

    for (host, options, expected) in [
        (
            "localhost",
            format!("sslmode=require&sslrootcert={unknown}"),
            "certificate",
        ),
        (
            "127.0.0.1",
            format!("sslmode=require&sslrootcert={known}"),
            "certificate",
        ),
        (
            "localhost",
            "sslmode=require&sslrootcert=/no/such/file".to_owned(),
            "/no/such/file",
        ),
        ("localhost", "sslmode=perhaps".to_owned(), "`sslmode`"),
        ("localhost", "sslmode=allow".to_owned(), "`sslmode`"),
        ("localhost", format!("sslrootcert={unknown}"), "certificate"),
    ] {
        let error = connect(url(host, options)).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
