//! What jobs came to over time, and what failed.

use std::time::Duration;

use chrono::Utc;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobError, JobFilter, JobHistory, JobHistoryQuery, JobId, Jobs, Scheduler};
use tasks_web::prelude::*;
use tasks_web::testing;

use crate::world::{World, eventually, flaky, greet, hopeless, panics, sleep};

/// Often enough for a test.
fn soon() -> Jobs {
    Jobs::new().history_interval(Duration::from_millis(100))
}

/// Submitted, completed, failed, canceled, retried, crashed.
fn counts(history: &JobHistory) -> [u64; 6] {
    let total = &history.total;
    [
        total.submitted,
        total.completed,
        total.failed,
        total.canceled,
        total.retried,
        total.crashed,
    ]
}

async fn figures_outlive_the_process_that_counted_them(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let twice_failed = scheduler.submit(call!(flaky, works_at = 3)).await.unwrap();
    world.done(&twice_failed).await;
    let all = [
        scheduler.submit(call!(greet, name = "Ada")).await.unwrap(),
        scheduler.submit(call!(hopeless)).await.unwrap(),
        scheduler
            .submit(call!(sleep, milliseconds = 300))
            .await
            .unwrap(),
    ];
    let waits = scheduler.submit(call!(greet, name = "x"));
    let waits = waits.delay(Duration::from_secs(3600)).await.unwrap();
    scheduler.cancel(waits.id).await.unwrap();
    // Again, which changes nothing.
    scheduler.cancel(waits.id).await.unwrap();
    let ids = scheduler
        .submit_all([
            scheduler.submit(call!(greet, name = "1")),
            scheduler.submit(call!(greet, name = "2")),
        ])
        .await
        .unwrap();
    // The same job as before is not another one.
    let key = || {
        scheduler
            .submit(call!(greet, name = "k"))
            .idempotency_key("k")
    };
    let keyed = key().await.unwrap();
    assert_eq!(key().await.unwrap().id, keyed.id);
    for id in ids
        .into_iter()
        .chain(all.map(|job| job.id))
        .chain([keyed.id])
    {
        scheduler.wait(id, crate::world::LONG).await.unwrap();
    }
    scheduler.shutdown().await;
    scheduler.delete(waits.id).await.unwrap();

    // Another process reads what this one has left.
    let later = Scheduler::new(&world.database, Jobs::new());
    let history = later.history(&JobHistoryQuery::new()).await.unwrap();
    assert_eq!(counts(&history), [8, 6, 1, 1, 2, 0], "{history:?}");
    assert_eq!(history.step, 60);
    assert!((60..=62).contains(&history.points.len()), "{history:?}");
    let in_points: u64 = history.points.iter().map(|point| point.completed).sum();
    assert_eq!(in_points, 6);
    let total = &history.total;
    // Six that completed, one that failed, two that others followed.
    assert_eq!((total.run.count, total.wait.count), (9, 9));
    assert!(total.run.p95.unwrap() >= 0.2, "{total:?}");
    assert!(total.run.p50.unwrap() < 0.2, "{total:?}");

    let of = async |query: JobHistoryQuery| counts(&later.history(&query).await.unwrap());
    let query = JobHistoryQuery::new;
    assert_eq!(of(query().task("hopeless")).await, [1, 0, 1, 0, 0, 0]);
    let two = ["greet".to_owned(), "sleep".to_owned()];
    assert_eq!(of(query().tasks(two)).await, [6, 5, 0, 1, 0, 0]);
    assert_eq!(of(query().tasks([])).await, [0; 6]);
    assert_eq!(of(query().queue("other")).await, [0; 6]);
    assert_eq!(of(query().queue("default")).await[0], 8);
    let now = Utc::now();
    for (span, step) in [
        (chrono::TimeDelta::days(1), 600),
        (chrono::TimeDelta::days(7), 3600),
        (chrono::TimeDelta::days(29), 86_400),
    ] {
        let history = later.history(&query().from(now - span)).await.unwrap();
        assert_eq!(history.step, step);
        assert_eq!(counts(&history), [8, 6, 1, 1, 2, 0]);
    }
    let before = query().to(now - chrono::TimeDelta::hours(2));
    assert_eq!(of(before).await, [0; 6]);
    let backwards = query().from(now).to(now - chrono::TimeDelta::hours(1));
    let refused = later.history(&backwards).await.unwrap_err();
    assert!(matches!(refused, JobError::Invalid(_)), "{refused}");
}

async fn processes_add_to_the_same_figures(test: Ground) {
    let world = World::new(test, soon()).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        let scheduler = Scheduler::new(&world.database, soon().run_workers(false));
        let executor = testing::executor([task(greet)]).build().unwrap();
        scheduler.start(&executor).unwrap();
        others.push(scheduler);
    }
    let all: Vec<&Scheduler> = others.iter().chain([&world.scheduler]).collect();
    for _ in 0..5 {
        for scheduler in &all {
            let job = scheduler.submit(call!(greet, name = "x")).await.unwrap();
            world.done(&job).await;
        }
    }
    eventually("all have added what they counted", async || {
        let query = JobHistoryQuery::new().task("greet");
        let history = world.scheduler.history(&query).await.unwrap();
        counts(&history)[..2] == [20, 20]
    })
    .await;
    for scheduler in others {
        scheduler.shutdown().await;
    }
    // Nothing is added twice.
    let query = JobHistoryQuery::new();
    let history = world.scheduler.history(&query).await.unwrap();
    assert_eq!(counts(&history)[..2], [20, 20]);
    world.scheduler.shutdown().await;
}

async fn figures_that_are_old_are_forgotten(test: Ground) {
    let day = Duration::from_secs(24 * 3600);
    let world = World::new(test, soon().history_retention(5 * day)).await;
    let now = Utc::now().timestamp_micros();
    let row = |step: i64, days: i64| {
        let at = (now - days * 86_400_000_000).div_euclid(step * 1_000_000) * step * 1_000_000;
        format!(
            "INSERT INTO tasks_job_history (step, at, task, queue, measure, total) VALUES ({step}, {at}, 'greet', 'default', 1, 7)"
        )
    };
    let rows = [(60, 1), (60, 3), (600, 3), (600, 6), (3600, 3), (3600, 6)];
    let rows = rows.map(|(step, days)| row(step, days));
    let session = world.database.session();
    session.execute_script(&rows.join(";")).await.unwrap();
    let left = "SELECT COUNT(*) AS count FROM tasks_job_history WHERE measure = 1 AND total = 7";
    eventually("the old ones are gone", async || {
        tasks_tests::databases::count(&world.database, left)
            .await
            .unwrap()
            == 3
    })
    .await;
    world.scheduler.shutdown().await;
}

async fn nothing_is_counted_where_nothing_is_kept(test: Ground) {
    let world = World::new(test, soon().history_retention(Duration::ZERO)).await;
    let job = world.scheduler.submit(call!(greet, name = "x")).await;
    world.done(&job.unwrap()).await;
    world.scheduler.shutdown().await;
    let rows = "SELECT COUNT(*) AS count FROM tasks_job_history";
    let rows = tasks_tests::databases::count(&world.database, rows);
    assert_eq!(rows.await.unwrap(), 0);
}

/// Another program on the same database counts nothing: what this one counts is not its own.
async fn who_counts_nothing_forgets_nothing(test: Ground) {
    let row = "INSERT INTO tasks_job_history (step, at, task, queue, measure, total) VALUES (60, 60000000, 'greet', 'default', 1, 7)";
    // It looks for what is old when it starts.
    let before = Database::from_url(test.url()).connect().await.unwrap();
    before.session().execute_script(row).await.unwrap();
    before.close().await;
    let world = World::new(test, soon().history_retention(Duration::ZERO)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let rows = "SELECT COUNT(*) AS count FROM tasks_job_history";
    let rows = tasks_tests::databases::count(&world.database, rows);
    assert_eq!(rows.await.unwrap(), 1);
    world.scheduler.shutdown().await;
}

async fn failures_are_grouped_by_what_failed_and_where(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    // Fails twice, and completes.
    let job = scheduler.submit(call!(flaky, works_at = 3)).await.unwrap();
    world.done(&job).await;
    for _ in 0..2 {
        world
            .done(&scheduler.submit(call!(panics)).await.unwrap())
            .await;
    }
    let last = scheduler.submit(call!(panics)).await.unwrap();
    world.done(&last).await;
    let found = scheduler.failures(None, None).await.unwrap();
    let [panicked, failed] = found.groups.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(panicked.task_name.as_deref(), Some("panics"));
    assert_eq!(panicked.error_code.as_deref(), Some("panic"));
    let location = panicked.error_location.as_deref().unwrap();
    assert!(location.contains("world.rs:"), "{location}");
    assert_eq!(
        (panicked.attempts, panicked.jobs, panicked.failed_jobs),
        (3, 3, 3)
    );
    assert_eq!(
        (panicked.job_id, panicked.error.as_str()),
        (last.id, "oh no")
    );
    assert!(panicked.first_at < panicked.last_at);
    assert_eq!(failed.task_name.as_deref(), Some("flaky"));
    assert_eq!(
        (failed.attempts, failed.jobs, failed.failed_jobs),
        (2, 1, 0)
    );
    assert_eq!(failed.error, "call 2 fails");
    let flaky_only = ["flaky".to_owned(), "\0".to_owned()];
    let of_flaky = scheduler.failures(None, Some(&flaky_only)).await.unwrap();
    assert_eq!(of_flaky.groups.len(), 1);
    let none = scheduler.failures(Some(Utc::now()), None).await.unwrap();
    assert_eq!(none.groups, []);
    // What a group says finds its jobs that have failed for good, also where it says that there is no code.
    let fails = scheduler.submit(call!(flaky, works_at = 9)).max_attempts(1);
    let failed = world.done(&fails.await.unwrap()).await;
    let found = scheduler.failures(None, None).await.unwrap();
    let alike = |name: &str| {
        let mut groups = found.groups.iter();
        let group = groups.find(|group| group.task_name.as_deref() == Some(name));
        let group = group.unwrap();
        JobFilter::new()
            .task(name)
            .error_type(&group.error_type)
            .error_code(group.error_code.as_deref().unwrap_or_default())
            .error_location(group.error_location.as_deref().unwrap_or_default())
    };
    let ids = async |filter: JobFilter| -> Vec<JobId> {
        let jobs = scheduler.list(&filter, None, 10).await.unwrap();
        jobs.into_iter().map(|job| job.id).collect()
    };
    assert_eq!(ids(alike("panics")).await.len(), 3);
    assert_eq!(ids(alike("flaky")).await, [failed.id]);
    for other in [
        alike("flaky").error_code("panic"),
        alike("panics").error_code(""),
        alike("panics").error_location(""),
        alike("panics").error_location("elsewhere.rs:1:1"),
        alike("panics").error_type("Other"),
    ] {
        assert_eq!(ids(other).await, []);
    }
    scheduler.shutdown().await;
}

with_every_engine!(
    figures_outlive_the_process_that_counted_them,
    processes_add_to_the_same_figures,
    figures_that_are_old_are_forgotten,
    nothing_is_counted_where_nothing_is_kept,
    who_counts_nothing_forgets_nothing,
    failures_are_grouped_by_what_failed_and_where,
);
