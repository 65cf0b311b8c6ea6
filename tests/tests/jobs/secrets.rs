//! Secret parameters where jobs are stored.

use std::time::Duration;

use diesel_async::RunQueryDsl as _;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{EncryptionKeys, JobStatus, Jobs, Scheduler};
use tasks_web::prelude::*;
use tasks_web::{testing, with_conn};

use crate::world::{LONG, World, eventually, secretive};

const OLD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW: &str = "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn keys(text: &str) -> EncryptionKeys {
    text.parse().unwrap()
}

#[derive(diesel::QueryableByName)]
struct Stored {
    #[diesel(sql_type = diesel::sql_types::Text)]
    params: String,
}

/// The parameters as they are in a table.
async fn stored(world: &World, table: &str) -> String {
    let sql = format!("SELECT params FROM {table}");
    let rows: anyhow::Result<Vec<Stored>> = world
        .database
        .session()
        .read(async |conn| {
            Ok(with_conn!(conn, |conn| {
                diesel::sql_query(sql).load(conn).await
            })?)
        })
        .await;
    let all: Vec<String> = rows.unwrap().into_iter().map(|row| row.params).collect();
    all.join("\n")
}

/// Another process, with other keys.
fn other(world: &World, jobs: Jobs) -> Scheduler {
    let scheduler = Scheduler::new(&world.database, jobs);
    let executor = testing::executor([task(secretive)]).build().unwrap();
    scheduler.start(&executor).unwrap();
    scheduler
}

async fn secrets_are_encrypted_where_they_are_stored(test: Ground) {
    let world = World::new(test, Jobs::new().encryption_keys(keys(OLD))).await;
    let scheduler = &world.scheduler;
    let call = || call!(secretive, password = "hunter2", user = "ada");
    let job = scheduler
        .submit(call())
        .idempotency_key("one")
        .await
        .unwrap();
    assert_eq!(job.params.as_str(), r#"{"password":"***","user":"ada"}"#);
    let params = stored(&world, "tasks_jobs").await;
    assert!(
        params.contains("$encrypted") && params.contains("ada") && !params.contains("hunter2"),
        "{params}"
    );
    let done = world.done(&job).await;
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    // The same parameters, though the texts that are stored differ.
    let again = scheduler
        .submit(call())
        .idempotency_key("one")
        .await
        .unwrap();
    assert_eq!(again.id, job.id);

    let schedule = scheduler
        .schedule("login", call())
        .every(Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(
        schedule.params.as_str(),
        r#"{"password":"***","user":"ada"}"#
    );
    let params = stored(&world, "tasks_schedules").await;
    assert!(!params.contains("hunter2"), "{params}");
    let run = scheduler.run_schedule("login").await.unwrap();
    assert_eq!(world.done(&run).await.status, JobStatus::Completed);
    scheduler.pause_schedule("login").await.unwrap();
    scheduler.shutdown().await;
}

async fn a_key_is_changed_while_jobs_wait(test: Ground) {
    let world = World::new(
        test,
        Jobs::new().run_workers(false).encryption_keys(keys(OLD)),
    )
    .await;
    let call = || call!(secretive, password = "hunter2", user = "ada");
    let submitted = world.scheduler.submit(call()).await.unwrap();
    let rotated = Jobs::new().encryption_keys(keys(&format!("{NEW},{OLD}")));
    let second = other(&world, rotated);
    let done = second.wait(submitted.id, LONG).await.unwrap();
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    second.shutdown().await;

    // The old one is gone too early.
    let submitted = world.scheduler.submit(call()).await.unwrap();
    let idempotent = || world.scheduler.submit(call()).idempotency_key("one");
    idempotent().await.unwrap();
    for jobs in [Jobs::new().encryption_keys(keys(NEW)), Jobs::new()] {
        let third = other(&world, jobs);
        // It is left to those who have the key, whatever that takes.
        eventually("it says so", async || {
            let warnings = third.warnings().join("; ");
            warnings.contains("cannot be decrypted") && warnings.contains("`Jobs::encryption_keys`")
        })
        .await;
        let waits = third.get(submitted.id).await.unwrap().unwrap();
        assert_ne!(waits.status, JobStatus::Failed);
        let error = third.submit(call()).idempotency_key("one").await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("cannot be compared"), "{error}");
        third.shutdown().await;
    }
    let waits = world.scheduler.get(submitted.id).await.unwrap().unwrap();
    assert_eq!((waits.status, waits.attempt), (JobStatus::Pending, 0));
    // With the key it works after all.
    let fourth = other(&world, Jobs::new().encryption_keys(keys(OLD)));
    let done = fourth.wait(submitted.id, LONG).await.unwrap();
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    fourth.shutdown().await;
}

#[task(register = false, unique = "params")]
async fn charge(#[task(secret)] card: String) -> usize {
    card.len()
}

/// With the keys of before, and with none.
async fn a_changed_key_makes_no_second_job(test: Ground) {
    let world = World::new(test, Jobs::new().run_workers(false)).await;
    let process = |jobs: Jobs| {
        let scheduler = Scheduler::new(&world.database, jobs.run_workers(false));
        let executor = testing::executor([task(charge)]).build().unwrap();
        scheduler.attach(&executor);
        scheduler
    };
    let rotated = format!("{NEW},{OLD}");
    let none = process(Jobs::new());
    let old = process(Jobs::new().encryption_keys(keys(OLD)));
    let new = process(Jobs::new().encryption_keys(keys(&rotated)));
    let submit = |scheduler: &Scheduler, card: &str| scheduler.submit(call!(charge, card = card));
    let first = submit(&none, "4711").await.unwrap();
    let second = submit(&old, "4712").await.unwrap();
    for (scheduler, card, job) in [
        (&old, "4711", &first),
        (&new, "4711", &first),
        (&new, "4712", &second),
    ] {
        assert_eq!(submit(scheduler, card).await.unwrap().id, job.id, "{card}");
        let all = [submit(scheduler, card)];
        assert_eq!(scheduler.submit_all(all).await.unwrap(), [job.id]);
    }
    let third = submit(&new, "4713").await.unwrap();
    assert!(third.id != first.id && third.id != second.id);

    // The idempotency key goes first: it came before with other parameters.
    let keyed = |card: &str| submit(&new, card).idempotency_key("k");
    let fourth = keyed("4715").await.unwrap();
    let error = keyed("4712").await.unwrap_err();
    assert!(
        matches!(error, JobError::KeyReused { id, .. } if id == fourth.id),
        "{error}"
    );

    // At once, while one process has the new key in front and another one has not.
    let before = process(Jobs::new().encryption_keys(keys(&format!("{OLD},{NEW}"))));
    for round in 0..10 {
        let card = format!("card {round}");
        let all = (0..8).map(|index| {
            let scheduler = if index % 2 == 0 { &before } else { &new };
            submit(scheduler, &card).into_future()
        });
        let jobs = futures_util::future::try_join_all(all).await.unwrap();
        let ids: std::collections::HashSet<_> = jobs.iter().map(|job| job.id).collect();
        assert_eq!(ids.len(), 1);
    }
    // Nor by a retry of the one that was submitted before.
    let old = submit(&before, "4714").await.unwrap();
    before.cancel(old.id).await.unwrap();
    let open = submit(&new, "4714").await.unwrap();
    assert_ne!(open.id, old.id);
    for scheduler in [&before, &new] {
        let error = scheduler.retry(old.id).await.unwrap_err();
        assert!(
            matches!(error, JobError::Duplicate { other, .. } if other == open.id),
            "{error}"
        );
    }
}

async fn what_is_shown_for_a_secret_is_not_taken_for_one(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let job = scheduler
        .submit(call!(secretive, password = "hunter2", user = "ada"))
        .await
        .unwrap();
    let params: serde_json::Value = job.params.read().unwrap();
    let error = scheduler
        .submit_named("secretive", &params)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/params/password: this is what is shown in place of the secret"),
        "{error}"
    );
    let schedule = scheduler.schedule_named("login", "secretive", &params);
    let error = schedule
        .every(Duration::from_secs(60))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("/params/password"), "{error}");
    // Of other parameters it is a text like any other.
    let stars = scheduler.submit(call!(secretive, password = "x", user = "***"));
    assert_eq!(
        world.done(&stars.await.unwrap()).await.status,
        JobStatus::Completed
    );
    scheduler.shutdown().await;
}

with_every_engine!(
    secrets_are_encrypted_where_they_are_stored,
    a_key_is_changed_while_jobs_wait,
    a_changed_key_makes_no_second_job,
    what_is_shown_for_a_secret_is_not_taken_for_one,
);

#[test]
fn a_variable_with_nothing_in_it_is_called_empty() {
    for (key, wanted) in [
        (" ", "`JOBS_ENCRYPTION_KEY` is set, and empty"),
        ("abc", "key 1 of the encryption keys is not 64"),
    ] {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_job-program"));
        let environment = [
            ("DATABASE_URL", "sqlite::memory:"),
            ("JOBS_ENCRYPTION_KEY", key),
        ];
        let error = tasks_tests::process::Server::start_program(program, environment).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}
