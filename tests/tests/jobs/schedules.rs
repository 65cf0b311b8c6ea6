//! Schedules: their times, pauses, and what is made up for.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobError, JobFilter, Jobs, Scheduler};
use tasks_web::prelude::*;
use tasks_web::testing;

use crate::world::{World, eventually, greet};

async fn a_schedule_submits_a_job_when_its_time_comes(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let made = scheduler
        .schedule("beat", call!(greet, name = "Ada"))
        .every(Duration::from_secs(1))
        .description("every second")
        .await
        .unwrap();
    assert_eq!(
        (made.interval, made.paused, made.next_runs.len()),
        (Some(1), false, 5)
    );
    let runs = async || {
        scheduler
            .list(&JobFilter::new().task("greet"), None, 100)
            .await
            .unwrap()
    };
    eventually("it ran twice", async || runs().await.len() >= 2).await;
    let paused = scheduler.pause("beat").await.unwrap();
    assert!(paused.paused && paused.next_runs.is_empty());
    let count = runs().await.len();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let jobs = runs().await;
    assert_eq!(jobs.len(), count);
    // Each time once, and on the beat.
    let mut times: Vec<_> = jobs.iter().map(|job| job.scheduled_at).collect();
    times.dedup();
    assert_eq!(times.len(), count);
    assert_eq!(jobs[0].description.as_deref(), Some("every second"));
    let record = scheduler.schedule_of("beat").await.unwrap();
    assert_eq!(record.last_job_id, Some(jobs[0].id));
    let before = chrono::Utc::now();
    let resumed = scheduler.resume("beat").await.unwrap();
    assert!(resumed.next_runs[0] > before);
    eventually("it goes on", async || runs().await.len() > count).await;
    assert!(scheduler.unschedule("beat").await.unwrap());
    assert!(!scheduler.unschedule("beat").await.unwrap());
    let error = scheduler.pause("beat").await.unwrap_err();
    assert!(matches!(error, JobError::NoSchedule(_)), "{error}");
    world.scheduler.shutdown().await;
}

async fn a_schedule_keeps_its_time_and_makes_up_for_what_it_missed(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let declare = |pattern: &str| {
        scheduler
            .schedule("nightly", call!(greet, name = "Ada"))
            .cron(pattern)
            .timezone("Europe/Berlin")
    };
    let first = declare("30 2 * * *").await.unwrap();
    assert_eq!(first.timezone, "Europe/Berlin");
    // Said again at the next start, it is the same one.
    assert_eq!(
        declare("30 2 * * *").await.unwrap().next_runs,
        first.next_runs
    );
    assert_ne!(
        declare("30 3 * * *").await.unwrap().next_runs,
        first.next_runs
    );
    assert_eq!(scheduler.schedules().await.unwrap().len(), 1);
    // Nobody was there for a week.
    let week = "UPDATE tasks_schedules SET next_run_at = next_run_at - 7 * 86400000000";
    world.database.session().execute_script(week).await.unwrap();
    let runs = async || scheduler.list(&JobFilter::new(), None, 100).await.unwrap();
    eventually("it is made up for", async || !runs().await.is_empty()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(runs().await.len(), 1);
    let next = scheduler.schedule_of("nightly").await.unwrap().next_runs;
    assert!(next[0] > chrono::Utc::now());

    let soon = std::time::SystemTime::now() + Duration::from_millis(300);
    scheduler
        .schedule("once", call!(greet, name = "x"))
        .once(soon)
        .await
        .unwrap();
    eventually("its time came", async || runs().await.len() == 2).await;
    assert!(
        scheduler
            .schedule_of("once")
            .await
            .unwrap()
            .next_runs
            .is_empty()
    );
    world.scheduler.shutdown().await;
}

async fn each_time_of_a_schedule_is_one_run_however_many_processes_there_are(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let others: Vec<Scheduler> = (0..3)
        .map(|_| {
            let other = Scheduler::new(&world.database, Jobs::new());
            let executor = testing::executor([task(greet)]).build().unwrap();
            other.start(&executor).unwrap();
            other
        })
        .collect();
    world
        .scheduler
        .schedule("beat", call!(greet, name = "Ada"))
        .every(Duration::from_secs(1))
        .await
        .unwrap();
    let jobs = async || {
        let all = JobFilter::new();
        world.scheduler.list(&all, None, 100).await.unwrap()
    };
    eventually("it ran three times", async || jobs().await.len() >= 3).await;
    world.scheduler.pause("beat").await.unwrap();
    // However many there are by now, no time has two.
    let jobs = jobs().await;
    let times: HashSet<_> = jobs.iter().map(|job| job.scheduled_at).collect();
    assert_eq!(times.len(), jobs.len(), "{jobs:?}");
    for other in others {
        other.shutdown().await;
    }
    world.scheduler.shutdown().await;
}

async fn a_schedule_that_cannot_be_is_refused(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let schedule = |name: &str| world.scheduler.schedule(name, call!(greet, name = "x"));
    let second = Duration::from_secs(1);
    for (schedule, expected) in [
        (schedule("a b").every(second), "/name: "),
        (schedule("a"), "/cron: "),
        (schedule("a").cron("61 * * * *"), "/cron: "),
        (
            schedule("a").cron("* * * * *").timezone("Mars"),
            "/timezone: `Mars` is not a time zone",
        ),
        (
            schedule("a").every(Duration::from_millis(1)),
            "/interval: is less than 1s",
        ),
        (
            world
                .scheduler
                .schedule_named("a", "greet", json!({}))
                .every(second),
            "/params/name",
        ),
        (
            world
                .scheduler
                .schedule_named("a", "gret", json!({}))
                .every(second),
            "no task is named `gret`",
        ),
    ] {
        let error = schedule.await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(world.scheduler.schedules().await.unwrap().is_empty());
    world.scheduler.shutdown().await;
}

async fn a_pause_moves_no_time_that_is_to_come(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let hour = Duration::from_secs(3600);
    let made = scheduler
        .schedule("hourly", call!(greet, name = "x"))
        .every(hour)
        .await
        .unwrap();
    for _ in 0..3 {
        scheduler.pause("hourly").await.unwrap();
        let resumed = scheduler.resume("hourly").await.unwrap();
        assert_eq!(resumed.next_runs, made.next_runs);
    }
    scheduler
        .schedule("once", call!(greet, name = "x"))
        .once(std::time::SystemTime::now() + Duration::from_secs(4))
        .await
        .unwrap();
    scheduler.pause("once").await.unwrap();
    tokio::time::sleep(Duration::from_millis(4500)).await;
    let over = scheduler.resume("once").await.unwrap();
    assert!(
        over.next_runs.is_empty() && over.last_run_at.is_none(),
        "{over:?}"
    );
    scheduler.shutdown().await;
}

async fn schedules_of_unknown_tasks_do_not_hold_up_others(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let mut rows = String::new();
    for n in 0..300 {
        rows.push_str(&format!(
            "INSERT INTO tasks_schedules (name, task_name, params, timezone, interval_us, paused, created_at, next_run_at) \
             VALUES ('old{n}', 'gone', '{{}}', 'UTC', 1000000, 0, 1, {n});"
        ));
    }
    let session = world.database.session();
    session.execute_script(&rows).await.unwrap();
    world
        .scheduler
        .schedule("new", call!(greet, name = "x"))
        .every(Duration::from_secs(1))
        .await
        .unwrap();
    eventually("its time came", async || {
        let new = world.scheduler.schedule_of("new").await.unwrap();
        new.last_run_at.is_some()
    })
    .await;
    world.scheduler.shutdown().await;
}

with_every_engine!(
    a_schedule_submits_a_job_when_its_time_comes,
    a_schedule_keeps_its_time_and_makes_up_for_what_it_missed,
    each_time_of_a_schedule_is_one_run_however_many_processes_there_are,
    a_schedule_that_cannot_be_is_refused,
    a_pause_moves_no_time_that_is_to_come,
    schedules_of_unknown_tasks_do_not_hold_up_others,
);
