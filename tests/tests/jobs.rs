//! What is promised of background jobs, on both databases, whatever drives them.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tasks_tests::databases::count;
use tasks_tests::engines::Ground;
use tasks_tests::with_every_engine;
use tasks_web::jobs::{JobError, JobFilter, JobRecord, JobStatus, Jobs, Scheduler};
use tasks_web::prelude::*;
use tasks_web::{Permanent, testing};

const LONG: Duration = Duration::from_secs(30);

#[task(register = false)]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

#[task(register = false)]
async fn sleep(milliseconds: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

#[derive(Clone, Default, Injectable)]
struct Counter(Arc<AtomicU32>);

impl Counter {
    fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Fails until it was called often enough.
#[task(register = false, retries = 5, backoff = "constant(50ms)")]
async fn flaky(counter: Counter, works_at: u32) -> Result<u32, TaskError> {
    let call = counter.0.fetch_add(1, Ordering::SeqCst) + 1;
    if call < works_at {
        return Err(TaskError::msg(format!("call {call} fails")));
    }
    Ok(call)
}

#[task(register = false, retries = 5, backoff = "constant(10ms)")]
async fn hopeless(counter: Counter) -> anyhow::Result<()> {
    counter.0.fetch_add(1, Ordering::SeqCst);
    Err(anyhow::Error::new(Permanent::msg("the card has no number")).context("cannot charge"))
}

#[task(register = false)]
async fn secretive(#[task(secret)] password: String, user: String) -> String {
    let _ = password;
    user
}

#[task(register = false, max_concurrency = 2)]
async fn two_at_once(counter: Counter, most: State<Arc<AtomicU32>>) {
    let now = counter.0.fetch_add(1, Ordering::SeqCst) + 1;
    most.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    counter.0.fetch_sub(1, Ordering::SeqCst);
}

#[task(register = false, unique = "params")]
async fn once_per_day(day: u32) -> u32 {
    tokio::time::sleep(Duration::from_millis(200)).await;
    day
}

#[task(register = false)]
async fn talks(context: TaskContext, steps: u64) -> String {
    for step in 0..steps {
        context.progress(step, steps, format!("step {step}"));
        context.log(format!("did {step}"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    context.progress(steps, steps, "done");
    format!("{} {}", context.attempt(), context.job_id().is_some())
}

/// Cannot be stopped before it looks.
#[task(register = false)]
fn stubborn(
    context: &TaskContext,
    started: &State<Arc<AtomicBool>>,
    release: &State<Arc<AtomicU32>>,
) -> String {
    started.store(true, Ordering::SeqCst);
    while release.load(Ordering::SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    format!("{}", context.is_cancelled())
}

/// Holds a connection again and again.
#[task(register = false)]
async fn reads(session: Session, milliseconds: u64) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(milliseconds) {
        session
            .read(async |conn| {
                conn.batch("SELECT 1").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
                anyhow::Ok(())
            })
            .await?;
    }
    Ok(())
}

/// Somebody asks it to stop, and nobody has told it so when it fails.
#[task(register = false, retries = 5, backoff = "constant(10ms)")]
async fn fails_when_canceled(context: TaskContext, session: Session) -> anyhow::Result<()> {
    let id = context.job_id().unwrap_or_default();
    let sql = format!("UPDATE tasks_jobs SET cancel_requested_at = 1 WHERE id = '{id}'");
    session.execute_script(&sql).await?;
    anyhow::bail!("it fails in attempt {}", context.attempt());
}

#[task(register = false, unique = "params")]
async fn pair(a: u32, b: u32) -> u32 {
    tokio::time::sleep(Duration::from_millis(300)).await;
    a + b
}

#[task(register = false)]
async fn chatters(context: TaskContext) {
    for n in 0..1200 {
        context.log(format!("line {n}"));
    }
}

#[task(register = false)]
async fn panics() {
    #[allow(clippy::panic, reason = "it is what is tested")]
    {
        panic!("oh no")
    }
}

struct World {
    scheduler: Scheduler,
    database: Database,
    counter: Counter,
    most: Arc<AtomicU32>,
    started: Arc<AtomicBool>,
    _test: Ground,
}

impl World {
    async fn new(test: Ground, jobs: Jobs) -> Self {
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let scheduler = Scheduler::new(&database, test.jobs(jobs));
        let (counter, most) = (Counter::default(), Arc::new(AtomicU32::new(0)));
        let started = Arc::new(AtomicBool::new(false));
        let executor = testing::executor([
            task(greet),
            task(sleep),
            task(flaky),
            task(hopeless),
            task(secretive),
            task(two_at_once),
            task(once_per_day),
            task(talks),
            task(stubborn),
            task(panics),
            task(reads),
            task(fails_when_canceled),
            task(pair),
            task(chatters),
        ])
        .provide(scheduler.clone())
        .provide(database.clone())
        .provide(counter.clone())
        .provide(Arc::clone(&most))
        .provide(Arc::clone(&started))
        .build()
        .unwrap();
        scheduler.start(&executor).unwrap();
        test.started(&scheduler);
        Self {
            scheduler,
            database,
            counter,
            most,
            started,
            _test: test,
        }
    }

    async fn done(&self, job: &JobRecord) -> JobRecord {
        self.scheduler.wait(job.id, LONG).await.unwrap()
    }
}

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

async fn what_is_wrong_is_not_stored(test: Ground) {
    let world = World::new(test, Jobs::new().queue("slow", 1)).await;
    let scheduler = &world.scheduler;
    let long = "x".repeat(5000);
    let far = Duration::from_secs(u64::MAX);
    let greet = || scheduler.submit(call!(greet, name = "x"));
    for (job, expected) in [
        (
            scheduler.submit_named("greet", json!({"nam": "x"})),
            "/params/nam",
        ),
        (
            scheduler.submit_named("gret", json!({})),
            "no task is named `gret`",
        ),
        (
            greet().description(long.clone()),
            "/description: has 5000 characters",
        ),
        (greet().delay(far), "/delay: is more than ten years"),
        (greet().idempotency_key(""), "/idempotency_key: has 0 bytes"),
        (greet().max_attempts(0), "/max_attempts: is 0"),
        (greet().queue("nobody"), "there are default, slow"),
        (
            greet().timeout(Duration::ZERO),
            "/timeout: is less than 1ms",
        ),
    ] {
        let error = job.await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(
        scheduler.stats().await.unwrap(),
        tasks_web::jobs::JobStats::default()
    );
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
    assert!(done.error_traceback.unwrap().contains("jobs.rs"));
    let error = world
        .scheduler
        .result::<u32>(job.id)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("is failed: call 2 fails"), "{error}");

    world.counter.0.store(0, Ordering::SeqCst);
    let job = world.scheduler.submit(call!(hopeless)).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!(
        (done.status, done.attempt, world.counter.get()),
        (JobStatus::Failed, 1, 1)
    );

    let job = world.scheduler.submit(call!(panics)).await.unwrap();
    assert_eq!(world.done(&job).await.error.as_deref(), Some("oh no"));
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

async fn later_is_later(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let began = Instant::now();
    let job = world
        .scheduler
        .submit(call!(greet, name = "x"))
        .delay(Duration::from_millis(400))
        .await
        .unwrap();
    assert!(job.scheduled_at.is_some());
    world.done(&job).await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(400), "{waited:?}");
    let past = std::time::SystemTime::UNIX_EPOCH;
    let job = world
        .scheduler
        .submit(call!(greet, name = "x"))
        .at(past)
        .await
        .unwrap();
    assert_eq!(job.scheduled_at, None);
    assert_eq!(world.done(&job).await.status, JobStatus::Completed);
}

async fn a_key_names_one_job(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let submit = |name: &str| {
        world
            .scheduler
            .submit(call!(greet, name = name))
            .idempotency_key("k-1")
    };
    let first = submit("Ada").await.unwrap();
    assert_eq!(submit("Ada").await.unwrap().id, first.id);
    world.done(&first).await;
    assert_eq!(submit("Ada").await.unwrap().status, JobStatus::Completed);
    let error = submit("Grace").await.unwrap_err();
    assert!(
        matches!(error, JobError::KeyReused { id, .. } if id == first.id),
        "{error}"
    );

    let unique = |day: u32| world.scheduler.submit(call!(once_per_day, day = day));
    let one = unique(1).await.unwrap();
    assert_eq!(unique(1).await.unwrap().id, one.id);
    assert_ne!(unique(2).await.unwrap().id, one.id);
    world.done(&one).await;
    // It is done, so it may be submitted again.
    assert_ne!(unique(1).await.unwrap().id, one.id);
}

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
    while scheduler.get(running.id).await.unwrap().unwrap().status != JobStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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
        .cancel(tasks_web::artifacts::Ulid::new())
        .await
        .unwrap_err();
    assert!(matches!(unknown, JobError::NotFound(_)));
}

/// By a process that does not run it.
async fn a_job_that_another_process_runs_is_canceled(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let other = Scheduler::new(&world.database, Jobs::new().workers(false));
    other
        .start(&testing::executor([task(sleep)]).build().unwrap())
        .unwrap();
    let job = other
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    while other.get(job.id).await.unwrap().unwrap().status != JobStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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
    while !world.started.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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

async fn secrets_are_not_shown(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let job = world
        .scheduler
        .submit(call!(secretive, password = "hunter2", user = "ada"))
        .await
        .unwrap();
    assert_eq!(job.params.as_str(), r#"{"password":"***","user":"ada"}"#);
    assert_eq!(
        world.done(&job).await.params.as_str(),
        r#"{"password":"***","user":"ada"}"#
    );
    assert_eq!(
        world.scheduler.result::<String>(job.id).await.unwrap(),
        "ada"
    );
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

async fn a_job_exists_if_and_when_its_transaction_commits(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let session = world.database.session();
    let undone: anyhow::Result<()> = session
        .transaction(async |tx| {
            world
                .scheduler
                .submit(call!(greet, name = "x"))
                .within(tx)
                .await?;
            anyhow::bail!("not after all")
        })
        .await;
    assert!(undone.is_err());
    assert!(
        world
            .scheduler
            .list(&JobFilter::new(), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let job: anyhow::Result<JobRecord> = session
        .transaction(async |tx| {
            Ok(world
                .scheduler
                .submit(call!(greet, name = "x"))
                .within(tx)
                .await?)
        })
        .await;
    assert_eq!(world.done(&job.unwrap()).await.status, JobStatus::Completed);
}

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
    assert!(scheduler.delete(waiting.id).await.unwrap());
    assert!(!scheduler.delete(waiting.id).await.unwrap());
    let stats = scheduler.stats().await.unwrap();
    assert_eq!((stats.pending, stats.completed), (0, 5));
    // One that runs is stopped first.
    let running = scheduler
        .submit(call!(sleep, milliseconds = 60_000))
        .await
        .unwrap();
    while scheduler.get(running.id).await.unwrap().unwrap().status != JobStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(scheduler.delete(running.id).await.unwrap());
    while scheduler.get(running.id).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn shutdown_lets_jobs_end_or_returns_them(test: Ground) {
    let world = World::new(
        test,
        Jobs::new().shutdown_timeout(Duration::from_millis(500)),
    )
    .await;
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
    while world.scheduler.get(long.id).await.unwrap().unwrap().status != JobStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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
    let job = world
        .scheduler
        .submit(call!(greet, name = "x"))
        .delay(LONG)
        .await
        .unwrap();
    while world.scheduler.check().is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let given = format!(
        "UPDATE tasks_jobs SET state = 2, attempt = 1, fence = 1, worker = (SELECT id FROM tasks_workers) WHERE id = '{}'",
        job.id
    );
    world
        .database
        .session()
        .execute_script(&given)
        .await
        .unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));
    world.scheduler.shutdown().await;
}

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
    while runs().await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let paused = scheduler.pause("beat").await.unwrap();
    assert!(paused.paused && paused.next_runs.is_empty());
    let count = runs().await.len();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let jobs = runs().await;
    assert_eq!(jobs.len(), count);
    // Each time once, and on the beat.
    let mut times: Vec<_> = jobs.iter().map(|job| job.scheduled_at).collect();
    times.dedup();
    assert_eq!(times.len(), count);
    assert_eq!(jobs[0].description.as_deref(), Some("every second"));
    let record = scheduler.schedule_of("beat").await.unwrap();
    assert_eq!(record.last_job_id, Some(jobs[0].id));
    let resumed = scheduler.resume("beat").await.unwrap();
    assert!(resumed.next_runs[0] > chrono::Utc::now());
    while runs().await.len() == count {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
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
    while runs().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
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
    while runs().await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
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
    tokio::time::sleep(Duration::from_millis(3500)).await;
    world.scheduler.pause("beat").await.unwrap();
    let jobs = world
        .scheduler
        .list(&JobFilter::new(), None, 100)
        .await
        .unwrap();
    assert!((2..=4).contains(&jobs.len()), "{}", jobs.len());
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

async fn jobs_are_forgotten_some_time_after_their_end(test: Ground) {
    let world = World::new(test, Jobs::new().retention(Duration::from_secs(1))).await;
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
    let deadline = Instant::now() + LONG;
    while scheduler.get(ended[0].id).await.unwrap().is_some() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let kept = scheduler.list(&JobFilter::new(), None, 100).await.unwrap();
    assert_eq!(
        kept.iter().map(|job| job.id).collect::<Vec<_>>(),
        [waits.id]
    );
    assert!(matches!(
        scheduler.logs(ended[0].id, 0, 10).await,
        Err(JobError::NotFound(_))
    ));
    scheduler.shutdown().await;
}

/// Their processes would be taken for dead, and the jobs would run again.
async fn tasks_that_use_all_connections_do_not_keep_their_process_from_showing_that_it_lives(
    test: Ground,
) {
    let jobs = || {
        Jobs::new()
            .max_concurrency(100)
            .lease(Duration::from_secs(2))
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

/// The row of its worker is gone: nobody would bury that.
async fn a_job_whose_worker_is_not_there_goes_back(test: Ground) {
    let world = World::new(test, Jobs::new().lease(Duration::from_secs(1))).await;
    let job = world
        .scheduler
        .submit(call!(greet, name = "x"))
        .delay(LONG)
        .await
        .unwrap();
    let given = format!(
        "UPDATE tasks_jobs SET state = 2, attempt = 1, fence = 1, worker = 'nobody' WHERE id = '{}'",
        job.id
    );
    let session = world.database.session();
    session.execute_script(&given).await.unwrap();
    let done = world.done(&job).await;
    assert_eq!((done.status, done.attempt), (JobStatus::Completed, 1));
    world.scheduler.shutdown().await;
}

async fn the_same_parameters_are_the_same_however_they_are_written(test: Ground) {
    let world = World::new(test, Jobs::new()).await;
    let scheduler = &world.scheduler;
    let first = scheduler.submit(call!(pair, a = 1, b = 2)).await.unwrap();
    let body = br#"{"params": { "b" : 2, "a": 1 }}"#;
    let again = scheduler.submit_json("pair", body).await.unwrap();
    assert_eq!(first.id, again.id);
    let all = [
        scheduler.submit_json("pair", body),
        scheduler.submit(call!(pair, a = 3, b = 2)),
    ];
    let ids = scheduler.submit_all(all).await.unwrap();
    assert_eq!(ids[0], first.id);
    assert!(scheduler.get(ids[1]).await.unwrap().is_some());
    // A schedule of it does not run beside itself.
    scheduler
        .schedule("pairs", call!(pair, a = 3, b = 2))
        .once(std::time::SystemTime::now())
        .await
        .unwrap();
    while scheduler
        .schedule_of("pairs")
        .await
        .unwrap()
        .last_run_at
        .is_none()
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let jobs = scheduler
        .list(&JobFilter::new().task("pair"), None, 10)
        .await
        .unwrap();
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    for key in ["k", "k"] {
        let job = scheduler.submit_json("greet", br#"{"params":{"name":"x"}}"#);
        job.idempotency_key(key).await.unwrap();
        let job = scheduler.submit_json("greet", br#"{"params": {"name": "x"}}"#);
        job.idempotency_key(key).await.unwrap();
    }
    scheduler.shutdown().await;
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
        .once(std::time::SystemTime::now() + Duration::from_secs(2))
        .await
        .unwrap();
    scheduler.pause("once").await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
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
    let deadline = Instant::now() + LONG;
    while world
        .scheduler
        .schedule_of("new")
        .await
        .unwrap()
        .last_run_at
        .is_none()
    {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.scheduler.shutdown().await;
}

with_every_engine!(
    a_job_runs_and_has_a_result,
    what_is_wrong_is_not_stored,
    an_attempt_that_fails_is_followed_by_another,
    later_is_later,
    a_key_names_one_job,
    what_waits_is_canceled_at_once_and_what_runs_is_stopped,
    a_job_that_another_process_runs_is_canceled,
    a_thread_that_cannot_stop_keeps_its_job_running,
    a_job_says_how_far_it_is,
    limits_hold,
    secrets_are_not_shown,
    a_closure_is_a_job_of_this_process,
    a_job_exists_if_and_when_its_transaction_commits,
    lists_and_deletions,
    shutdown_lets_jobs_end_or_returns_them,
    a_job_that_was_given_and_never_began_goes_back,
    a_schedule_submits_a_job_when_its_time_comes,
    a_schedule_keeps_its_time_and_makes_up_for_what_it_missed,
    each_time_of_a_schedule_is_one_run_however_many_processes_there_are,
    a_schedule_that_cannot_be_is_refused,
    what_was_canceled_is_not_tried_again,
    many_lines_are_kept_and_hold_nobody_up,
    what_cannot_be_stored_is_replaced,
    a_job_whose_worker_is_not_there_goes_back,
    the_same_parameters_are_the_same_however_they_are_written,
    a_pause_moves_no_time_that_is_to_come,
    schedules_of_unknown_tasks_do_not_hold_up_others,
    jobs_are_forgotten_some_time_after_their_end,
    tasks_that_use_all_connections_do_not_keep_their_process_from_showing_that_it_lives,
);
