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
    let paused = scheduler.pause_schedule("beat").await.unwrap();
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
    let record = scheduler.get_schedule("beat").await.unwrap();
    assert_eq!(record.last_job_id, Some(jobs[0].id));
    let before = chrono::Utc::now();
    let resumed = scheduler.resume_schedule("beat").await.unwrap();
    assert!(resumed.next_runs[0] > before);
    eventually("it goes on", async || runs().await.len() > count).await;
    assert!(scheduler.delete_schedule("beat").await.unwrap());
    assert!(!scheduler.delete_schedule("beat").await.unwrap());
    let error = scheduler.pause_schedule("beat").await.unwrap_err();
    assert!(matches!(error, JobError::ScheduleNotFound(_)), "{error}");
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
    let next = scheduler.get_schedule("nightly").await.unwrap().next_runs;
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
            .get_schedule("once")
            .await
            .unwrap()
            .next_runs
            .is_empty()
    );
    world.scheduler.shutdown().await;
}

/// Whatever ran at that time before.
async fn a_time_that_is_stored_anew_comes_again(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let past = std::time::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    let store = |name: &'static str| scheduler.schedule("now", call!(greet, name = name));
    let ran = async |expected: &[&str]| {
        eventually("it ran", async || {
            let jobs = scheduler.list(&JobFilter::new(), None, 100).await.unwrap();
            let params: Vec<_> = jobs.iter().map(|job| job.params.to_string()).collect();
            params.len() == expected.len()
                && expected
                    .iter()
                    .all(|name| params.iter().any(|params| params.contains(name)))
        })
        .await;
    };
    store("first").once(past).await.unwrap();
    ran(&["first"]).await;
    assert!(scheduler.delete_schedule("now").await.unwrap());
    store("second").once(past).await.unwrap();
    ran(&["first", "second"]).await;
    // Or at another time in between.
    store("third")
        .every(Duration::from_secs(3600))
        .await
        .unwrap();
    store("third").once(past).await.unwrap();
    ran(&["first", "second", "third"]).await;
    // Said again, it is the same one.
    store("third").once(past).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    ran(&["first", "second", "third"]).await;

    // What the code declares runs once, also if it was removed in the meantime.
    let declared = || scheduler.schedule("declared", call!(greet, name = "fourth"));
    for _ in 0..2 {
        let declared = declared().once(past);
        scheduler
            .declare_schedules("code", [declared])
            .await
            .unwrap();
        ran(&["first", "second", "third", "fourth"]).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        ran(&["first", "second", "third", "fourth"]).await;
        scheduler.delete_schedule("declared").await.unwrap();
    }
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
    world.scheduler.pause_schedule("beat").await.unwrap();
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
        (
            schedule("a").cron("61 * * * *"),
            "/cron: the minute cannot be `61`: expected 0 to 59, as in `30`",
        ),
        (
            schedule("a").cron("0 0 30 2 *"),
            "/cron: `0 0 30 2 *` never comes",
        ),
        (
            schedule("a").cron("* * *"),
            "/cron: has 3 fields, and five are expected",
        ),
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
        scheduler.pause_schedule("hourly").await.unwrap();
        let resumed = scheduler.resume_schedule("hourly").await.unwrap();
        assert_eq!(resumed.next_runs, made.next_runs);
    }
    scheduler
        .schedule("once", call!(greet, name = "x"))
        .once(std::time::SystemTime::now() + Duration::from_secs(4))
        .await
        .unwrap();
    scheduler.pause_schedule("once").await.unwrap();
    tokio::time::sleep(Duration::from_millis(4500)).await;
    let over = scheduler.resume_schedule("once").await.unwrap();
    assert!(
        over.next_runs.is_empty() && over.last_run_at.is_none(),
        "{over:?}"
    );
    scheduler.shutdown().await;
}

/// While others delete it.
async fn a_schedule_is_made_or_changed_whatever_happens_to_it_meanwhile(test: Ground) {
    let world = World::new(test, Jobs::new().run_workers(false)).await;
    let scheduler = &world.scheduler;
    let make = async || {
        for _ in 0..30 {
            scheduler
                .schedule("contended", call!(greet, name = "Ada"))
                .cron("0 0 1 1 *")
                .await
                .unwrap();
        }
    };
    let forget = async || {
        for _ in 0..30 {
            scheduler.delete_schedule("contended").await.unwrap();
        }
    };
    tokio::join!(make(), forget(), make(), forget(), make(), forget());
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
        let new = world.scheduler.get_schedule("new").await.unwrap();
        new.last_run_at.is_some()
    })
    .await;
    world.scheduler.shutdown().await;
}

async fn a_schedule_says_how_its_jobs_run_and_runs_when_asked(test: Ground) {
    let world = World::new(test, Jobs::new().queue("slow", 1)).await;
    let scheduler = &world.scheduler;
    let made = scheduler
        .schedule("hourly", call!(greet, name = "Ada"))
        .every(Duration::from_secs(3600))
        .queue("slow")
        .priority(7)
        .max_attempts(3)
        .timeout(Duration::from_secs(5))
        .paused(true)
        .await
        .unwrap();
    assert_eq!(
        (made.queue.as_deref(), made.priority, made.max_attempts),
        (Some("slow"), Some(7), Some(3))
    );
    assert_eq!(
        (made.timeout, made.paused, made.declared_by),
        (Some(5.0), true, None)
    );
    let run = scheduler.run_schedule("hourly").await.unwrap();
    assert_eq!(
        (run.queue.as_str(), run.priority, run.max_attempts),
        ("slow", 7, 3)
    );
    assert_eq!(run.schedule_name.as_deref(), Some("hourly"));
    assert_eq!(run.scheduled_at, None);
    world.done(&run).await;
    let second = scheduler.run_schedule("hourly").await.unwrap();
    assert_ne!(second.id, run.id);
    let record = scheduler.get_schedule("hourly").await.unwrap();
    assert_eq!(record.last_job_id, Some(second.id));
    assert!(record.last_run_at.is_some() && record.paused);
    let resumed = scheduler.resume_schedule("hourly").await.unwrap();
    assert_eq!(resumed.next_runs.len(), 5);
    scheduler.submit(call!(greet, name = "x")).await.unwrap();
    let runs = JobFilter::new().schedule("hourly");
    let ids: Vec<_> = scheduler.list(&runs, None, 10).await.unwrap();
    let ids: Vec<_> = ids.iter().map(|job| job.id).collect();
    assert_eq!(ids, [second.id, run.id]);

    let at = std::time::SystemTime::now() + Duration::from_secs(7200);
    let once = scheduler
        .schedule("once", call!(greet, name = "x"))
        .once(at);
    let once = once.await.unwrap();
    assert_eq!(once.run_at, once.next_runs.first().copied());
    let sooner = "UPDATE tasks_schedules SET next_run_at = 1 WHERE name = 'once'";
    let session = world.database.session();
    session.execute_script(sooner).await.unwrap();
    // Who wakes up looks.
    scheduler.submit(call!(greet, name = "x")).await.unwrap();
    eventually("it ran", async || {
        let record = scheduler.get_schedule("once").await.unwrap();
        record.last_job_id.is_some() && record.next_runs.is_empty()
    })
    .await;
    let over = scheduler.get_schedule("once").await.unwrap();
    assert_eq!((over.run_at, over.next_runs.len()), (once.run_at, 0));

    let nobody = scheduler.run_schedule("nobody").await.unwrap_err();
    assert!(matches!(nobody, JobError::ScheduleNotFound(_)), "{nobody}");
    scheduler.shutdown().await;
}

async fn what_the_code_no_longer_declares_is_removed(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let hourly = |name: &str, who: &str| {
        scheduler
            .schedule(name, call!(greet, name = who))
            .every(Duration::from_secs(3600))
    };
    let names = async || {
        let all = scheduler.schedules().await.unwrap();
        all.into_iter()
            .map(|schedule| (schedule.name, schedule.declared_by.unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    let expect = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = all.iter();
        owned
            .map(|(name, owner)| ((*name).to_owned(), (*owner).to_owned()))
            .collect()
    };
    hourly("by-hand", "x").await.unwrap();
    let first = [hourly("a", "x"), hourly("b", "x")];
    let declared = scheduler.declare_schedules("one", first).await.unwrap();
    let others = scheduler.declare_schedules("two", [hourly("c", "x")]);
    others.await.unwrap();
    // Changed by hand, it is still that of the code.
    let changed = hourly("a", "y").await.unwrap();
    assert_eq!(changed.declared_by.as_deref(), Some("one"));

    let second = [hourly("a", "x"), hourly("by-hand", "x")];
    let again = scheduler.declare_schedules("one", second).await.unwrap();
    assert_eq!(
        names().await,
        expect(&[("a", "one"), ("by-hand", "one"), ("c", "two")])
    );
    assert_eq!(again[0].params.as_str(), r#"{"name":"x"}"#);
    // What stays as it is keeps its time.
    assert_eq!(again[0].next_runs, declared[0].next_runs);

    let wrong = [hourly("d", "x"), hourly("e", "x").queue("nobody")];
    let error = scheduler.declare_schedules("one", wrong).await.unwrap_err();
    assert!(
        error.to_string().starts_with("the schedule `e`: /queue: "),
        "{error}"
    );
    let twice = [hourly("d", "x"), hourly("d", "y")];
    let error = scheduler.declare_schedules("one", twice).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the schedule `d`: /name: is declared twice"
    );
    // All that is wrong is said at once.
    let several = [
        hourly("d", "x").queue("nobody"),
        hourly("e", "x"),
        hourly("e", "y"),
        hourly("f", "x").cron("61 * * * *"),
    ];
    let error = scheduler
        .declare_schedules("one", several)
        .await
        .unwrap_err();
    let error = error.to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    for (line, start) in lines.iter().zip([
        "the schedule `d`: /queue: ",
        "the schedule `e`: /name: is declared twice",
        "the schedule `f`: ",
    ]) {
        assert!(line.starts_with(start), "{error}");
    }
    assert_eq!(names().await.len(), 3);
    scheduler.declare_schedules("one", []).await.unwrap();
    assert_eq!(names().await, expect(&[("c", "two")]));
    scheduler.shutdown().await;
}

with_every_engine!(
    a_schedule_says_how_its_jobs_run_and_runs_when_asked,
    what_the_code_no_longer_declares_is_removed,
    a_schedule_submits_a_job_when_its_time_comes,
    a_schedule_keeps_its_time_and_makes_up_for_what_it_missed,
    a_time_that_is_stored_anew_comes_again,
    each_time_of_a_schedule_is_one_run_however_many_processes_there_are,
    a_schedule_that_cannot_be_is_refused,
    a_pause_moves_no_time_that_is_to_come,
    a_schedule_is_made_or_changed_whatever_happens_to_it_meanwhile,
    schedules_of_unknown_tasks_do_not_hold_up_others,
);
