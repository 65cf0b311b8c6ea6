//! Submitting: what is stored, what is refused, and what is one job.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobError, JobFilter, JobRecord, JobStatus, Jobs};
use tasks_web::prelude::*;

use crate::world::{
    LONG, World, eventually, flaky, greet, once_per_day, pair, secretive, sleep, stubborn_once,
    who_submits,
};

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

    // What a submission says besides is the same as well; what it leaves to the task is not compared.
    let said = |text: &str| submit("Ada").description(text);
    let error = said("a reminder").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`k-1` came before with other `description`"),
        "{error}"
    );
    let later = std::time::SystemTime::now() + Duration::from_secs(3600);
    let whole = |key: &str| {
        let submit = world.scheduler.submit(call!(greet, name = "Ada"));
        submit.idempotency_key(key)
    };
    let full = || whole("k-2").priority(3).description("x").at(later);
    let first = full().store().await.unwrap();
    assert!(!first.replayed);
    for same in [
        full(),
        whole("k-2"),
        whole("k-2").delay(Duration::from_secs(5)),
    ] {
        let again = same.store().await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.job.id, first.job.id);
    }
    for (other, name) in [
        (full().priority(4), "priority"),
        (full().max_attempts(9), "max_attempts"),
        (full().timeout(Duration::from_secs(9)), "timeout"),
        (full().submitted_by("somebody"), "caller"),
        (full().at(later + Duration::from_secs(1)), "scheduled_at"),
    ] {
        let error = other.await.unwrap_err();
        assert!(
            matches!(error, JobError::KeyReused { other, .. } if other == name),
            "{error}"
        );
    }

    // Without a time at first, and with one the second time.
    whole("k-4").await.unwrap();
    let error = whole("k-4").at(later).await.unwrap_err();
    assert!(
        matches!(error, JobError::KeyReused { other, .. } if other == "scheduled_at"),
        "{error}"
    );

    // What is said of one that has its own unique key is compared as well, if it is the one that has the idempotency key.
    let own = |attempts: u32| {
        let submit = world.scheduler.submit(call!(once_per_day, day = 9));
        submit.idempotency_key("k-5").max_attempts(attempts)
    };
    let first = own(2).await.unwrap();
    assert_eq!(own(2).await.unwrap().id, first.id);
    let error = own(3).await.unwrap_err();
    assert!(
        matches!(error, JobError::KeyReused { other, .. } if other == "max_attempts"),
        "{error}"
    );

    let unique = |day: u32| world.scheduler.submit(call!(once_per_day, day = day));
    let one = unique(1).await.unwrap();
    let twin = unique(1).description("y").idempotency_key("k-3");
    let twin = twin.store().await.unwrap();
    assert!(twin.replayed);
    assert_eq!(twin.job.id, one.id);
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

/// Nobody would do its work, and a submission of the same work may not be answered with it.
async fn a_job_that_is_being_canceled_stands_for_no_other(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let submit = |number: u32| scheduler.submit(call!(stubborn_once, number = number));
    let keyed = |number: u32, key: &str| submit(number).idempotency_key(key);
    let canceled = keyed(1, "k-1").await.unwrap();
    let deleted = keyed(2, "k-2").await.unwrap();
    eventually("both run", async || world.counter.get() == 2).await;
    scheduler.cancel(canceled.id).await.unwrap();
    assert!(scheduler.delete(deleted.id).await.unwrap());
    for (submission, stopping) in [
        (submit(1), canceled.id),
        (keyed(1, "k-1").again_after_failure(), canceled.id),
        (keyed(1, "k-3"), canceled.id),
        (submit(2), deleted.id),
        (keyed(2, "k-2"), deleted.id),
    ] {
        let error = submission.await.unwrap_err();
        assert!(
            matches!(error, JobError::Stopping(id) if id == stopping),
            "{error}"
        );
    }
    // The key names the job whatever becomes of it.
    assert_eq!(keyed(1, "k-1").await.unwrap().id, canceled.id);

    // The time of a schedule that comes meanwhile is not passed over.
    scheduler
        .schedule("again", call!(stubborn_once, number = 1))
        .once(std::time::SystemTime::now())
        .await
        .unwrap();
    // Neither is that of another one.
    scheduler
        .schedule("other", call!(greet, name = "x"))
        .once(std::time::SystemTime::now())
        .await
        .unwrap();
    eventually("the time of the other came", async || {
        let other = scheduler.get_schedule("other").await.unwrap();
        other.last_job_id.is_some()
    })
    .await;
    let again = scheduler.get_schedule("again").await.unwrap();
    assert_eq!((again.last_run_at, again.last_job_id), (None, None));
    let error = scheduler.run_schedule("again").await.unwrap_err();
    assert!(matches!(error, JobError::Stopping(_)), "{error}");

    world.most.store(1, Ordering::SeqCst);
    assert_eq!(world.done(&canceled).await.status, JobStatus::Canceled);
    eventually("the schedule has its job", async || {
        let again = scheduler.get_schedule("again").await.unwrap();
        again.last_job_id.is_some_and(|id| id != canceled.id)
    })
    .await;
    let job = keyed(2, "k-2").await.unwrap();
    assert_ne!(job.id, deleted.id);
    assert_eq!(world.done(&job).await.status, JobStatus::Completed);
}

/// It names one job from then on, and a deleted one is none.
async fn a_deleted_job_that_runs_gives_its_key_up(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let submit = || {
        let submit = world.scheduler.submit(call!(sleep, milliseconds = 20_000));
        submit.idempotency_key("k")
    };
    let first = submit().await.unwrap();
    world.running(&first).await;
    world.scheduler.delete(first.id).await.unwrap();
    let second = submit().await.unwrap();
    assert_ne!(second.id, first.id);
    assert!(world.scheduler.get(second.id).await.unwrap().is_some());
    world.scheduler.cancel(second.id).await.unwrap();
    world.done(&second).await;
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
        let pairs = scheduler.get_schedule("pairs").await.unwrap();
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

/// What the task sees as equal is equal: a parameter that is left out has the value that the task gets then.
async fn what_is_left_out_is_compared_as_well(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let submit = |params: serde_json::Value| world.scheduler.submit_named("portion", params);
    let first = submit(json!({})).await.unwrap();
    for same in [
        json!(null),
        json!({"weight": 2}),
        json!({"weight": 2.0, "note": null}),
        json!({"parts": [1, 2], "note": null, "weight": 2.0}),
    ] {
        let again = submit(same.clone()).await.unwrap();
        assert_eq!(again.id, first.id, "{same}");
    }
    for other in [
        json!({"weight": 2.5}),
        json!({"note": ""}),
        json!({"parts": []}),
    ] {
        let another = submit(other.clone()).await.unwrap();
        assert_ne!(another.id, first.id, "{other}");
    }
    let submit = |body: &str| {
        let job = world.scheduler.submit_json("portion", body.as_bytes());
        job.idempotency_key("k")
    };
    let first = submit(r#"{"params": {"weight": 3.0}}"#).await.unwrap();
    let again = submit(r#"{"params": {"weight": 3, "parts": [1, 2]}}"#)
        .await
        .unwrap();
    assert_eq!(again.id, first.id);
    world.scheduler.shutdown().await;
}

async fn a_key_whose_job_has_failed_may_have_another(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let submit = || {
        let job = scheduler.submit(call!(flaky, works_at = 2)).max_attempts(1);
        job.idempotency_key("order-7")
    };
    let first = submit().again_after_failure().await.unwrap();
    // It waits or runs, so it is the one.
    assert_eq!(submit().again_after_failure().await.unwrap().id, first.id);
    assert_eq!(world.done(&first).await.status, JobStatus::Failed);
    // As it ended is what the key gives back.
    let same = submit().await.unwrap();
    assert_eq!((same.id, same.status), (first.id, JobStatus::Failed));
    let second = submit().again_after_failure().await.unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(world.done(&second).await.status, JobStatus::Completed);
    for submit in [submit(), submit().again_after_failure()] {
        assert_eq!(submit.await.unwrap().id, second.id);
    }
    let kept = scheduler.get(first.id).await.unwrap().unwrap();
    assert_eq!(kept.status, JobStatus::Failed);
    let other = scheduler
        .submit(call!(flaky, works_at = 3))
        .idempotency_key("order-7")
        .again_after_failure();
    let error = other.await.unwrap_err();
    assert!(matches!(error, JobError::KeyReused { .. }), "{error}");
    // Without a key there is no job that it could be about.
    let error = scheduler
        .submit(call!(flaky, works_at = 2))
        .again_after_failure()
        .await
        .unwrap_err();
    let JobError::Invalid(errors) = &error else {
        panic!("{error}");
    };
    assert_eq!(errors.len(), 1, "{error}");
    assert_eq!(errors[0].pointer, "/again_after_failure");
    assert!(errors[0].detail.contains("idempotency key"), "{error}");
    scheduler.shutdown().await;
}

async fn a_job_knows_who_submitted_it(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    for name in [Some("billing"), None] {
        let mut submit = scheduler.submit(call!(who_submits));
        if let Some(name) = name {
            submit = submit.submitted_by(name);
        }
        let job = submit.await.unwrap();
        assert_eq!(job.submitted_by.as_deref(), name);
        world.done(&job).await;
        let said: Option<String> = scheduler.result(job.id).await.unwrap();
        assert_eq!(said.as_deref(), name);
    }
    let long = scheduler
        .submit(call!(who_submits))
        .submitted_by("x".repeat(300));
    let error = long.await.unwrap_err().to_string();
    assert!(error.starts_with("/submitted_by: has 300 bytes"), "{error}");
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
    a_job_that_is_being_canceled_stands_for_no_other,
    a_deleted_job_that_runs_gives_its_key_up,
    what_is_wrong_is_not_stored,
    later_is_later,
    a_key_names_one_job,
    the_same_parameters_are_the_same_however_they_are_written,
    what_is_left_out_is_compared_as_well,
    a_key_whose_job_has_failed_may_have_another,
    a_job_knows_who_submitted_it,
    secrets_are_not_shown,
    a_job_exists_if_and_when_its_transaction_commits,
);
