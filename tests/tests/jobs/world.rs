//! The tasks that are run, and a process that runs them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tasks_tests::engines::Ground;
use tasks_web::jobs::{JobRecord, JobStatus, Jobs, Scheduler};
use tasks_web::prelude::*;
use tasks_web::{Caller, Permanent, TaskFn, testing};

pub(crate) const LONG: Duration = Duration::from_secs(30);

#[task(register = false)]
pub(crate) async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

#[task(register = false)]
pub(crate) async fn sleep(milliseconds: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

#[derive(Clone, Default, Injectable)]
pub(crate) struct Counter(pub(crate) Arc<AtomicU32>);

impl Counter {
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Fails until it was called often enough.
#[task(register = false, retries = 5, backoff = "constant(50ms)")]
pub(crate) async fn flaky(counter: Counter, works_at: u32) -> Result<u32, TaskError> {
    let call = counter.0.fetch_add(1, Ordering::SeqCst) + 1;
    if call < works_at {
        return Err(TaskError::msg(format!("call {call} fails")));
    }
    Ok(call)
}

#[task(register = false, retries = 5, backoff = "constant(10ms)")]
pub(crate) async fn hopeless(counter: Counter) -> anyhow::Result<()> {
    counter.0.fetch_add(1, Ordering::SeqCst);
    Err(anyhow::Error::new(Permanent::msg("the card has no number")).context("cannot charge"))
}

#[task(register = false)]
pub(crate) async fn completes_with_no_json(
    context: TaskContext,
    session: Session,
) -> anyhow::Result<()> {
    // serde refuses such a key of an object.
    let no_json = BTreeMap::from([((1, 2), 3)]);
    session
        .transaction(async |tx| Ok(context.complete(tx, &no_json).await?))
        .await
}

/// Completes its job twice in one transaction; or again after one that was undone.
#[task(register = false)]
pub(crate) async fn completes_twice(
    context: TaskContext,
    session: Session,
    undone: bool,
) -> anyhow::Result<()> {
    if undone {
        let first: anyhow::Result<()> = session
            .transaction(async |tx| {
                context.complete(tx, &1).await?;
                anyhow::bail!("nothing is kept")
            })
            .await;
        anyhow::ensure!(first.is_err());
    }
    session
        .transaction(async |tx| {
            context.complete(tx, &2).await?;
            if !undone {
                context.complete(tx, &3).await?;
            }
            Ok(())
        })
        .await
}

/// Completes its job in a transaction that is undone, and goes on as if nothing had happened.
#[task(register = false)]
pub(crate) async fn completes_in_vain(context: TaskContext, session: Session) -> u32 {
    let undone: anyhow::Result<()> = session
        .transaction(async |tx| {
            context.complete(tx, &1).await?;
            anyhow::bail!("nothing is kept")
        })
        .await;
    if undone.is_err() { 2 } else { 3 }
}

/// Is canceled in its last moment, as `cancel` does it; `how` says what it returns.
#[task(register = false, retries = 3)]
pub(crate) async fn canceled_at_the_end(
    context: TaskContext,
    session: Session,
    how: String,
) -> anyhow::Result<String> {
    let id = context.job_id().unwrap();
    let sql = format!("UPDATE tasks_jobs SET cancel_requested_at = submitted_at WHERE id = '{id}'");
    if how == "completed" {
        session
            .transaction(async |tx| {
                tx.batch(&sql).await?;
                Ok::<_, anyhow::Error>(context.complete(tx, &how).await?)
            })
            .await?;
    } else {
        session.execute_script(&sql).await?;
    }
    anyhow::ensure!(how != "failed", "it failed");
    Ok(how)
}

#[task(register = false)]
pub(crate) async fn secretive(#[task(secret)] password: String, user: String) -> String {
    let _ = password;
    user
}

#[task(register = false, max_concurrency = 2)]
pub(crate) async fn two_at_once(counter: Counter, most: State<Arc<AtomicU32>>) {
    let now = counter.0.fetch_add(1, Ordering::SeqCst) + 1;
    most.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    counter.0.fetch_sub(1, Ordering::SeqCst);
}

/// Has all kinds of limits over all processes.
#[task(
    register = false,
    global_concurrency = 3,
    concurrency_key = "tenant",
    concurrency_per_key = 1,
    rate = "100/1s",
    rate_per_key = "50/1s"
)]
pub(crate) async fn limited(tenant: String) -> String {
    tenant
}

#[task(register = false, unique = "params")]
pub(crate) async fn once_per_day(day: u32) -> u32 {
    tokio::time::sleep(Duration::from_secs(2)).await;
    day
}

#[task(register = false)]
pub(crate) async fn talks(context: TaskContext, steps: u64) -> String {
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
pub(crate) fn stubborn(
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

/// Cannot be stopped at all.
#[task(register = false, unique = "params")]
pub(crate) fn stubborn_once(
    release: &State<Arc<AtomicU32>>,
    counter: &Counter,
    number: u32,
) -> u32 {
    counter.0.fetch_add(1, Ordering::SeqCst);
    while release.load(Ordering::SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    number
}

/// Holds a connection again and again.
#[task(register = false)]
pub(crate) async fn reads(session: Session, milliseconds: u64) -> anyhow::Result<()> {
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
pub(crate) async fn fails_when_canceled(
    context: TaskContext,
    session: Session,
) -> anyhow::Result<()> {
    let id = context
        .job_id()
        .map_or_else(String::new, |id| id.to_string());
    let sql = format!("UPDATE tasks_jobs SET cancel_requested_at = 1 WHERE id = '{id}'");
    session.execute_script(&sql).await?;
    anyhow::bail!("it fails in attempt {}", context.attempt());
}

#[task(register = false, unique = "params")]
pub(crate) async fn pair(a: u32, b: u32) -> u32 {
    tokio::time::sleep(Duration::from_secs(3)).await;
    a + b
}

#[task(register = false, unique = "params")]
pub(crate) async fn portion(
    #[task(default = 2.0)] weight: f64,
    note: Option<String>,
    #[task(default = vec![1, 2])] parts: Vec<u32>,
) -> usize {
    let _ = (weight, note);
    tokio::time::sleep(Duration::from_secs(3)).await;
    parts.len()
}

#[task(register = false)]
pub(crate) async fn who_submits(caller: Caller) -> Option<String> {
    caller.key_name().map(str::to_owned)
}

#[task(register = false)]
pub(crate) async fn chatters(context: TaskContext) {
    for n in 0..1200 {
        context.log(format!("line {n}"));
    }
}

#[task(register = false)]
pub(crate) async fn panics() {
    #[allow(clippy::panic, reason = "it is what is tested")]
    {
        panic!("oh no")
    }
}

/// Has another job greet, and waits for that.
#[task(register = false)]
pub(crate) async fn has_greeted(
    context: TaskContext,
    scheduler: Scheduler,
) -> anyhow::Result<String> {
    let child = scheduler.submit(call!(greet, name = "child"));
    let child = context.spawn_child("greet", child).await?;
    Ok(child.result().await?)
}

/// Works where one thread has the request.
#[task(register = false)]
pub(crate) async fn spawns_local() {
    let _ = actix_web::rt::spawn(async {}).await;
}

pub(crate) struct World {
    pub(crate) scheduler: Scheduler,
    pub(crate) database: Database,
    pub(crate) counter: Counter,
    pub(crate) most: Arc<AtomicU32>,
    pub(crate) started: Arc<AtomicBool>,
    _test: Ground,
}

impl World {
    pub(crate) async fn new(test: Ground, jobs: Jobs) -> Self {
        Self::with_tasks(
            test,
            jobs,
            vec![
                task(greet),
                task(sleep),
                task(flaky),
                task(hopeless),
                task(completes_with_no_json),
                task(completes_twice),
                task(completes_in_vain),
                task(canceled_at_the_end),
                task(secretive),
                task(two_at_once),
                task(limited),
                task(once_per_day),
                task(talks),
                task(stubborn),
                task(stubborn_once),
                task(panics),
                task(spawns_local),
                task(reads),
                task(fails_when_canceled),
                task(pair),
                task(portion),
                task(who_submits),
                task(chatters),
                task(has_greeted),
            ],
        )
        .await
    }

    pub(crate) async fn with_tasks(test: Ground, jobs: Jobs, tasks: Vec<TaskFn>) -> Self {
        let database = Database::from_url(test.url()).connect().await.unwrap();
        let scheduler = Scheduler::new(&database, test.jobs(jobs));
        let (counter, most) = (Counter::default(), Arc::new(AtomicU32::new(0)));
        let started = Arc::new(AtomicBool::new(false));
        let executor = testing::executor(tasks)
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

    pub(crate) async fn done(&self, job: &JobRecord) -> JobRecord {
        self.scheduler.wait(job.id, LONG).await.unwrap()
    }

    pub(crate) async fn running(&self, job: &JobRecord) {
        eventually("it runs", async || {
            let job = self.scheduler.get(job.id).await.unwrap().unwrap();
            job.status == JobStatus::Running
        })
        .await;
    }
}

/// Waits until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
