//! Jobs that are canceled, and processes that stop or lose what they run.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tasks_tests::databases::count;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobError, JobStatus, Jobs, Scheduler};
use tasks_web::prelude::*;
use tasks_web::testing;

use crate::world::{
    LONG, World, canceled_at_the_end, eventually, fails_when_canceled, greet, reads, sleep,
    stubborn, stubborn_once,
};

async fn what_waits_is_canceled_at_once_and_what_runs_is_stopped(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let waiting = scheduler
        .submit(call!(greet, name = "x"))
        .delay(LONG)
        .await
        .unwrap();
    let canceled = scheduler.cancel(waiting.id).await.unwrap();
    assert_eq!(canceled.status, JobStatus::Canceled);
    assert!(canceled.finished_at.is_some());

    let running = scheduler
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    world.running(&running).await;
    let began = Instant::now();
    let asked = scheduler.cancel(running.id).await.unwrap();
    assert!(asked.cancel_requested_at.is_some());
    assert_eq!(world.done(&running).await.status, JobStatus::Canceled);
    assert!(began.elapsed() < Duration::from_secs(5));
    // Canceling what has ended changes nothing.
    assert_eq!(
        scheduler.cancel(running.id).await.unwrap().status,
        JobStatus::Canceled
    );
    let unknown = scheduler
        .cancel(tasks_web::jobs::JobId::new())
        .await
        .unwrap_err();
    assert!(matches!(unknown, JobError::JobNotFound(_)));
}

/// By a process that does not run it.
async fn a_job_that_another_process_runs_is_canceled(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let other = Scheduler::new(&world.database, Jobs::new().run_workers(false));
    other
        .start(&testing::executor([task(sleep)]).build().unwrap())
        .unwrap();
    let job = other
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    world.running(&job).await;
    let began = Instant::now();
    other.cancel(job.id).await.unwrap();
    assert_eq!(
        other.wait(job.id, LONG).await.unwrap().status,
        JobStatus::Canceled
    );
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    other.shutdown().await;
    world.scheduler.shutdown().await;
}

async fn a_thread_that_cannot_stop_keeps_its_job_running(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let job = scheduler.submit(call!(stubborn)).await.unwrap();
    let started = async || world.started.load(Ordering::SeqCst);
    eventually("its thread runs", started).await;
    scheduler.cancel(job.id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let asked = scheduler.get(job.id).await.unwrap().unwrap();
    assert_eq!(asked.status, JobStatus::Running);
    assert!(asked.cancel_requested_at.is_some());
    let error = scheduler.retry(job.id).await.unwrap_err();
    assert!(
        matches!(
            error,
            JobError::WrongState {
                status: JobStatus::Running,
                ..
            }
        ),
        "{error}"
    );
    world.most.store(1, Ordering::SeqCst);
    let done = world.done(&job).await;
    assert_eq!(done.status, JobStatus::Canceled);
    assert!(scheduler.result::<String>(job.id).await.is_err());
}

/// It keeps its place, and nobody would know why others wait.
async fn a_thread_that_does_not_stop_is_in_the_health(test: Ground) {
    let jobs = Jobs::new().lease(Duration::from_secs(1)).max_concurrency(2);
    let world = World::new(test, jobs).await;
    let scheduler = &world.scheduler;
    let canceled = scheduler
        .submit(call!(stubborn_once, number = 1))
        .await
        .unwrap();
    let late = scheduler
        .submit(call!(stubborn_once, number = 2))
        .timeout(Duration::from_millis(50))
        .await
        .unwrap();
    eventually("both run", async || world.counter.get() == 2).await;
    // A job that runs for long is none of them.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    scheduler.cancel(canceled.id).await.unwrap();
    let waits = scheduler.submit(call!(greet, name = "x")).await.unwrap();
    eventually("the health says so", async || {
        let warnings = scheduler.warnings().join("; ");
        warnings.contains("2 of the 2 places") && warnings.contains("`stubborn_once`")
    })
    .await;
    let record = scheduler.get(waits.id).await.unwrap().unwrap();
    assert_eq!(record.status, JobStatus::Pending);
    world.most.store(1, Ordering::SeqCst);
    assert_eq!(world.done(&canceled).await.status, JobStatus::Canceled);
    let late = world.done(&late).await;
    assert_eq!(late.error_code.as_deref(), Some("timeout"));
    assert_eq!(world.done(&waits).await.status, JobStatus::Completed);
    assert!(
        !scheduler.warnings().join("; ").contains("places"),
        "{:?}",
        scheduler.warnings()
    );
}

async fn what_was_canceled_is_not_tried_again(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(fails_when_canceled))
        .await
        .unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Canceled, 1));
    assert!(done.finished_at.is_some());
    world.scheduler.shutdown().await;
}

async fn shutdown_lets_jobs_end_or_returns_them(test: Ground) {
    let world = World::new(test, Jobs::new().shutdown_timeout(Duration::from_secs(3))).await;
    let short = world
        .scheduler
        .submit(call!(sleep, milliseconds = 200))
        .await
        .unwrap();
    let long = world
        .scheduler
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    world.running(&long).await;
    world.scheduler.shutdown().await;
    let short = world.scheduler.get(short.id).await.unwrap().unwrap();
    assert_eq!(short.status, JobStatus::Completed);
    let returned = world.scheduler.get(long.id).await.unwrap().unwrap();
    // No attempt was spent.
    assert_eq!((returned.status, returned.attempt), (JobStatus::Pending, 0));
}

/// As if the connection had been lost while the claim was committed: the database says that the worker has the job, and the worker
/// does not know.
async fn a_job_that_was_given_and_never_began_goes_back(test: Ground) {
    let world = World::new(test, Jobs::new().lease(Duration::from_secs(1))).await;
    let workers = "SELECT COUNT(*) AS count FROM tasks_workers";
    eventually("its worker has a row", async || {
        count(&world.database, workers).await.unwrap() == 1
    })
    .await;
    goes_back(world, "(SELECT id FROM tasks_workers)").await;
}

/// The row of its worker is gone: nothing would be reaped.
async fn a_job_whose_worker_is_not_there_goes_back(test: Ground) {
    let world = World::new(test, Jobs::new().lease(Duration::from_secs(1))).await;
    goes_back(world, "'nobody'").await;
}

/// A job that the database says a worker has, and that nobody runs.
async fn goes_back(world: World, worker: &str) {
    let job = world
        .scheduler
        .submit(call!(greet, name = "x"))
        .delay(LONG)
        .await
        .unwrap();
    let given = format!(
        "UPDATE tasks_jobs SET state = 2, attempt = 1, fence = 1, worker = {worker} WHERE id = '{}'",
        job.id
    );
    let session = world.database.session();
    session.execute_script(&given).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));
    world.scheduler.shutdown().await;
}

/// Their processes would be taken for dead, and the jobs would run again.
async fn tasks_that_use_all_connections_do_not_keep_their_process_from_showing_that_it_lives(
    test: Ground,
) {
    let jobs = || {
        Jobs::new()
            .max_concurrency(100)
            // Less than it takes until all are done, and more than a busy machine needs for a sign of life.
            .lease(Duration::from_secs(5))
    };
    let world = World::new(test, jobs()).await;
    let other = Scheduler::new(&world.database, jobs());
    let executor = testing::executor([task(reads)]).provide(world.database.clone());
    other.start(&executor.build().unwrap()).unwrap();
    let all = (0..200).map(|_| world.scheduler.submit(call!(reads, milliseconds = 4000)));
    let ids = world.scheduler.submit_all(all).await.unwrap();
    for id in ids {
        let job = world.scheduler.wait(id, LONG).await.unwrap();
        assert_eq!(
            (job.status, job.attempt),
            (JobStatus::Completed, 1),
            "{job:?}"
        );
    }
    let crashed = "SELECT COUNT(*) AS count FROM tasks_jobs WHERE crashes > 0";
    assert_eq!(count(&world.database, crashed).await.unwrap(), 0);
    other.shutdown().await;
    world.scheduler.shutdown().await;
}

/// Whoever was told that a job is to be canceled is not told later that it has completed, unless other rows were written with that.
async fn a_cancellation_that_comes_last_counts(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    for (how, status) in [
        ("returned", JobStatus::Canceled),
        ("failed", JobStatus::Canceled),
        ("completed", JobStatus::Completed),
    ] {
        let job = world
            .scheduler
            .submit(call!(canceled_at_the_end, how = how));
        let done = world.done(&job.await.unwrap()).await;
        assert_eq!((done.status, done.attempt), (status, 1), "{how}");
        assert!(
            done.finished_at.is_some() && done.error.is_none(),
            "{done:?}"
        );
        let result = world.scheduler.result::<String>(done.id).await;
        assert_eq!(result.is_ok(), status == JobStatus::Completed, "{result:?}");
    }
    world.scheduler.shutdown().await;
}

with_every_engine!(
    a_cancellation_that_comes_last_counts,
    what_waits_is_canceled_at_once_and_what_runs_is_stopped,
    a_job_that_another_process_runs_is_canceled,
    a_thread_that_cannot_stop_keeps_its_job_running,
    a_thread_that_does_not_stop_is_in_the_health,
    what_was_canceled_is_not_tried_again,
    shutdown_lets_jobs_end_or_returns_them,
    a_job_that_was_given_and_never_began_goes_back,
    a_job_whose_worker_is_not_there_goes_back,
    tasks_that_use_all_connections_do_not_keep_their_process_from_showing_that_it_lives,
);
