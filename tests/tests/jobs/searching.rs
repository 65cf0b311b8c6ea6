//! Jobs are found by texts and times.

use std::time::Duration;

use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobError, JobFilter, Jobs};
use tasks_web::prelude::*;

use crate::world::{World, greet, hopeless, secretive, talks};

async fn jobs_are_found_by_a_text_and_secrets_are_not(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let ada = scheduler
        .submit(call!(greet, name = "Ada 100%_\"\\ü"))
        .await;
    let ada = ada.unwrap();
    let secret = call!(secretive, password = "hunter2", user = "grace");
    let secret = scheduler.submit(secret).await.unwrap();
    let failed = scheduler.submit(call!(hopeless)).await.unwrap();
    let noise = scheduler.submit(call!(talks, steps = 1)).await.unwrap();
    for job in [&ada, &secret, &failed, &noise] {
        world.done(job).await;
    }
    for (text, expected) in [
        ("ada", Some(ada.id)),
        ("Ada", Some(ada.id)),
        ("100%_\"\\ü", Some(ada.id)),
        ("cannot", Some(failed.id)),
        ("CANNOT charge", Some(failed.id)),
        // Nobody finds out a secret, nor what stands beside it.
        ("hunter2", None),
        ("hun", None),
        ("grace", None),
        // No pattern.
        ("a%a", None),
        ("___", None),
        ("zero\0", None),
    ] {
        let filter = JobFilter::new().search(text);
        let found = scheduler.list(&filter, None, 10).await.unwrap();
        let ids: Vec<_> = found.iter().map(|job| job.id).collect();
        assert_eq!(ids, Vec::from_iter(expected), "{text}");
        let page = scheduler.page(&filter, 1, 10).await.unwrap();
        assert_eq!(page.total, expected.iter().count() as u64, "{text}");
    }
    for text in ["", "ab", &"x".repeat(201)] {
        let refused = scheduler
            .list(&JobFilter::new().search(text), None, 1)
            .await;
        assert!(matches!(refused, Err(JobError::Invalid(_))), "{refused:?}");
    }
    scheduler.shutdown().await;
}

async fn jobs_are_found_by_when_they_were_submitted(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(scheduler.submit(call!(greet, name = "x")).await.unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let found = async |filter: JobFilter| {
        let found = scheduler.list(&filter, None, 10).await.unwrap();
        found.iter().map(|job| job.id).collect::<Vec<_>>()
    };
    let at = jobs[1].submitted_at;
    let filter = JobFilter::new;
    let (first, second, third) = (jobs[0].id, jobs[1].id, jobs[2].id);
    assert_eq!(found(filter().submitted_after(at)).await, [third, second]);
    assert_eq!(found(filter().submitted_before(at)).await, [first]);
    let both = filter()
        .submitted_after(at)
        .submitted_before(jobs[2].submitted_at);
    assert_eq!(found(both).await, [second]);
    let day = chrono::TimeDelta::days(1);
    assert_eq!(found(filter().submitted_after(at + day)).await, []);
    assert_eq!(found(filter().submitted_before(at - day)).await, []);
    let ever = filter().submitted_after(chrono::DateTime::UNIX_EPOCH - day);
    assert_eq!(found(ever).await.len(), 3);
    scheduler.shutdown().await;
}

with_every_engine!(
    jobs_are_found_by_a_text_and_secrets_are_not,
    jobs_are_found_by_when_they_were_submitted,
);
