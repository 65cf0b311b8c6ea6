//! Jobs that the code of a job submits and waits for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tasks_tests::databases::{TestDatabase, count};
use tasks_tests::engines::Ground;
use tasks_tests::{on_all_databases, with_every_engine};
use tasks_web::jobs::{
    ChildJob, JobError, JobId, JobStatus, Jobs, MAX_STEP_RESULT, PendingCode, Scheduler, StepKind,
    StepStatus,
};
use tasks_web::prelude::*;
use tasks_web::{Permanent, testing};

use crate::world::{Counter, LONG, World, eventually, greet, sleep};

/// Doubles a number, after a while.
#[task(register = false)]
async fn double(counter: Counter, n: u64, milliseconds: u64) -> u64 {
    counter.0.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    n * 2
}

/// Has numbers doubled side by side, and fails after that as often as it is told.
#[task(register = false, retries = 5, backoff = "constant(10ms)")]
async fn doubles(
    context: TaskContext,
    scheduler: Scheduler,
    numbers: Vec<u64>,
    fails: u32,
) -> anyhow::Result<Vec<u64>> {
    let mut children = Vec::new();
    for n in numbers {
        let double = scheduler.submit(call!(double, n = n, milliseconds = 100 * n));
        children.push(context.spawn_child(("double", n), double).await?);
    }
    anyhow::ensure!(context.attempt() > fails, "attempt {}", context.attempt());
    let all = children.into_iter().map(ChildJob::result);
    Ok(futures_util::future::try_join_all(all).await?)
}

/// Fails until it is told that it works.
#[task(register = false)]
async fn breaks(counter: Counter) -> anyhow::Result<u32> {
    match counter.get() {
        0 => Err(anyhow::Error::new(Permanent::msg("it is broken"))),
        works => Ok(works),
    }
}

#[task(register = false, retries = 1, backoff = "constant(10ms)")]
async fn waits_for_breaks(context: TaskContext, scheduler: Scheduler) -> anyhow::Result<u32> {
    let child = context
        .spawn_child("breaks", scheduler.submit(call!(breaks)))
        .await?;
    Ok(child.result().await?)
}

/// Sleeps beside a child that it does not wait for.
#[task(register = false)]
async fn leaves(
    context: TaskContext,
    scheduler: Scheduler,
    counter: Counter,
) -> anyhow::Result<String> {
    counter.0.fetch_add(1, Ordering::SeqCst);
    let child = context
        .spawn_child("greet", scheduler.submit(call!(greet, name = "you")))
        .await?;
    context.sleep("nap", Duration::from_secs(2)).await?;
    Ok(child.id().to_string())
}

/// Waits for a child and for the time at once.
#[task(register = false)]
async fn whichever(
    context: TaskContext,
    scheduler: Scheduler,
    milliseconds: u64,
) -> anyhow::Result<String> {
    let slow = scheduler.submit(call!(sleep, milliseconds = milliseconds));
    let child = context.spawn_child("slow", slow).await?;
    tokio::select! {
        slept = child.result::<u64>() => Ok(format!("the child: {}", slept?)),
        over = context.sleep("limit", Duration::from_secs(4)) => {
            over?;
            Ok("the limit".to_owned())
        }
    }
}

/// Has the time pass beside the submission of a child and the wait for it.
#[task(register = false)]
async fn beside(
    context: TaskContext,
    scheduler: Scheduler,
    milliseconds: u64,
) -> anyhow::Result<String> {
    let child = async {
        let slow = scheduler.submit(call!(sleep, milliseconds = milliseconds));
        let child = context.spawn_child("slow", slow).await?;
        anyhow::Ok(child.result::<u64>().await?)
    };
    tokio::select! {
        slept = child => Ok(format!("the child: {}", slept?)),
        over = context.sleep("limit", Duration::from_secs(20)) => {
            over?;
            Ok("the limit".to_owned())
        }
    }
}

/// Looks at its child when it was told to.
#[task(register = false)]
async fn looks_later(context: TaskContext, scheduler: Scheduler) -> anyhow::Result<String> {
    let child = scheduler.submit(call!(greet, name = "you"));
    let child = context.spawn_child("greet", child).await?;
    let _: bool = context.wait_for("look", LONG).await?;
    Ok(child.result().await?)
}

/// Is its own child.
#[task(register = false, unique = "params")]
async fn ouroboros(context: TaskContext, scheduler: Scheduler) -> anyhow::Result<()> {
    let child = scheduler.submit(call!(ouroboros));
    context.spawn_child("tail", child).await?;
    Ok(())
}

/// So many bytes.
#[task(register = false)]
async fn long_text(bytes: usize) -> String {
    "a".repeat(bytes)
}

#[task(register = false)]
async fn takes_long_text(
    context: TaskContext,
    scheduler: Scheduler,
    bytes: usize,
) -> anyhow::Result<usize> {
    let child = scheduler.submit(call!(long_text, bytes = bytes));
    let child = context.spawn_child("text", child).await?;
    Ok(child.result::<String>().await?.len())
}

/// Has a secret, and says it.
#[task(register = false)]
async fn indiscreet(#[task(secret)] password: String) -> anyhow::Result<()> {
    Err(anyhow::Error::new(Permanent::msg(password)))
}

#[task(register = false)]
async fn trusts(context: TaskContext, scheduler: Scheduler) -> anyhow::Result<()> {
    let child = scheduler.submit(call!(indiscreet, password = "sesame"));
    let child = context.spawn_child("indiscreet", child).await?;
    Ok(child.result().await?)
}

#[task(register = false)]
async fn wrong_children(context: TaskContext, scheduler: Scheduler) -> anyhow::Result<Vec<String>> {
    let mut errors = Vec::new();
    let unknown = scheduler.submit_named("nobody_has_it", ());
    let unknown = context.spawn_child("unknown", unknown).await;
    errors.extend(unknown.err().map(|error| error.to_string()));
    let child = scheduler.submit(call!(greet, name = "you"));
    let nested: anyhow::Result<()> = context
        .step("outer", async || {
            context.spawn_child("inner", child).await?;
            Ok(())
        })
        .await;
    errors.extend(nested.err().map(|error| error.to_string()));
    let child = scheduler.submit(call!(greet, name = "you"));
    let child = context.spawn_child("greeting", child).await?;
    let number = child.result::<u32>().await;
    errors.extend(number.err().map(|error| error.to_string()));
    let child = scheduler.submit(call!(greet, name = "you"));
    let child = context.spawn_child("nested", child).await?;
    let nested: anyhow::Result<String> = context
        .step("outer again", async || Ok(child.result().await?))
        .await;
    errors.extend(nested.err().map(|error| error.to_string()));
    let child = scheduler
        .submit(call!(greet, name = "you"))
        .debounce("all", Duration::from_secs(1));
    let debounced = context.spawn_child("debounced", child).await;
    errors.extend(debounced.err().map(|error| error.to_string()));
    Ok(errors)
}

async fn world(test: Ground, jobs: Jobs) -> World {
    let tasks = vec![
        task(double),
        task(doubles),
        task(breaks),
        task(waits_for_breaks),
        task(leaves),
        task(whichever),
        task(wrong_children),
        task(beside),
        task(looks_later),
        task(ouroboros),
        task(long_text),
        task(takes_long_text),
        task(indiscreet),
        task(trusts),
        task(greet),
        task(sleep),
    ];
    World::with_tasks(test, jobs, tasks).await
}

/// One worker does all of it: who waits takes no place.
async fn a_job_waits_for_its_children(test: Ground) {
    let world = world(test, Jobs::new().max_concurrency(1)).await;
    let scheduler = &world.scheduler;
    let call = call!(doubles, numbers = vec![5, 3, 1], fails = 0);
    let job = scheduler.submit(call).await.unwrap();
    waits(&world, job.id).await;
    let waiting = scheduler.get(job.id).await.unwrap().unwrap();
    let reason = waiting.pending_reason.unwrap();
    assert!(
        reason.starts_with("it waits for the end of job 01"),
        "{reason}"
    );
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));

    world.counter.0.store(0, Ordering::SeqCst);
    let call = call!(doubles, numbers = vec![5, 3, 1], fails = 2);
    let job = scheduler.submit(call).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 3));
    let result: Vec<u64> = scheduler.result(job.id).await.unwrap();
    assert_eq!(result, [10, 6, 2]);
    // Once each, however often the parent began.
    assert_eq!(world.counter.get(), 3);
    let steps = scheduler.steps(job.id).await.unwrap();
    let lineage = scheduler.lineage(job.id).await.unwrap();
    let mut children: Vec<JobId> = steps.iter().filter_map(|step| step.child_id).collect();
    children.reverse();
    assert_eq!(children, lineage.children);
    for (step, n) in steps.iter().zip([5, 3, 1]) {
        assert_eq!(step.name, format!("double[{n}]"));
        assert_eq!(
            (step.kind, step.status),
            (StepKind::Child, StepStatus::Completed)
        );
        assert_eq!((&step.event, step.waits_until), (&None, None), "{step:?}");
        // From the submission to the end.
        let took = step.finished_at.unwrap() - step.started_at;
        assert!(took.num_milliseconds() >= 100 * n, "{step:?}");
    }
    // What they came to is the parent's.
    for child in children {
        assert!(scheduler.delete(child).await.unwrap());
    }
    let again = scheduler.fork(job.id, "double[1]").await.unwrap();
    world.done(&again).await;
    let result: Vec<u64> = scheduler.result(again.id).await.unwrap();
    assert_eq!((result, world.counter.get()), (vec![10, 6, 2], 4));
    scheduler.shutdown().await;
}

/// Its error is that of the parent, which waits again when the child is tried again.
async fn a_child_that_fails_is_looked_at_again(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let job = scheduler.submit(call!(waits_for_breaks)).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Failed, 2));
    let step = scheduler.steps(job.id).await.unwrap().remove(0);
    let child = step.child_id.unwrap();
    let said = format!("job {child} failed: it is broken");
    assert_eq!(done.error.as_deref(), Some(said.as_str()));
    assert_eq!((step.status, step.error), (StepStatus::Failed, Some(said)));

    world.counter.0.store(7, Ordering::SeqCst);
    scheduler.retry(child).await.unwrap();
    scheduler.retry(job.id).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    assert_eq!(scheduler.result::<u32>(job.id).await.unwrap(), 7);

    // One that is gone.
    world.counter.0.store(0, Ordering::SeqCst);
    let job = scheduler.submit(call!(waits_for_breaks)).await.unwrap();
    world.done(&job).await;
    let child = scheduler.steps(job.id).await.unwrap().remove(0).child_id;
    scheduler.delete(child.unwrap()).await.unwrap();
    scheduler.retry(job.id).await.unwrap();
    let done = world.done(&job).await;
    let said = done.error.unwrap();
    assert!(
        said.contains("was deleted, which is the child `breaks`"),
        "{said}"
    );
    scheduler.shutdown().await;
}

async fn a_canceled_child_ends_the_wait(test: Ground) {
    let world = world(test, Jobs::new().max_concurrency(2)).await;
    let scheduler = &world.scheduler;
    let call = call!(doubles, numbers = vec![600], fails = 0);
    let job = scheduler.submit(call).await.unwrap();
    waits(&world, job.id).await;
    let child = scheduler.lineage(job.id).await.unwrap().children[0];
    // The parent alone, which its child does not end with.
    scheduler.cancel(job.id).await.unwrap();
    assert_eq!(world.done(&job).await.status, JobStatus::Canceled);
    let running = scheduler.get(child).await.unwrap().unwrap();
    assert_eq!(running.status, JobStatus::Running);
    scheduler.retry(job.id).await.unwrap();
    waits(&world, job.id).await;
    scheduler.cancel(child).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!(done.status, JobStatus::Failed);
    assert!(done.error.unwrap().ends_with("was canceled"));
    scheduler.shutdown().await;
}

/// The end of a child wakes nobody who waits for something else.
async fn a_child_that_is_not_waited_for_wakes_nobody(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let job = scheduler.submit(call!(leaves)).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    assert_eq!(world.counter.get(), 2);
    let child: String = scheduler.result(job.id).await.unwrap();
    assert!(
        scheduler
            .get(child.parse().unwrap())
            .await
            .unwrap()
            .is_some()
    );
    for (milliseconds, expected) in [(50, "the child: 50"), (9000, "the limit")] {
        let call = call!(whichever, milliseconds = milliseconds);
        let job = scheduler.submit(call).await.unwrap();
        world.done(&job).await;
        assert_eq!(scheduler.result::<String>(job.id).await.unwrap(), expected);
    }
    scheduler.shutdown().await;
}

async fn what_cannot_be_a_child_is_said(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let job = scheduler.submit(call!(wrong_children)).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    let errors: Vec<String> = scheduler.result(job.id).await.unwrap();
    assert!(
        errors[0].contains("no task is named `nobody_has_it`"),
        "{errors:?}"
    );
    assert!(
        errors[1].contains("inside of the step `outer`"),
        "{errors:?}"
    );
    assert!(errors[2].contains("greeting"), "{errors:?}");
    assert!(
        errors[3].contains("inside of the step `outer again`"),
        "{errors:?}"
    );
    assert!(errors[4].contains("/debounce"), "{errors:?}");
    assert_eq!(errors.len(), 5);

    let failed = async |call| {
        let job = scheduler.submit(call).await.unwrap();
        world.done(&job).await.error.unwrap_or_default()
    };
    let said = failed(call!(ouroboros)).await;
    assert!(said.contains("would be that job itself"), "{said}");
    let said = failed(call!(takes_long_text, bytes = MAX_STEP_RESULT)).await;
    assert!(said.contains("262146 bytes"), "{said}");
    assert_eq!(failed(call!(takes_long_text, bytes = 1000)).await, "");
    let said = failed(call!(trusts)).await;
    assert!(said.contains("is not shown"), "{said}");
    scheduler.shutdown().await;
}

/// Whatever the order is in which a child and a time are waited for.
async fn no_end_of_a_child_is_overheard(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let submit = async |milliseconds: u64| {
        let call = call!(beside, milliseconds = milliseconds);
        scheduler.submit(call).await.unwrap()
    };
    let mut jobs = Vec::new();
    for n in 0..12 {
        jobs.push(submit(n * 20).await);
    }
    for job in jobs {
        let done = world.done(&job).await;
        let took = done.finished_at.unwrap() - done.submitted_at;
        assert!(took.num_seconds() < 15, "{done:?}");
        let said: String = scheduler.result(job.id).await.unwrap();
        assert!(said.starts_with("the child"), "{said}");
    }
    // Nobody is waited for any more.
    eventually("no wait is left", async || {
        let waits = "SELECT COUNT(*) AS count FROM tasks_job_steps WHERE child_id IS NOT NULL AND waits_until IS NOT NULL AND result IS NULL";
        count(&world.database, waits).await.unwrap() == 0
    })
    .await;
    scheduler.shutdown().await;
}

/// The result is there when the parent takes it, however much later that is.
async fn a_child_is_kept_until_its_parent_has_taken_the_result(test: Ground) {
    let jobs = Jobs::new().retention(Duration::from_secs(1));
    let world = world(test, jobs).await;
    let scheduler = &world.scheduler;
    let other = scheduler.submit(call!(greet, name = "me")).await.unwrap();
    let job = scheduler.submit(call!(looks_later)).await.unwrap();
    eventually("others are forgotten", async || {
        scheduler.get(other.id).await.unwrap().is_none()
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let child = scheduler.lineage(job.id).await.unwrap().children[0];
    scheduler.send(job.id, "look", &true).await.unwrap();
    let done = scheduler.wait(job.id, LONG).await.unwrap();
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    eventually("it is forgotten, too", async || {
        scheduler.get(child).await.unwrap().is_none()
    })
    .await;
    scheduler.shutdown().await;
}

/// Somebody has locked the record of a parent: others go on.
async fn a_locked_parent_holds_no_other_up(test: TestDatabase) {
    if !test.is_postgres() {
        return;
    }
    let world = world(Ground::embedded(test), Jobs::new()).await;
    let scheduler = &world.scheduler;
    let waiting = async |milliseconds: u64| {
        let call = call!(doubles, numbers = vec![milliseconds / 100], fails = 0);
        let job = scheduler.submit(call).await.unwrap();
        waits(&world, job.id).await;
        job
    };
    let (locked, other) = (waiting(2000).await, waiting(2000).await);
    let held: anyhow::Result<()> = world
        .database
        .session()
        .transaction(async |tx| {
            let lock = format!(
                "UPDATE tasks_jobs SET priority = 0 WHERE id = '{}'",
                locked.id
            );
            tx.batch(&lock).await?;
            let done = world.done(&other).await;
            assert_eq!(done.status, JobStatus::Completed);
            let still = scheduler.get(locked.id).await?.unwrap();
            assert_eq!(still.status, JobStatus::Pending);
            Ok(())
        })
        .await;
    held.unwrap();
    assert_eq!(world.done(&locked).await.status, JobStatus::Completed);
    scheduler.shutdown().await;
}

async fn waits(world: &World, id: JobId) {
    eventually("it waits for a child", async || {
        let job = world.scheduler.get(id).await.unwrap().unwrap();
        job.pending_code == Some(PendingCode::WaitingForChild)
    })
    .await;
}

with_every_engine!(
    a_job_waits_for_its_children,
    a_child_that_fails_is_looked_at_again,
    a_canceled_child_ends_the_wait,
    a_child_that_is_not_waited_for_wakes_nobody,
    what_cannot_be_a_child_is_said,
    no_end_of_a_child_is_overheard,
    a_child_is_kept_until_its_parent_has_taken_the_result,
);

/// Children run in whatever process has their task, and their ends are noticed in the others.
async fn children_run_in_other_processes(test: TestDatabase) {
    let start = async |tasks: Vec<tasks_web::TaskFn>| {
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let scheduler = Scheduler::new(&database, Jobs::new().max_concurrency(1));
        let executor = testing::executor(tasks)
            .provide(scheduler.clone())
            .provide(Counter::default())
            .build()
            .unwrap();
        scheduler.start(&executor).unwrap();
        (scheduler, database)
    };
    let (parent, database) = start(vec![task(doubles), task(double)]).await;
    let (other, _) = start(vec![task(double)]).await;
    let call = call!(doubles, numbers = vec![1, 2, 3, 4], fails = 0);
    let job = parent.submit(call).await.unwrap();
    let done = other.wait(job.id, LONG).await.unwrap();
    assert_eq!(done.status, JobStatus::Completed, "{done:?}");
    let jobs = count(&database, "SELECT COUNT(*) AS count FROM tasks_jobs");
    assert_eq!(jobs.await.unwrap(), 5);
    parent.shutdown().await;
    other.shutdown().await;
}

mod processes {
    use super::*;

    on_all_databases!(
        children_run_in_other_processes,
        a_locked_parent_holds_no_other_up,
    );
}

/// Without a job there is no parent.
#[tokio::test]
async fn a_child_has_a_job_for_its_parent() {
    let test = TestDatabase::sqlite();
    let world = world(Ground::embedded(test), Jobs::new()).await;
    let executor = testing::executor([task(waits_for_breaks), task(breaks)])
        .provide(world.scheduler.clone())
        .provide(Counter::default())
        .build()
        .unwrap();
    let failed = executor.run::<u32>(call!(waits_for_breaks)).await;
    let said = failed.unwrap_err().to_string();
    assert!(said.contains(&JobError::NotAJob.to_string()), "{said}");
    world.scheduler.shutdown().await;
}
