//! How the database finds jobs: nothing that processes do all the time reads those that completed. In a program of its own, since
//! it sees the statements of all tests of its program.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "jobs/world.rs"]
#[allow(dead_code, reason = "the tests of jobs use it all")]
mod world;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::{InstrumentationEvent, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use serde_json::json;
use tasks_tests::databases::TestDatabase;
use tasks_tests::engines::Ground;
use tasks_web::jobs::{JobFilter, JobHistoryQuery, JobStatus, Jobs};
use tasks_web::prelude::*;
use tasks_web::with_conn;

use world::{World, chatters, eventually, greet, has_greeted, limited, panics, reads, sleep};

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn note(event: &InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        let text = query.to_string();
        let sql = text.split(" -- binds").next().unwrap_or_default();
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(sql.to_owned());
    }
}

#[derive(diesel::QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_reads_what_has_completed() {
    set_default_instrumentation(|| Some(Box::new(|event: InstrumentationEvent<'_>| note(&event))))
        .unwrap();
    let jobs = Jobs::new()
        .retention(Duration::from_secs(4))
        .lease(Duration::from_secs(1))
        .history_interval(Duration::from_millis(200))
        .record_metrics();
    let world = World::new(Ground::embedded(TestDatabase::sqlite()), jobs).await;
    let scheduler = &world.scheduler;
    scheduler
        .schedule("beat", call!(greet, name = "Ada"))
        .every(Duration::from_secs(1))
        .await
        .unwrap();
    let forever = scheduler
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    let later = scheduler
        .submit(call!(greet, name = "x"))
        .idempotency_key("k")
        .delay(Duration::from_secs(1))
        .await
        .unwrap();
    let json = json!({"name": "x"});
    let again = scheduler.submit_named("greet", json).idempotency_key("k");
    assert_eq!(again.await.unwrap().id, later.id);
    for job in [
        scheduler.submit(call!(panics)).await.unwrap(),
        scheduler.submit(call!(chatters)).await.unwrap(),
        scheduler.submit(call!(has_greeted)).await.unwrap(),
        scheduler
            .submit(call!(reads, milliseconds = 10))
            .await
            .unwrap(),
        later,
    ] {
        world.done(&job).await;
    }
    world.running(&forever).await;
    let tenants = (0..20).map(|number| {
        let call = call!(limited, tenant = format!("tenant {}", number % 4));
        scheduler.submit(call)
    });
    for job in scheduler.submit_all(tenants).await.unwrap() {
        scheduler.wait(job, Duration::from_secs(30)).await.unwrap();
    }
    scheduler.pause_task("limited", None).await.unwrap();
    let waiting = scheduler
        .submit(call!(limited, tenant = "one"))
        .await
        .unwrap();
    scheduler.get(waiting.id).await.unwrap();
    scheduler.resume_task("limited").await.unwrap();
    world.done(&waiting).await;
    for status in [
        JobStatus::Pending,
        JobStatus::Running,
        JobStatus::Failed,
        JobStatus::Canceled,
    ] {
        let filter = JobFilter::new().status(status);
        scheduler.list(&filter, None, 10).await.unwrap();
        scheduler.list(&filter, Some(forever.id), 10).await.unwrap();
        scheduler.page(&filter.task("greet"), 1, 10).await.unwrap();
    }
    scheduler.failures(None, None).await.unwrap();
    let tasks = ["greet".to_owned()];
    scheduler.failures(None, Some(&tasks)).await.unwrap();
    for query in [JobHistoryQuery::new(), JobHistoryQuery::new().task("greet")] {
        scheduler.history(&query).await.unwrap();
    }
    scheduler.pause_queue("default", None).await.unwrap();
    scheduler.resume_queue("default").await.unwrap();
    scheduler.delete(forever.id).await.unwrap();
    eventually("they are deleted", async || {
        let one = JobFilter::new().status(JobStatus::Failed);
        scheduler.list(&one, None, 1).await.unwrap().is_empty()
    })
    .await;
    scheduler.shutdown().await;

    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (mut looked_at, mut wrong) = (0, Vec::new());
    let tables = [
        "tasks_jobs",
        "tasks_job_attempts",
        "tasks_job_history ",
        "tasks_job_steps",
    ];
    let is_of_jobs = |sql: &&String| tables.iter().any(|table| sql.contains(table));
    for sql in seen.iter().filter(is_of_jobs) {
        if ["CREATE", "DROP", "ALTER", "--"]
            .iter()
            .any(|start| sql.starts_with(start))
        {
            continue;
        }
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let steps: anyhow::Result<Vec<Step>> = world
            .database
            .session()
            .read(async |conn| {
                Ok(with_conn!(conn, |conn| {
                    diesel::sql_query(&explain).load(conn).await
                })?)
            })
            .await;
        for Step { detail } in steps.unwrap() {
            // Those that failed, and figures of the past, are found by an index.
            let of_waits = detail.contains("INDEX tasks_job_steps_parents");
            if detail.starts_with("SCAN tasks_job_") && !of_waits {
                wrong.push(format!("{detail}\n    {sql}"));
            }
            let Some((_, way)) = detail.split_once(" tasks_jobs") else {
                continue;
            };
            looked_at += 1;
            // One job; or an index that has only jobs of some kind.
            let is_one =
                detail.starts_with("SEARCH") && way.contains("_autoindex_tasks_jobs_1 (id=?)");
            let few = [
                "ready",
                "ready_by_name",
                "ready_limited",
                "running_limited",
                "quarantined",
                "waiting",
                "deleted",
                "idempotency",
                "unique",
            ];
            let is_few = few.iter().any(|index| {
                way.contains(&format!("INDEX tasks_jobs_{index} "))
                    || way.ends_with(&format!("INDEX tasks_jobs_{index}"))
            });
            // It has all that failed, too.
            let is_status = way.contains("INDEX tasks_jobs_status (<expr>=?");
            // Oldest first, and only as many as are to go.
            let is_oldest = way.contains("tasks_jobs_finished (finished_at<?)");
            if !is_one && !is_few && !is_status && !is_oldest {
                wrong.push(format!("{detail}\n    {sql}"));
            }
        }
    }
    assert!(
        seen.iter()
            .any(|sql| sql.contains("GROUP BY `tasks_jobs`.`queue`")),
        "{seen:#?}"
    );
    assert!(looked_at > 20, "{looked_at}: {seen:#?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
