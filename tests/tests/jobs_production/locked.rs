//! Rows of jobs that other transactions have locked: nobody waits for them, and all other jobs go on.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tasks_tests::databases::TestDatabase;
use tasks_tests::http;
use tasks_web::{Database, with_conn};

use crate::fleet::{Process, look};

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
    // The attempt whose process died, and the one that came after it, which has the same number.
    for id in [&first, &other] {
        let url = process.0.url(&format!("/api/v1/jobs/{id}/$attempts"));
        let (_, attempts) = http::get(&url).await.unwrap();
        let part = |index: usize| {
            let attempt = &attempts[index];
            (
                attempt["number"].clone(),
                attempt["status"].clone(),
                attempt["error_code"].clone(),
            )
        };
        assert_eq!(attempts.as_array().unwrap().len(), 2, "{attempts}");
        assert_eq!(part(0), (json!(1), json!("failed"), json!("crash")));
        assert_eq!(part(1), (json!(1), json!("completed"), Value::Null));
        let error = attempts[0]["error"].as_str().unwrap();
        assert!(error.contains("counts as a crash"), "{attempts}");
    }
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
    // The first round that needs the row waits a second for it.
    process
        .until(&other, "completed", Duration::from_secs(4))
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
    for wrong in ["outside of the closure", "cannot reach their database"] {
        assert!(!output.contains(wrong), "{wrong}: {output}");
    }
}

/// How many wait for an advisory lock.
const WAITING: &str =
    "SELECT COUNT(*) AS count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";

/// How many rows of running jobs are not locked.
async fn unlocked(test: &TestDatabase) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Id {
        #[diesel(sql_type = diesel::sql_types::Text)]
        _id: String,
    }
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let sql = "SELECT id AS _id FROM tasks_jobs WHERE state = 2 FOR UPDATE SKIP LOCKED";
    let rows: Result<Vec<Id>, tasks_web::DatabaseError> = database
        .session()
        .transaction(async |tx| {
            Ok(with_conn!(tx, |conn| {
                diesel_async::RunQueryDsl::load(diesel::sql_query(sql), conn).await
            })?)
        })
        .await;
    database.close().await;
    i64::try_from(rows.unwrap().len()).unwrap()
}

/// A row that is unlocked in the middle of a rescue is taken with the next one, which has its line in the log of the job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_unlocked_in_the_middle_of_a_rescue_has_its_line() {
    let test = TestDatabase::postgres();
    let dead = Process::start(&test, &[]);
    let first = dead.submit("sleep", json!({"seconds": 8.0})).await;
    let other = dead.submit("sleep", json!({"seconds": 8.0})).await;
    for id in [&first, &other] {
        dead.until(id, "running", Duration::from_secs(20)).await;
    }
    let database = Database::from_url(test.url())
        .transaction_timeout(None)
        .connect()
        .await
        .unwrap();
    // The first line that a rescue writes waits until this transaction ends.
    let script = "CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS \
                  $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END $$; \
                  CREATE TRIGGER wait_for_test BEFORE INSERT ON tasks_job_logs \
                  FOR EACH ROW EXECUTE FUNCTION wait_for_test()";
    let session = database.session();
    session.execute_script(script).await.unwrap();
    let (held, is_held) = tokio::sync::oneshot::channel();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let waits = tokio::spawn(async move {
        let done: Result<(), tasks_web::DatabaseError> = session
            .transaction(async |tx| {
                tx.batch("SELECT pg_advisory_xact_lock(42)").await?;
                held.send(()).unwrap();
                let _ = released.await;
                Ok(())
            })
            .await;
        done.unwrap();
    });
    is_held.await.unwrap();
    let holder = lock(&test, &first).await;
    dead.0.signal(Signal::KILL).unwrap();
    let process = Process::start(&test, &[]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while look(&test, WAITING).await == 0 {
        assert!(Instant::now() < deadline, "{}", process.0.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    holder.abort();
    let _ = holder.await;
    while unlocked(&test).await == 0 {
        assert!(Instant::now() < deadline, "{}", process.0.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    release.send(()).unwrap();
    waits.await.unwrap();
    for id in [&first, &other] {
        let job = process
            .until(id, "completed", Duration::from_secs(60))
            .await;
        assert_eq!(job["crashes"], 1, "{job}");
        let url = process.0.url(&format!("/api/v1/jobs/{id}/$logs"));
        let (_, lines) = http::get(&url).await.unwrap();
        assert!(
            lines.to_string().contains("counts as a crash"),
            "{id}: {lines}"
        );
    }
}
