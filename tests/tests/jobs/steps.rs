//! Durable steps: what an attempt has done is not done again, and waits that outlive it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tasks_tests::databases::count;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{
    Backoff, JobError, JobId, JobStatus, Jobs, PendingCode, StepKind, StepRetries, StepStatus,
};
use tasks_web::prelude::*;
use tasks_web::{Permanent, TaskError};

use crate::world::{Counter, LONG, World, eventually};

/// Counts how often each of its steps runs. Its last step fails until the third attempt.
#[task(register = false, retries = 5, backoff = "constant(10ms)")]
async fn in_steps(context: TaskContext, counter: Counter) -> anyhow::Result<Value> {
    let mut keys = Vec::new();
    for n in 0..3 {
        let key: String = context
            .step(("count", n), async || {
                counter.0.fetch_add(1, Ordering::SeqCst);
                anyhow::Ok(context.idempotency_key())
            })
            .await?;
        keys.push(key);
    }
    let attempt: u32 = context
        .step("fails", async || {
            anyhow::ensure!(
                context.attempt() >= 3,
                "attempt {} fails",
                context.attempt()
            );
            Ok(context.attempt())
        })
        .await?;
    Ok(json!({"keys": keys, "attempt": attempt}))
}

/// The same in a plain function.
#[task(register = false, retries = 5, backoff = "constant(10ms)")]
fn in_blocking_steps(context: &TaskContext, counter: &Counter) -> anyhow::Result<u32> {
    let first = context.step_blocking("count", || {
        anyhow::Ok(counter.0.fetch_add(1, Ordering::SeqCst) + 1)
    })?;
    anyhow::ensure!(context.attempt() >= 2, "it fails");
    Ok(first)
}

/// Adds a row in a step, and fails once after it.
#[task(register = false, retries = 1, backoff = "constant(10ms)")]
async fn in_transaction(context: TaskContext) -> anyhow::Result<i64> {
    let number: i64 = context
        .step_in("row", async |tx| {
            tx.batch("INSERT INTO effects (number) VALUES (7)").await?;
            anyhow::Ok(7)
        })
        .await?;
    let undone: anyhow::Result<i64> = context
        .step_in("undone", async |tx| {
            tx.batch("INSERT INTO effects (number) VALUES (8)").await?;
            anyhow::bail!("nothing is kept")
        })
        .await;
    anyhow::ensure!(undone.is_err() && context.attempt() == 2, "it fails");
    Ok(number)
}

#[task(register = false)]
async fn sleeps(context: TaskContext, counter: Counter, milliseconds: u64) -> anyhow::Result<u32> {
    counter.0.fetch_add(1, Ordering::SeqCst);
    context
        .sleep("nap", Duration::from_millis(milliseconds))
        .await?;
    Ok(context.attempt())
}

/// Sleeps on a thread, which nobody can drop.
#[task(register = false)]
fn sleeps_on_a_thread(context: &TaskContext, session: &Session) -> anyhow::Result<u32> {
    let nap = context.sleep("nap", Duration::from_millis(300));
    session.database().block_on(nap)?;
    Ok(context.attempt())
}

/// Two steps side by side, of which one takes longer than the other to begin to sleep.
#[task(register = false)]
async fn sleeps_beside(context: TaskContext, counter: Counter) -> anyhow::Result<u32> {
    let slow = context.step("slow", async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        anyhow::Ok(counter.0.fetch_add(1, Ordering::SeqCst) + 1)
    });
    let nap = context.sleep("nap", Duration::from_millis(50));
    let (slow, nap) = tokio::join!(slow, nap);
    nap?;
    slow
}

#[task(register = false)]
async fn approval(context: TaskContext, milliseconds: u64) -> Result<Vec<bool>, JobError> {
    let timeout = Duration::from_millis(milliseconds);
    let first: bool = context.wait_for("approval", timeout).await?;
    let second: bool = context.wait_for("approval", timeout).await?;
    Ok(vec![first, second])
}

/// What is wrong with steps, in words.
#[task(register = false)]
async fn wrong_steps(context: TaskContext) -> anyhow::Result<Vec<String>> {
    let mut errors = Vec::new();
    let nested: anyhow::Result<u32> = context
        .step("outer", async || {
            context.step("inner", async || anyhow::Ok(1)).await
        })
        .await;
    errors.extend(nested.err());
    let name: anyhow::Result<u32> = context.step("a#2", async || Ok(1)).await;
    errors.extend(name.err());
    let large: anyhow::Result<String> = context
        .step("large", async || Ok("x".repeat(256 * 1024)))
        .await;
    errors.extend(large.err());
    // The same name twice: each is a step.
    let first: anyhow::Result<u32> = context.step("same", async || Ok(1)).await;
    let second: anyhow::Result<u32> = context.step("same", async || Ok(2)).await;
    anyhow::ensure!((first?, second?) == (1, 2));
    Ok(errors.iter().map(ToString::to_string).collect())
}

/// Loses its job to another worker in the middle of a step, as a process does that was paused for longer than its lease.
#[task(register = false)]
async fn superseded(
    context: TaskContext,
    session: Session,
    counter: Counter,
) -> anyhow::Result<u32> {
    if counter.0.fetch_add(1, Ordering::SeqCst) > 0 {
        return context.step("late", async || anyhow::Ok(2)).await;
    }
    let id = context.job_id().unwrap();
    let late: anyhow::Result<u32> = context
        .step("late", async || {
            let sql = format!(
                "UPDATE tasks_jobs SET fence = fence + 1, state = 1, worker = NULL WHERE id = '{id}'"
            );
            session.execute_script(&sql).await?;
            Ok(1)
        })
        .await;
    let error = late.unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(JobError::Superseded(_))),
        "{error}"
    );
    Err(error)
}

/// Reads another type than it stores.
#[task(register = false, retries = 1, backoff = "constant(10ms)")]
async fn changed_type(context: TaskContext) -> Result<(), TaskError> {
    if context.attempt() == 1 {
        let _: String = context
            .step("value", async || Ok::<_, TaskError>("one".to_owned()))
            .await?;
        return Err(TaskError::msg("it fails"));
    }
    let _: u32 = context
        .step("value", async || Ok::<_, TaskError>(1))
        .await?;
    Ok(())
}

/// Waits for a word to stop, until its work is done; then it sleeps.
#[task(register = false)]
async fn works_until_told(
    context: TaskContext,
    counter: Counter,
    milliseconds: u64,
) -> anyhow::Result<u32> {
    counter.0.fetch_add(1, Ordering::SeqCst);
    let work = context.step("work", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        anyhow::Ok(7)
    });
    let done = tokio::select! {
        told = context.wait_for::<bool>("stop", Duration::from_secs(86_400)) => { told?; 0 }
        done = work => done?,
    };
    // It waits no more: this is no reason to put it off.
    tokio::time::sleep(Duration::from_millis(300)).await;
    context
        .sleep("nap", Duration::from_millis(milliseconds))
        .await?;
    Ok(done)
}

/// Takes two events at once.
#[task(register = false)]
async fn two_approvals(context: TaskContext) -> Result<Vec<u32>, JobError> {
    let day = Duration::from_secs(86_400);
    let (first, second) = tokio::join!(
        context.wait_for::<u32>("approval", day),
        context.wait_for::<u32>("approval", day),
    );
    let mut both = vec![first?, second?];
    both.sort_unstable();
    Ok(both)
}

/// Its step works when it was called often enough; a card with a wrong number never does.
#[task(register = false)]
async fn charges(
    context: TaskContext,
    counter: Counter,
    works_at: u32,
    wrong: bool,
) -> anyhow::Result<u32> {
    let retries = StepRetries::new(3).backoff(Backoff::constant(Duration::from_millis(10)));
    let charged: u32 = context
        .step_with_retries("charge", retries, async || {
            let call = counter.0.fetch_add(1, Ordering::SeqCst) + 1;
            if wrong {
                return Err(Permanent::msg("the card has no number").into());
            }
            anyhow::ensure!(call >= works_at, "call {call} fails");
            Ok(call)
        })
        .await?;
    Ok(charged)
}

/// Counts in each of its steps, and waits for an event between them.
#[task(register = false, retries = 1)]
async fn renders(context: TaskContext, counter: Counter) -> anyhow::Result<Vec<u32>> {
    let count = async || anyhow::Ok(counter.0.fetch_add(1, Ordering::SeqCst) + 1);
    let first: u32 = context.step("query", count).await?;
    let sent: u32 = context.wait_for("go", Duration::from_secs(3600)).await?;
    let second: u32 = context.step("render", count).await?;
    let third: u32 = context.step("send", count).await?;
    Ok(vec![first, sent, second, third])
}

/// Goes on when nobody answers.
#[task(register = false)]
async fn escalates(context: TaskContext, counter: Counter) -> anyhow::Result<u32> {
    let asked: Result<u32, _> = context.wait_for("answer", Duration::from_millis(50)).await;
    anyhow::ensure!(
        matches!(asked, Err(JobError::EventMissed { .. })),
        "somebody answered"
    );
    let count = async || anyhow::Ok(counter.0.fetch_add(1, Ordering::SeqCst) + 1);
    context.step("escalate", count).await
}

/// Says which events it waits for, and waits for another one at the end.
#[task(register = false, events(approval: bool, "second look": Vec<u32>))]
async fn declares(context: TaskContext) -> Result<Vec<u32>, JobError> {
    let hour = Duration::from_secs(3600);
    let look: Vec<u32> = context.wait_for("second look", hour).await?;
    let undeclared: Result<u32, _> = context.wait_for("third look", hour).await;
    match undeclared {
        Err(JobError::UndeclaredEvent { .. }) => Ok(look),
        _ => Err(JobError::NotAJob),
    }
}

async fn world(test: Ground, jobs: Jobs) -> World {
    let tasks = vec![
        task(in_steps),
        task(in_blocking_steps),
        task(in_transaction),
        task(steps_in_a_transaction),
        task(sleeps),
        task(sleeps_beside),
        task(sleeps_on_a_thread),
        task(approval),
        task(works_until_told),
        task(two_approvals),
        task(wrong_steps),
        task(superseded),
        task(changed_type),
        task(charges),
        task(renders),
        task(declares),
        task(escalates),
    ];
    World::with_tasks(test, jobs, tasks).await
}

/// Name, kind, status and attempt of each step.
async fn steps(world: &World, id: JobId) -> Vec<(String, StepKind, StepStatus, u32)> {
    let steps = world.scheduler.steps(id).await.unwrap();
    steps
        .into_iter()
        .map(|step| (step.name, step.kind, step.status, step.attempt))
        .collect()
}

async fn waits(world: &World, id: JobId, code: PendingCode) {
    eventually("it waits", async || {
        let job = world.scheduler.get(id).await.unwrap().unwrap();
        job.pending_code == Some(code)
    })
    .await;
}

async fn a_step_is_done_once(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let job = world.scheduler.submit(call!(in_steps)).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 3));
    assert_eq!(world.counter.get(), 3);
    let result: Value = world.scheduler.result(job.id).await.unwrap();
    let keys: Vec<String> = (0..3).map(|n| format!("{}/count[{n}]", job.id)).collect();
    assert_eq!(result, json!({"keys": keys, "attempt": 3}));
    let step = |name: &str, attempt| {
        (
            name.to_owned(),
            StepKind::Step,
            StepStatus::Completed,
            attempt,
        )
    };
    let expected = [
        step("count[0]", 1),
        step("count[1]", 1),
        step("count[2]", 1),
        step("fails", 3),
    ];
    assert_eq!(steps(&world, job.id).await, expected);

    world.counter.0.store(0, Ordering::SeqCst);
    let job = world
        .scheduler
        .submit(call!(in_blocking_steps))
        .await
        .unwrap();
    assert_eq!(world.done(&job).await.attempt, 2);
    assert_eq!(world.scheduler.result::<u32>(job.id).await.unwrap(), 1);
    assert_eq!(world.counter.get(), 1);
    world.scheduler.shutdown().await;
}

async fn a_step_and_its_rows_are_kept_together(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let sql = "CREATE TABLE effects (number BIGINT NOT NULL)";
    world.database.session().execute_script(sql).await.unwrap();
    let job = world.scheduler.submit(call!(in_transaction)).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 2));
    let rows = "SELECT COUNT(*) AS count FROM effects WHERE number = 7";
    assert_eq!(count(&world.database, rows).await.unwrap(), 1);
    let undone = "SELECT COUNT(*) AS count FROM effects WHERE number = 8";
    assert_eq!(count(&world.database, undone).await.unwrap(), 0);
    let found = world.scheduler.steps(job.id).await.unwrap();
    let errors: Vec<Option<&str>> = found.iter().map(|step| step.error.as_deref()).collect();
    assert_eq!(errors, [None, Some("nothing is kept")]);
    world.scheduler.shutdown().await;
}

async fn a_job_that_sleeps_takes_no_place(test: Ground) {
    let world = world(test, Jobs::new().max_concurrency(1)).await;
    let job = world
        .scheduler
        .submit(call!(sleeps, milliseconds = 3000))
        .await
        .unwrap();
    waits(&world, job.id, PendingCode::Sleeping).await;
    let sleeping = world.scheduler.get(job.id).await.unwrap().unwrap();
    assert_eq!((sleeping.status, sleeping.attempt), (JobStatus::Pending, 0));
    let reason = sleeping.pending_reason.unwrap();
    assert!(reason.starts_with("it sleeps until 20"), "{reason}");
    let other = world
        .scheduler
        .submit(call!(sleeps, milliseconds = 0))
        .await
        .unwrap();
    let other = world.done(&other).await;
    assert_eq!(other.status, JobStatus::Completed);
    let done = world.done(&job).await;
    assert!(other.finished_at < done.finished_at);
    // It began twice, and that was one attempt.
    assert_eq!(world.scheduler.result::<u32>(job.id).await.unwrap(), 1);
    assert_eq!(world.counter.get(), 3);
    let found = world.scheduler.steps(job.id).await.unwrap();
    let slept = found[0].finished_at.unwrap() - found[0].started_at;
    assert!(slept.num_milliseconds() >= 3000, "{slept}");

    let job = world
        .scheduler
        .submit(call!(sleeps_on_a_thread))
        .await
        .unwrap();
    assert_eq!(world.done(&job).await.status, JobStatus::Completed);

    // Others that run beside it are finished first.
    world.counter.0.store(0, Ordering::SeqCst);
    let job = world.scheduler.submit(call!(sleeps_beside)).await.unwrap();
    world.done(&job).await;
    assert_eq!(world.scheduler.result::<u32>(job.id).await.unwrap(), 1);
    assert_eq!(world.counter.get(), 1);
    world.scheduler.shutdown().await;
}

async fn a_job_waits_for_events(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let submit = async || {
        let call = call!(approval, milliseconds = 86_400_000);
        scheduler.submit(call).await.unwrap()
    };
    // One that is sent before, and one that it waits for.
    let job = submit().await;
    scheduler.send(job.id, "approval", &true).await.unwrap();
    waits(&world, job.id, PendingCode::WaitingForEvent).await;
    let waiting = scheduler.get(job.id).await.unwrap().unwrap();
    let reason = waiting.pending_reason.unwrap();
    assert!(
        reason.starts_with("it waits for the event `approval`, until 20"),
        "{reason}"
    );
    // Another one does not wake it.
    scheduler.send(job.id, "refusal", &1).await.unwrap();
    scheduler.send(job.id, "approval", &false).await.unwrap();
    world.done(&job).await;
    assert_eq!(
        scheduler.result::<Vec<bool>>(job.id).await.unwrap(),
        [true, false]
    );
    let names: Vec<String> = steps(&world, job.id)
        .await
        .into_iter()
        .map(|step| step.0)
        .collect();
    assert_eq!(names, ["approval", "approval#2"]);
    let late = scheduler.send(job.id, "approval", &true).await;
    assert!(matches!(late, Err(JobError::WrongState { .. })), "{late:?}");

    // Many at once: no event is missed, however close it is to the moment at which its job begins to wait.
    let jobs = [
        submit().await,
        submit().await,
        submit().await,
        submit().await,
    ];
    for n in 0..2 {
        for job in &jobs {
            scheduler.send(job.id, "approval", &(n == 0)).await.unwrap();
        }
    }
    for job in &jobs {
        world.done(job).await;
        assert_eq!(
            scheduler.result::<Vec<bool>>(job.id).await.unwrap(),
            [true, false]
        );
    }

    // What was sent is of another type.
    let job = submit().await;
    scheduler.send(job.id, "approval", "yes").await.unwrap();
    let error = world.done(&job).await.error.unwrap();
    assert!(
        error.contains("of another type: invalid type: string \"yes\", expected a boolean"),
        "{error}"
    );

    // One that is canceled waits no more.
    let job = submit().await;
    waits(&world, job.id, PendingCode::WaitingForEvent).await;
    assert_eq!(
        scheduler.cancel(job.id).await.unwrap().status,
        JobStatus::Canceled
    );

    let unknown = scheduler.send(JobId::new(), "approval", &true).await;
    assert!(
        matches!(unknown, Err(JobError::JobNotFound(_))),
        "{unknown:?}"
    );
    let job = submit().await;
    for payload in ["a\0b", "a\\u0000b"] {
        scheduler.send(job.id, "other", payload).await.unwrap();
    }
    for _ in 2..100 {
        scheduler.send(job.id, "other", &true).await.unwrap();
    }
    let many = scheduler.send(job.id, "other", &true).await;
    assert!(matches!(many, Err(JobError::TooManyEvents(_))), "{many:?}");
    for (event, payload) in [
        ("", json!(1)),
        ("a#1", json!(1)),
        ("a", json!("x".repeat(70_000))),
    ] {
        let sent = scheduler.send(job.id, event, &payload).await;
        assert!(matches!(sent, Err(JobError::Invalid(_))), "{sent:?}");
    }
    scheduler.shutdown().await;
}

async fn a_wait_that_is_given_up_puts_nothing_off(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let job = scheduler
        .submit(call!(works_until_told, milliseconds = 0))
        .await
        .unwrap();
    world.done(&job).await;
    assert_eq!(scheduler.result::<u32>(job.id).await.unwrap(), 7);

    // The event that it waits for no more does not wake it again and again.
    world.counter.0.store(0, Ordering::SeqCst);
    let job = scheduler
        .submit(call!(works_until_told, milliseconds = 3000))
        .await
        .unwrap();
    eventually("it sleeps", async || {
        let steps = scheduler.steps(job.id).await.unwrap();
        steps.iter().any(|step| step.name == "nap")
    })
    .await;
    scheduler.send(job.id, "stop", &true).await.unwrap();
    world.done(&job).await;
    let runs = world.counter.get();
    assert!(runs <= 4, "{runs}");

    let job = scheduler.submit(call!(two_approvals)).await.unwrap();
    for n in 1..=2 {
        scheduler.send(job.id, "approval", &n).await.unwrap();
    }
    world.done(&job).await;
    assert_eq!(scheduler.result::<Vec<u32>>(job.id).await.unwrap(), [1, 2]);
    scheduler.shutdown().await;
}

async fn who_queues_a_job_again_has_it_wait_again(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let call = || call!(approval, milliseconds = 86_400_000);
    // What was sent was of another type.
    let job = scheduler.submit(call()).await.unwrap();
    scheduler.send(job.id, "approval", &"yes").await.unwrap();
    assert_eq!(world.done(&job).await.status, JobStatus::Failed);
    scheduler.retry(job.id).await.unwrap();
    waits(&world, job.id, PendingCode::WaitingForEvent).await;
    // It was canceled while it waited, and the time of its wait is over since.
    scheduler.cancel(job.id).await.unwrap();
    let past = format!(
        "UPDATE tasks_job_steps SET waits_until = 1 WHERE job_id = '{}'",
        job.id
    );
    world
        .database
        .session()
        .execute_script(&past)
        .await
        .unwrap();
    scheduler.retry(job.id).await.unwrap();
    waits(&world, job.id, PendingCode::WaitingForEvent).await;
    for _ in 0..2 {
        scheduler.send(job.id, "approval", &true).await.unwrap();
    }
    assert_eq!(world.done(&job).await.status, JobStatus::Completed);
    scheduler.shutdown().await;
}

async fn an_event_that_does_not_come_is_missed(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let job = scheduler
        .submit(call!(approval, milliseconds = 300))
        .await
        .unwrap();
    let failed = world.done(&job).await;
    assert_eq!(failed.status, JobStatus::Failed);
    let expected = format!(
        "the event `approval` for job {} did not come in time",
        job.id
    );
    assert_eq!(failed.error, Some(expected));
    let missed = (
        "approval".to_owned(),
        StepKind::Event,
        StepStatus::Failed,
        1,
    );
    assert_eq!(steps(&world, job.id).await, [missed]);
    // Who queues it again wants it to wait again.
    scheduler.retry(job.id).await.unwrap();
    for _ in 0..2 {
        scheduler.send(job.id, "approval", &true).await.unwrap();
    }
    assert_eq!(world.done(&job).await.status, JobStatus::Completed);
    scheduler.shutdown().await;
}

async fn what_cannot_be_a_step_is_said(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let job = world.scheduler.submit(call!(wrong_steps)).await.unwrap();
    assert_eq!(world.done(&job).await.error, None);
    let errors: Vec<String> = world.scheduler.result(job.id).await.unwrap();
    let large = format!(
        "the result of the step `large` of job {} has 262146 bytes, and 262144 are allowed: store it as an artifact and return its id",
        job.id
    );
    let expected = [
        "the step `inner` began inside of the step `outer`: begin it after that one, or beside it",
        "`a#2` cannot be the name of a step: it has the character '#'",
        &large,
    ];
    assert_eq!(errors, expected);

    let job = world.scheduler.submit(call!(changed_type)).await.unwrap();
    let error = world.done(&job).await.error.unwrap();
    assert!(
        error.contains("what is stored of the step `value` of job"),
        "{error}"
    );
    assert!(
        error.contains("is of another type: invalid type: string \"one\", expected u32"),
        "{error}"
    );
    world.scheduler.shutdown().await;
}

/// What a step stores would not be undone with the transaction around it.
#[task(register = false)]
async fn steps_in_a_transaction(
    context: TaskContext,
    session: Session,
    scheduler: Scheduler,
    how: String,
) -> anyhow::Result<()> {
    session
        .transaction(async |_| match how.as_str() {
            "step" => context.step("one", async || anyhow::Ok(())).await,
            "sleep" => Ok(context.sleep("two", Duration::from_millis(1)).await?),
            "event" => Ok(context.wait_for("three", LONG).await?),
            _ => {
                let child = scheduler.submit(call!(in_steps));
                context.spawn_child("four", child).await?;
                Ok(())
            }
        })
        .await
}

async fn steps_are_no_part_of_a_transaction(test: Ground) {
    let world = world(test, Jobs::new()).await;
    for how in ["step", "sleep", "event", "child"] {
        let call = call!(steps_in_a_transaction, how = how);
        let job = world.scheduler.submit(call).await.unwrap();
        let done = world.done(&job).await;
        let said = done.error.clone().unwrap_or_default();
        assert!(said.contains("transaction"), "{how}: {done:?}");
        let took = done.finished_at.unwrap() - done.started_at.unwrap();
        assert!(took.num_seconds() < 3, "{how}: {said}");
        assert!(world.scheduler.steps(job.id).await.unwrap().is_empty());
    }
    world.scheduler.shutdown().await;
}

async fn an_attempt_that_does_not_count_stores_no_step(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let job = world.scheduler.submit(call!(superseded)).await.unwrap();
    let done = world.scheduler.wait(job.id, LONG).await.unwrap();
    assert_eq!(done.status, JobStatus::Completed);
    assert_eq!(world.scheduler.result::<u32>(job.id).await.unwrap(), 2);
    world.scheduler.shutdown().await;
}

async fn a_step_has_retries_of_its_own(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let charges = async |works_at: u32, wrong: bool| {
        world.counter.0.store(0, Ordering::SeqCst);
        let call = call!(charges, works_at = works_at, wrong = wrong);
        let job = world.scheduler.submit(call).await.unwrap();
        let done = world.done(&job).await;
        let steps = world.scheduler.steps(job.id).await.unwrap();
        assert_eq!((done.attempt, steps.len()), (1, 1));
        (done.status, world.counter.get(), steps[0].error.clone())
    };
    assert_eq!(
        charges(4, false).await,
        (JobStatus::Completed, 4, None),
        "three retries are enough"
    );
    let error = Some("call 4 fails".to_owned());
    assert_eq!(charges(5, false).await, (JobStatus::Failed, 4, error));
    let error = Some("the card has no number".to_owned());
    assert_eq!(charges(1, true).await, (JobStatus::Failed, 1, error));
    world.scheduler.shutdown().await;
}

async fn an_event_is_what_the_task_says(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let job = world.scheduler.submit(call!(declares)).await.unwrap();
    for (event, payload, message) in [
        (
            "aproval",
            json!(true),
            "it waits for `approval`, `second look`",
        ),
        ("approval", json!(1), "expected a boolean"),
        ("second look", json!([1, -1]), "integer `-1`"),
    ] {
        let error = world.scheduler.send(job.id, event, &payload).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let look = world.scheduler.send(job.id, "second look", &[1, 2]);
    look.await.unwrap();
    assert_eq!(world.done(&job).await.status, JobStatus::Completed);
    let found: Vec<u32> = world.scheduler.result(job.id).await.unwrap();
    assert_eq!(found, [1, 2]);
    world.scheduler.shutdown().await;
}

async fn a_job_is_run_again_from_a_step(test: Ground) {
    let world = world(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let first = scheduler
        .submit(call!(renders))
        .description("a report")
        .priority(7)
        .await
        .unwrap();
    let early = scheduler.fork(first.id, "render").await.unwrap_err();
    assert!(matches!(early, JobError::WrongState { .. }), "{early}");
    scheduler.send(first.id, "go", &20).await.unwrap();
    assert_eq!(world.done(&first).await.status, JobStatus::Completed);
    let result = async |id| scheduler.result::<Vec<u32>>(id).await.unwrap();
    assert_eq!(result(first.id).await, [1, 20, 2, 3]);

    // The query and the event are kept.
    let second = scheduler.fork(first.id, "render").await.unwrap();
    assert_eq!(
        (second.description.as_deref(), second.priority),
        (Some("a report"), 7)
    );
    let done = world.done(&second).await;
    assert_eq!(
        (done.status, done.attempt, done.max_attempts),
        (JobStatus::Completed, 1, 2)
    );
    assert_eq!(result(second.id).await, [1, 20, 4, 5]);
    let attempts: Vec<u32> = steps(&world, second.id)
        .await
        .into_iter()
        .map(|(_, _, _, attempt)| attempt)
        .collect();
    assert_eq!(attempts, [0, 0, 1, 1]);
    let lineage = scheduler.lineage(second.id).await.unwrap();
    assert_eq!(lineage.rerun_of, Some(first.id));

    // It waits for another event, and so does one that begins anew.
    for (step, expected) in [("go", [1, 30, 6, 7]), ("query", [8, 30, 9, 10])] {
        let again = scheduler.fork(second.id, step).await.unwrap();
        waits(&world, again.id, PendingCode::WaitingForEvent).await;
        scheduler.send(again.id, "go", &30).await.unwrap();
        world.done(&again).await;
        assert_eq!(result(again.id).await, expected);
    }

    // A wait that nobody answered is over as well.
    let missed = scheduler.submit(call!(escalates)).await.unwrap();
    assert_eq!(world.done(&missed).await.status, JobStatus::Completed);
    let again = scheduler.fork(missed.id, "escalate").await.unwrap();
    assert_eq!(world.done(&again).await.status, JobStatus::Completed);
    let found = steps(&world, again.id).await;
    assert_eq!((found[0].2, found[0].3), (StepStatus::Failed, 0));

    for name in ["rendre", "a\0", ""] {
        let unknown = scheduler.fork(first.id, name).await.unwrap_err();
        assert!(
            matches!(unknown, JobError::StepNotFound { .. }),
            "{unknown}"
        );
    }
    let nobody = scheduler.fork(JobId::new(), "render").await.unwrap_err();
    assert!(matches!(nobody, JobError::JobNotFound(_)), "{nobody}");
    scheduler.shutdown().await;
}

with_every_engine!(
    a_step_is_done_once,
    a_step_has_retries_of_its_own,
    an_event_is_what_the_task_says,
    a_job_is_run_again_from_a_step,
    a_step_and_its_rows_are_kept_together,
    a_job_that_sleeps_takes_no_place,
    a_job_waits_for_events,
    a_wait_that_is_given_up_puts_nothing_off,
    who_queues_a_job_again_has_it_wait_again,
    an_event_that_does_not_come_is_missed,
    what_cannot_be_a_step_is_said,
    an_attempt_that_does_not_count_stores_no_step,
    steps_are_no_part_of_a_transaction,
);

/// Without a job the code of steps runs, and nothing is stored.
#[tokio::test]
async fn a_task_with_steps_is_executed_directly() {
    let counter = Counter::default();
    let executor =
        tasks_web::testing::executor([task(in_blocking_steps), task(sleeps), task(approval)])
            .provide(counter.clone())
            .build()
            .unwrap();
    let attempt: u32 = executor.run(call!(sleeps, milliseconds = 1)).await.unwrap();
    assert_eq!(attempt, 1);
    let failed = executor
        .run::<u32>(call!(in_blocking_steps))
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("it fails"), "{failed}");
    let failed = executor
        .run::<Vec<bool>>(call!(approval, milliseconds = 1))
        .await
        .unwrap_err();
    assert!(
        failed
            .to_string()
            .contains("this is not the attempt of a job"),
        "{failed}"
    );
}
