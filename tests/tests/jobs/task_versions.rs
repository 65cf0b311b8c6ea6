//! Jobs with steps meet another version of their task.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tasks_tests::databases::TestDatabase;
use tasks_tests::on_all_databases;
use tasks_web::jobs::{JobStatus, Jobs, PendingCode, Scheduler};
use tasks_web::prelude::*;
use tasks_web::{TaskFn, testing};

use crate::world::{Counter, LONG, eventually};

async fn run(context: &TaskContext, counter: &Counter) -> anyhow::Result<u32> {
    context
        .step("count", async || {
            anyhow::Ok(counter.0.fetch_add(1, Ordering::SeqCst) + 1)
        })
        .await?;
    Ok(context.wait_for("go", Duration::from_secs(3600)).await?)
}

#[task(name = "flow", register = false)]
async fn first_flow(context: TaskContext, counter: Counter) -> anyhow::Result<u32> {
    Ok(100 + run(&context, &counter).await?)
}

#[task(name = "flow", version = 2, register = false)]
async fn second_flow(context: TaskContext, counter: Counter) -> anyhow::Result<u32> {
    Ok(200 + run(&context, &counter).await?)
}

#[task(name = "flow", version = 2, old_versions = "fail", register = false)]
async fn strict_flow(context: TaskContext, counter: Counter) -> anyhow::Result<u32> {
    Ok(300 + run(&context, &counter).await?)
}

/// Its parameters are others, too.
#[task(name = "flow", version = 2, register = false)]
async fn other_flow(context: TaskContext, counter: Counter, factor: u32) -> anyhow::Result<u32> {
    Ok(factor * run(&context, &counter).await?)
}

async fn process(database: &Database, counter: &Counter, task: TaskFn) -> Scheduler {
    let scheduler = Scheduler::new(database, Jobs::new());
    let executor = testing::executor([task])
        .provide(scheduler.clone())
        .provide(counter.clone())
        .build()
        .unwrap();
    scheduler.start(&executor).unwrap();
    scheduler
}

async fn old_jobs_wait_for_the_old_version_or_fail(test: TestDatabase) {
    let database = Database::from_url(test.url()).connect().await.unwrap();
    let counter = Counter::default();
    let old = process(&database, &counter, task(first_flow)).await;
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let job = old.submit_named("flow", ()).await.unwrap();
        eventually("it waits", async || {
            let job = old.get(job.id).await.unwrap().unwrap();
            job.pending_code == Some(PendingCode::WaitingForEvent)
        })
        .await;
        jobs.push(job.id);
    }
    old.shutdown().await;

    // The new version leaves it alone, and says so.
    let new = process(&database, &counter, task(second_flow)).await;
    new.send(jobs[0], "go", &1).await.unwrap();
    let expected = format!(
        "job {} has steps of version 1 of task `flow`, and this process has version 2",
        jobs[0]
    );
    eventually("a warning", async || {
        new.warnings().iter().any(|text| text.contains(&expected))
    })
    .await;
    // One that begins now runs with it.
    let fresh = new.submit_named("flow", ()).await.unwrap();
    new.send(fresh.id, "go", &2).await.unwrap();
    new.wait(fresh.id, LONG).await.unwrap();
    assert_eq!(new.result::<u32>(fresh.id).await.unwrap(), 202);
    eventually("it is left alone", async || {
        let left = new.get(jobs[0]).await.unwrap().unwrap();
        (left.status, left.attempt) == (JobStatus::Pending, 0)
    })
    .await;
    // As if a process with an older version of the framework had stored a step of the new job: its first step decides.
    let sql = "UPDATE tasks_job_steps SET task_version = 1 WHERE name = 'go'";
    let second = new.submit_named("flow", ()).await.unwrap();
    eventually("it waits", async || {
        let job = new.get(second.id).await.unwrap().unwrap();
        job.pending_code == Some(PendingCode::WaitingForEvent)
    })
    .await;
    database.session().execute_script(sql).await.unwrap();
    new.send(second.id, "go", &3).await.unwrap();
    new.wait(second.id, LONG).await.unwrap();
    assert_eq!(new.result::<u32>(second.id).await.unwrap(), 203);
    new.shutdown().await;
    // Parameters that do not fit are no failure of a job that belongs to another version.
    let new = process(&database, &counter, task(other_flow)).await;
    eventually("a warning", async || {
        new.warnings().iter().any(|text| text.contains(&expected))
    })
    .await;
    eventually("it is left alone", async || {
        let left = new.get(jobs[0]).await.unwrap().unwrap();
        (left.status, left.attempt) == (JobStatus::Pending, 0)
    })
    .await;
    let old = process(&database, &counter, task(first_flow)).await;
    old.wait(jobs[0], LONG).await.unwrap();
    assert_eq!(old.result::<u32>(jobs[0]).await.unwrap(), 101);
    old.shutdown().await;
    new.shutdown().await;
    assert_eq!(counter.get(), 4, "each counts once");

    // Or it fails, and goes on with the new version as another job.
    let strict = process(&database, &counter, task(strict_flow)).await;
    strict.send(jobs[1], "go", &3).await.unwrap();
    let failed = strict.wait(jobs[1], LONG).await.unwrap();
    assert_eq!(
        (failed.status, failed.error_code.as_deref()),
        (JobStatus::Failed, Some("old-task-version"))
    );
    let forked = strict.fork(jobs[1], "go").await.unwrap();
    strict.send(forked.id, "go", &4).await.unwrap();
    strict.wait(forked.id, LONG).await.unwrap();
    assert_eq!(strict.result::<u32>(forked.id).await.unwrap(), 304);
    assert_eq!(counter.get(), 4, "the step before is kept");
    strict.shutdown().await;
}

on_all_databases!(old_jobs_wait_for_the_old_version_or_fail);
