//! Lists of jobs, and how long they are kept.

use std::time::Duration;

use tasks_tests::databases::count;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobError, JobFilter, JobStatus, Jobs};
use tasks_web::prelude::*;

use crate::world::{LONG, World, eventually, greet, panics, sleep, talks};

async fn lists_and_deletions(test: Ground) {
    let world = World::new(test, Jobs::new().max_concurrency(1)).await;
    let scheduler = &world.scheduler;
    let mut ids = Vec::new();
    for n in 0..5 {
        let job = scheduler
            .submit(call!(greet, name = n.to_string()))
            .await
            .unwrap();
        world.done(&job).await;
        ids.push(job.id);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let waiting = scheduler
        .submit(call!(sleep, milliseconds = 1))
        .delay(LONG)
        .await
        .unwrap();
    let list = scheduler.list(&JobFilter::new(), None, 3).await.unwrap();
    assert_eq!(
        list.iter().map(|job| job.id).collect::<Vec<_>>(),
        [waiting.id, ids[4], ids[3]]
    );
    let rest = scheduler
        .list(&JobFilter::new(), Some(ids[3]), 10)
        .await
        .unwrap();
    assert_eq!(rest.len(), 3);
    let pending = scheduler
        .list(&JobFilter::new().status(JobStatus::Pending), None, 10)
        .await
        .unwrap();
    assert_eq!(pending.len(), 1);
    let page = scheduler
        .page(&JobFilter::new().task("greet"), 2, 2)
        .await
        .unwrap();
    assert_eq!((page.total, page.pages, page.items.len()), (5, 3, 2));
    // By queue, and by the code of an error.
    let count_of = async |filter: JobFilter| scheduler.page(&filter, 1, 1).await.unwrap().total;
    assert_eq!(count_of(JobFilter::new().queue("default")).await, 6);
    assert_eq!(count_of(JobFilter::new().queue("none\0")).await, 0);
    let failed = scheduler.submit(call!(panics)).await.unwrap();
    let code = world.done(&failed).await.error_code.unwrap();
    let filter = JobFilter::new().error_code(&code);
    assert_eq!(count_of(filter.clone()).await, 1);
    assert_eq!(count_of(filter.task("greet")).await, 0);
    assert!(scheduler.delete(failed.id).await.unwrap());
    assert!(scheduler.delete(waiting.id).await.unwrap());
    assert!(!scheduler.delete(waiting.id).await.unwrap());
    let stats = scheduler.stats().await.unwrap();
    assert_eq!((stats.pending, stats.completed), (0, 5));
    // One that runs is stopped first.
    let running = scheduler
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    world.running(&running).await;
    assert!(scheduler.delete(running.id).await.unwrap());
    // From then on nobody finds it, although its code may still run.
    assert!(scheduler.get(running.id).await.unwrap().is_none());
    assert!(!scheduler.delete(running.id).await.unwrap());
    assert!(scheduler.cancel(running.id).await.is_err());
    let filter = JobFilter::new().task("sleep");
    let listed = scheduler.list(&filter, None, 10).await.unwrap();
    assert!(listed.is_empty());
    let rows = format!(
        "SELECT COUNT(*) AS count FROM tasks_jobs WHERE id = '{}'",
        running.id
    );
    eventually("its row is gone", async || {
        count(&world.database, &rows).await.unwrap() == 0
    })
    .await;
}

async fn jobs_are_forgotten_some_time_after_their_end(test: Ground) {
    let world = World::new(test, Jobs::new().retention(Duration::from_secs(4))).await;
    let scheduler = &world.scheduler;
    let waits = scheduler
        .submit(call!(greet, name = "later"))
        .delay(LONG)
        .await
        .unwrap();
    let mut ended = Vec::new();
    for _ in 0..3 {
        ended.push(scheduler.submit(call!(talks, steps = 2)).await.unwrap());
    }
    for job in &ended {
        world.done(job).await;
    }
    let kept = async || -> Vec<_> {
        let jobs = scheduler.list(&JobFilter::new(), None, 100).await.unwrap();
        jobs.into_iter().map(|job| job.id).collect()
    };
    eventually("what has ended is gone", async || kept().await.len() <= 1).await;
    // What waits stays, however long.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(kept().await, [waits.id]);
    assert!(matches!(
        scheduler.logs(ended[0].id, 0, 10).await,
        Err(JobError::JobNotFound(_))
    ));
    scheduler.shutdown().await;
}

/// Whatever happened to the database.
async fn a_row_without_a_readable_id_is_in_the_health(test: Ground) {
    let world = World::new(test, Jobs::new().lease(Duration::from_secs(2))).await;
    let later = world.scheduler.submit(call!(greet, name = "x"));
    let later = later.delay(Duration::from_secs(1)).await.unwrap();
    let damage = format!(
        "UPDATE tasks_jobs SET id = 'damaged' WHERE id = '{}'",
        later.id
    );
    let session = world.scheduler.database().session();
    session.execute_script(&damage).await.unwrap();
    while !world
        .scheduler
        .warnings()
        .join("\n")
        .contains("with the id `damaged`")
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Others run.
    let other = world.scheduler.submit(call!(greet, name = "y")).await;
    world.done(&other.unwrap()).await;
    world.scheduler.shutdown().await;
}

async fn a_damaged_record_breaks_no_list(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let sound = scheduler.submit(call!(greet, name = "x")).await.unwrap();
    let damaged = scheduler.submit(call!(greet, name = "y")).await.unwrap();
    world.done(&sound).await;
    world.done(&damaged).await;
    let damage = format!(
        "UPDATE tasks_jobs SET params = '{{\"name', result = 'x', progress = '[', artifact_id = '?', state = 3, \
         submitted_at = 9223372036854775807, finished_at = -1 WHERE id = '{}'",
        damaged.id
    );
    let session = world.database.session();
    session.execute_script(&damage).await.unwrap();
    let list = scheduler.list(&JobFilter::new(), None, 10).await.unwrap();
    let shown = serde_json::to_value(&list).unwrap();
    assert_eq!(shown.as_array().unwrap().len(), 2);
    assert_eq!(
        shown[0]["params"],
        serde_json::json!({"$damaged": "the parameters that are stored are not JSON"})
    );
    let page = scheduler.page(&JobFilter::new(), 1, 10).await.unwrap();
    assert!(serde_json::to_value(&page.items).is_ok());
    let record = scheduler.get(damaged.id).await.unwrap().unwrap();
    assert!(serde_json::to_value(&record).is_ok());
    let (_, outcome) = scheduler.outcome(damaged.id).await.unwrap();
    let failure = outcome.unwrap_err();
    assert!(failure.message.contains("damaged"), "{failure}");
    assert!(scheduler.delete(damaged.id).await.unwrap());
    scheduler.shutdown().await;
}

with_every_engine!(
    a_damaged_record_breaks_no_list,
    a_row_without_a_readable_id_is_in_the_health,
    lists_and_deletions,
    jobs_are_forgotten_some_time_after_their_end,
);
