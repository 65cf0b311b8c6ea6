//! Submitting: what is stored, what is refused, and what is one job.

use std::time::{Duration, Instant};

use serde_json::json;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobError, JobFilter, JobRecord, JobStatus, Jobs};
use tasks_web::prelude::*;

use crate::world::{LONG, World, eventually, greet, once_per_day, pair, secretive};

async fn what_is_wrong_is_not_stored(test: Ground) {
    let world = World::new(test, Jobs::new().queue("slow", 1)).await;
    let scheduler = &world.scheduler;
    let long = "x".repeat(5000);
    let far = Duration::from_secs(u64::MAX);
    let greet = || scheduler.submit(call!(greet, name = "x"));
    for (job, expected) in [
        (
            scheduler.submit_named("greet", json!({"nam": "x"})),
            "/params/nam",
        ),
        (
            scheduler.submit_named("gret", json!({})),
            "no task is named `gret`",
        ),
        (
            greet().description(long.clone()),
            "/description: has 5000 characters",
        ),
        (greet().delay(far), "/delay: is more than ten years"),
        (greet().idempotency_key(""), "/idempotency_key: has 0 bytes"),
        (greet().max_attempts(0), "/max_attempts: is 0"),
        (greet().queue("nobody"), "there are default, slow"),
        (
            greet().timeout(Duration::ZERO),
            "/timeout: is less than 1ms",
        ),
    ] {
        let error = job.await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(
        scheduler.stats().await.unwrap(),
        tasks_web::jobs::JobStats::default()
    );
}

async fn later_is_later(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let began = Instant::now();
    let job = world
        .scheduler
        .submit(call!(greet, name = "x"))
        .delay(Duration::from_millis(400))
        .await
        .unwrap();
    assert!(job.scheduled_at.is_some());
    world.done(&job).await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(400), "{waited:?}");
    let past = std::time::SystemTime::UNIX_EPOCH;
    let job = world
        .scheduler
        .submit(call!(greet, name = "x"))
        .at(past)
        .await
        .unwrap();
    assert_eq!(job.scheduled_at, None);
    assert_eq!(world.done(&job).await.status, JobStatus::Completed);
}

async fn a_key_names_one_job(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let submit = |name: &str| {
        world
            .scheduler
            .submit(call!(greet, name = name))
            .idempotency_key("k-1")
    };
    let first = submit("Ada").await.unwrap();
    assert_eq!(submit("Ada").await.unwrap().id, first.id);
    world.done(&first).await;
    assert_eq!(submit("Ada").await.unwrap().status, JobStatus::Completed);
    let error = submit("Grace").await.unwrap_err();
    assert!(
        matches!(error, JobError::KeyReused { id, .. } if id == first.id),
        "{error}"
    );

    let unique = |day: u32| world.scheduler.submit(call!(once_per_day, day = day));
    let one = unique(1).await.unwrap();
    assert_eq!(unique(1).await.unwrap().id, one.id);
    assert_ne!(unique(2).await.unwrap().id, one.id);
    world.done(&one).await;
    // It is done, so it may be submitted again.
    assert_ne!(unique(1).await.unwrap().id, one.id);
}

/// However the second one comes to be.
async fn a_retry_is_unique_as_well(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let unique = || scheduler.submit(call!(once_per_day, day = 5));
    let first = unique().delay(LONG).await.unwrap();
    scheduler.cancel(first.id).await.unwrap();
    let second = unique().await.unwrap();
    assert_ne!(second.id, first.id);
    let error = scheduler.retry(first.id).await.unwrap_err();
    assert!(
        matches!(error, JobError::Duplicate { id, other } if id == first.id && other == second.id),
        "{error}"
    );
    world.done(&second).await;
    scheduler.retry(first.id).await.unwrap();
    assert_eq!(unique().await.unwrap().id, first.id);
    assert_eq!(world.done(&first).await.status, JobStatus::Completed);
}

async fn the_same_parameters_are_the_same_however_they_are_written(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let first = scheduler.submit(call!(pair, a = 1, b = 2)).await.unwrap();
    let body = br#"{"params": { "b" : 2, "a": 1 }}"#;
    let again = scheduler.submit_json("pair", body).await.unwrap();
    assert_eq!(first.id, again.id);
    let all = [
        scheduler.submit_json("pair", body),
        scheduler.submit(call!(pair, a = 3, b = 2)),
    ];
    let ids = scheduler.submit_all(all).await.unwrap();
    assert_eq!(ids[0], first.id);
    assert!(scheduler.get(ids[1]).await.unwrap().is_some());
    // A schedule of it does not run beside itself.
    scheduler
        .schedule("pairs", call!(pair, a = 3, b = 2))
        .once(std::time::SystemTime::now())
        .await
        .unwrap();
    eventually("its time came", async || {
        let pairs = scheduler.schedule_of("pairs").await.unwrap();
        pairs.last_run_at.is_some()
    })
    .await;
    let jobs = scheduler
        .list(&JobFilter::new().task("pair"), None, 10)
        .await
        .unwrap();
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    for key in ["k", "k"] {
        let job = scheduler.submit_json("greet", br#"{"params":{"name":"x"}}"#);
        job.idempotency_key(key).await.unwrap();
        let job = scheduler.submit_json("greet", br#"{"params": {"name": "x"}}"#);
        job.idempotency_key(key).await.unwrap();
    }
    scheduler.shutdown().await;
}

async fn secrets_are_not_shown(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(secretive, password = "hunter2", user = "ada"))
        .await
        .unwrap();
    assert_eq!(job.params.as_str(), r#"{"password":"***","user":"ada"}"#);
    assert_eq!(
        world.done(&job).await.params.as_str(),
        r#"{"password":"***","user":"ada"}"#
    );
    assert_eq!(
        world.scheduler.result::<String>(job.id).await.unwrap(),
        "ada"
    );
}

async fn a_job_exists_if_and_when_its_transaction_commits(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let session = world.database.session();
    let undone: anyhow::Result<()> = session
        .transaction(async |tx| {
            world
                .scheduler
                .submit(call!(greet, name = "x"))
                .within(tx)
                .await?;
            anyhow::bail!("not after all")
        })
        .await;
    assert!(undone.is_err());
    assert!(
        world
            .scheduler
            .list(&JobFilter::new(), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let job: anyhow::Result<JobRecord> = session
        .transaction(async |tx| {
            Ok(world
                .scheduler
                .submit(call!(greet, name = "x"))
                .within(tx)
                .await?)
        })
        .await;
    assert_eq!(world.done(&job.unwrap()).await.status, JobStatus::Completed);
}

with_every_engine!(
    a_retry_is_unique_as_well,
    what_is_wrong_is_not_stored,
    later_is_later,
    a_key_names_one_job,
    the_same_parameters_are_the_same_however_they_are_written,
    secrets_are_not_shown,
    a_job_exists_if_and_when_its_transaction_commits,
);
