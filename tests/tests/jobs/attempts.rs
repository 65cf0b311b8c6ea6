//! How jobs run: results, retries, limits, progress, lines, closures.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::databases::count;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobAttempt, JobError, JobId, JobStatus, Jobs};
use tasks_web::prelude::*;

use crate::world::{
    LONG, World, chatters, completes_in_vain, flaky, greet, hopeless, panics, sleep, spawns_local,
    talks, two_at_once,
};

async fn a_job_runs_and_has_a_result(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(greet, name = "Ada"))
        .description("a greeting")
        .await
        .unwrap();
    assert_eq!((job.status, job.attempt), (JobStatus::Pending, 0));
    assert_eq!(job.params.as_str(), r#"{"name":"Ada"}"#);
    let done = world.done(&job).await;
    assert_eq!(
        (done.status, done.attempt, done.max_attempts),
        (JobStatus::Completed, 1, 1)
    );
    assert_eq!(done.description.as_deref(), Some("a greeting"));
    assert!(done.submitted_at <= done.started_at.unwrap() && done.started_at <= done.finished_at);
    assert_eq!(
        world.scheduler.result::<String>(job.id).await.unwrap(),
        "Hello, Ada!"
    );
    let named = world
        .scheduler
        .submit_named("greet", json!({"name": "Grace"}))
        .await
        .unwrap();
    world.done(&named).await;
    assert_eq!(
        world.scheduler.result::<Value>(named.id).await.unwrap(),
        "Hello, Grace!"
    );
    world.scheduler.shutdown().await;
    assert!(matches!(
        world.scheduler.submit(call!(greet, name = "x")).await,
        Err(JobError::NotRunning)
    ));
}

async fn an_attempt_that_fails_is_followed_by_another(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(flaky, works_at = 3))
        .await
        .unwrap();
    let done = world.done(&job).await;
    assert_eq!(
        (done.status, done.attempt, done.max_attempts),
        (JobStatus::Completed, 3, 6)
    );
    assert_eq!(world.counter.get(), 3);
    assert_eq!(done.error, None);

    world.counter.0.store(0, Ordering::SeqCst);
    let job = world
        .scheduler
        .submit(call!(flaky, works_at = 9))
        .max_attempts(2)
        .await
        .unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Failed, 2));
    assert_eq!(done.error.as_deref(), Some("call 2 fails"));
    assert!(done.error_traceback.unwrap().contains("world.rs"));
    let error = world
        .scheduler
        .result::<u32>(job.id)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("failed: call 2 fails"), "{error}");

    world.counter.0.store(0, Ordering::SeqCst);
    let job = world.scheduler.submit(call!(hopeless)).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!(
        (done.status, done.attempt, world.counter.get()),
        (JobStatus::Failed, 1, 1)
    );

    let job = world.scheduler.submit(call!(panics)).await.unwrap();
    assert_eq!(world.done(&job).await.error.as_deref(), Some("oh no"));
    let job = world.scheduler.submit(call!(spawns_local)).await.unwrap();
    let error = world.done(&job).await.error.unwrap_or_default();
    assert!(error.contains("use `tokio::spawn`"), "{error}");
    // Queued again by hand, with all its attempts.
    world.counter.0.store(0, Ordering::SeqCst);
    let failed = world
        .scheduler
        .submit(call!(flaky, works_at = 2))
        .max_attempts(1)
        .await
        .unwrap();
    assert_eq!(world.done(&failed).await.status, JobStatus::Failed);
    let again = world.scheduler.retry(failed.id).await.unwrap();
    assert_eq!(
        (again.status, again.attempt, again.error),
        (JobStatus::Pending, 0, None)
    );
    let done = world.done(&failed).await;
    assert_eq!(done.status, JobStatus::Completed);
    let error = world.scheduler.retry(failed.id).await.unwrap_err();
    assert!(
        matches!(
            error,
            JobError::WrongState {
                status: JobStatus::Completed,
                ..
            }
        ),
        "{error}"
    );
}

async fn a_job_says_how_far_it_is(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(talks, steps = 5))
        .await
        .unwrap();
    let done = world.done(&job).await;
    let progress = done.progress.unwrap();
    assert_eq!(
        (
            progress.current,
            progress.total,
            progress.message.as_deref()
        ),
        (5, Some(5), Some("done"))
    );
    assert_eq!(
        world.scheduler.result::<String>(job.id).await.unwrap(),
        "1 true"
    );
    let logs = world.scheduler.logs(job.id, 0, 100).await.unwrap();
    let lines: Vec<(u32, &str)> = logs
        .iter()
        .map(|line| (line.number, line.message.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (1, "did 0"),
            (2, "did 1"),
            (3, "did 2"),
            (4, "did 3"),
            (5, "did 4")
        ]
    );
    assert_eq!(world.scheduler.logs(job.id, 3, 100).await.unwrap().len(), 2);
}

async fn many_lines_are_kept_and_hold_nobody_up(test: Ground) {
    let world = World::new(test, Jobs::new().max_concurrency(30)).await;
    let all = (0..30).map(|_| world.scheduler.submit(call!(chatters)));
    for id in world.scheduler.submit_all(all).await.unwrap() {
        let job = world.scheduler.wait(id, LONG).await.unwrap();
        assert_eq!((job.status, job.attempt), (JobStatus::Completed, 1));
        // The lines of an attempt come before its end.
        let last = world.scheduler.logs(id, 990, 100).await.unwrap();
        assert_eq!(last.len(), 10, "{id}");
        assert_eq!((last[9].number, &*last[9].message), (1000, "line 999"));
    }
    world.scheduler.shutdown().await;
}

async fn limits_hold(test: Ground) {
    let world = World::new(test, Jobs::new().max_concurrency(10).queue("other", 5)).await;
    // Two at once in all, not in each queue.
    let queue = |n| if n % 2 == 0 { "default" } else { "other" };
    let jobs: Vec<_> = (0..12)
        .map(|n| world.scheduler.submit(call!(two_at_once)).queue(queue(n)))
        .collect();
    for id in world.scheduler.submit_all(jobs).await.unwrap() {
        assert_eq!(
            world.scheduler.wait(id, LONG).await.unwrap().status,
            JobStatus::Completed
        );
    }
    assert_eq!(world.most.load(Ordering::SeqCst), 2);
}

async fn a_closure_is_a_job_of_this_process(test: Ground) {
    let jobs = Jobs::new().shutdown_timeout(Duration::from_millis(200));
    let world = World::new(test, jobs).await;
    let scheduler = &world.scheduler;
    let spawn = async |milliseconds: u64| {
        let work = async move {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok::<_, TaskError>(json!({"waited": milliseconds}))
        };
        scheduler.spawn("background work", work).await.unwrap()
    };
    let job = spawn(10).await;
    assert_eq!(
        (job.status, job.task_name.as_deref()),
        (JobStatus::Running, None)
    );
    assert_eq!(world.done(&job).await.status, JobStatus::Completed);
    assert_eq!(
        scheduler.result::<Value>(job.id).await.unwrap()["waited"],
        10
    );
    let job = spawn(60_000).await;
    scheduler.cancel(job.id).await.unwrap();
    assert_eq!(world.done(&job).await.status, JobStatus::Canceled);
    // At the end of its process it has failed, and says why.
    let job = spawn(60_000).await;
    scheduler.shutdown().await;
    let lost = scheduler.get(job.id).await.unwrap().unwrap();
    assert_eq!(lost.status, JobStatus::Failed);
    assert!(lost.error.unwrap().contains("cannot survive its process"));
}

/// A transaction that is undone has completed nothing.
async fn a_job_that_was_completed_in_vain_has_what_its_task_returns(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(completes_in_vain))
        .await
        .unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));
    assert_eq!(world.scheduler.result::<u32>(job.id).await.unwrap(), 2);
    world.scheduler.shutdown().await;
}

async fn what_cannot_be_stored_is_replaced(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .spawn("zero", async { Err::<(), _>(TaskError::msg("a\0b")) })
        .await
        .unwrap();
    let done = world.done(&job).await;
    assert_eq!(done.error.as_deref(), Some("a\u{fffd}b"));
    world.scheduler.shutdown().await;
}

/// Each attempt as (number, status, error).
async fn attempts(world: &World, id: JobId) -> Vec<(u32, JobStatus, Option<String>)> {
    let attempts = world.scheduler.attempts(id).await.unwrap();
    for attempt in &attempts {
        assert!(attempt.started_at.is_some(), "{attempt:?}");
        assert!(attempt.started_at <= attempt.finished_at, "{attempt:?}");
        let is_failed = attempt.status == JobStatus::Failed;
        assert_eq!(attempt.error_type.is_some(), is_failed, "{attempt:?}");
        if is_failed {
            let worker = attempt.worker.as_deref().unwrap();
            assert!(worker.ends_with(&format!("({})", std::process::id())));
        }
    }
    let parts = |attempt: JobAttempt| (attempt.number, attempt.status, attempt.error);
    attempts.into_iter().map(parts).collect()
}

async fn every_attempt_is_kept(test: Ground) {
    use JobStatus::{Completed, Failed};
    let world = World::new(test, Jobs::new()).await;
    let said = |n: u32| Some(format!("call {n} fails"));
    let job = world
        .scheduler
        .submit(call!(greet, name = "Ada"))
        .await
        .unwrap();
    world.done(&job).await;
    assert_eq!(attempts(&world, job.id).await, [(1, Completed, None)]);

    let job = world
        .scheduler
        .submit(call!(flaky, works_at = 3))
        .await
        .unwrap();
    world.done(&job).await;
    assert_eq!(
        attempts(&world, job.id).await,
        [
            (1, Failed, said(1)),
            (2, Failed, said(2)),
            (3, Completed, None)
        ]
    );
    // The last one of a job that failed is not there twice, and another life goes on with the list.
    world.counter.0.store(0, Ordering::SeqCst);
    let job = world
        .scheduler
        .submit(call!(flaky, works_at = 3))
        .max_attempts(2)
        .await
        .unwrap();
    world.done(&job).await;
    let two = [(1, Failed, said(1)), (2, Failed, said(2))];
    assert_eq!(attempts(&world, job.id).await, two);
    world.scheduler.retry(job.id).await.unwrap();
    assert_eq!(attempts(&world, job.id).await, two);
    world.done(&job).await;
    let three = [two.as_slice(), &[(1, Completed, None)]].concat();
    assert_eq!(attempts(&world, job.id).await, three);
    world.scheduler.delete(job.id).await.unwrap();
    let error = world.scheduler.attempts(job.id).await.unwrap_err();
    assert!(matches!(error, JobError::JobNotFound(_)), "{error}");
    world.scheduler.shutdown().await;
}

async fn workers_say_what_they_serve_and_run(test: Ground) {
    let world = World::new(test, Jobs::new().queue("reports", 1)).await;
    let job = world
        .scheduler
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    let deadline = Instant::now() + LONG;
    let worker = loop {
        let mut workers = world.scheduler.workers().await.unwrap();
        let own = workers.iter().position(|worker| worker.running == 1);
        if let Some(own) = own {
            break workers.swap_remove(own);
        }
        assert!(Instant::now() < deadline, "{workers:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(worker.process, u64::from(std::process::id()));
    assert!(worker.queues.contains(&"reports".to_owned()), "{worker:?}");
    assert!(worker.tasks.contains(&"sleep".to_owned()), "{worker:?}");
    world.scheduler.cancel(job.id).await.unwrap();
    world.done(&job).await;
    world.scheduler.shutdown().await;
}

/// As after a commit whose answer was lost.
async fn an_attempt_that_is_stored_already_holds_nobody_up(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(flaky, works_at = 2))
        .delay(Duration::from_millis(500))
        .await
        .unwrap();
    let row = format!(
        "INSERT INTO tasks_job_attempts (job_id, fence, number, host, process, started_at, finished_at, error_type, error) \
         VALUES ('{}', 1, 1, 'other', 7, 1, 2, 'x', 'stored before')",
        job.id
    );
    let session = world.database.session();
    session.execute_script(&row).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 2));
    let attempts = world.scheduler.attempts(job.id).await.unwrap();
    assert_eq!(attempts[0].error.as_deref(), Some("stored before"));
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    // With the job, they go.
    world.scheduler.delete(job.id).await.unwrap();
    let left = count(
        &world.database,
        "SELECT COUNT(*) AS count FROM tasks_job_attempts",
    );
    assert_eq!(left.await.unwrap(), 0);
    world.scheduler.shutdown().await;
}

async fn only_the_latest_attempts_are_kept(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(flaky, works_at = 104))
        .max_attempts(110)
        .await
        .unwrap();
    let done = world.scheduler.wait(job.id, 2 * LONG).await.unwrap();
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 104));
    let kept = attempts(&world, job.id).await;
    let numbers: Vec<u32> = kept.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (4..=104).collect::<Vec<_>>());
    world.scheduler.shutdown().await;
}

with_every_engine!(
    every_attempt_is_kept,
    an_attempt_that_is_stored_already_holds_nobody_up,
    only_the_latest_attempts_are_kept,
    workers_say_what_they_serve_and_run,
    a_job_that_was_completed_in_vain_has_what_its_task_returns,
    a_job_runs_and_has_a_result,
    an_attempt_that_fails_is_followed_by_another,
    a_job_says_how_far_it_is,
    many_lines_are_kept_and_hold_nobody_up,
    limits_hold,
    a_closure_is_a_job_of_this_process,
    what_cannot_be_stored_is_replaced,
);
