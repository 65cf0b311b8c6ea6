//! A service that runs jobs with the settings of production, for tests with several processes, several versions and real signals.
//!
//! - `DATABASE_URL` is its database.
//! - `TASKS` names the tasks it has, separated by commas; all of them unless set: a program of another version has others.
//! - `CONCURRENCY` is how many jobs run at once, 16 unless set.
//! - `QUEUES` names the queues it serves beside `default`, separated by commas; two jobs of each run at once.
//! - `SHUTDOWN_TIMEOUT` is the shutdown timeout of jobs in seconds, the default unless set.
//! - `JOBS_ENCRYPTION_KEY` has the keys that secrets are encrypted with, if it is set.
//! - `SERVICE_ID` is the id of the service; `job-program` unless set.
//! - `DECLARE` is the schedules it declares, separated by commas: `nightly:60` runs `sleep` every 60 seconds.
//! - `DECLARATION_RENEWAL` is how often it says so, in milliseconds, the default unless set.
//! - `MAX_RESULT_SIZE` is how large results may be, in bytes, the default unless set.
//! - `LIMIT` is the most that the task `bounded` takes, 100 unless set.
//! - `WORKERS=off` has it run no jobs.
//! - `RETENTION` is how long ended jobs are kept, in seconds, the default unless set.
//! - `ENGINE=called_back` has an engine decide when attempts begin; the task `adopt` has to be executed once.
//!
//! Each attempt leaves a line in the file `RUNS` when it begins.

use std::io::Write as _;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tasks_web::jobs::engine::{AttemptRunner, BoxError, DueAttempt, Engine, RunOutcome};
use tasks_web::jobs::{EncryptionKeys, Jobs, Schedule, Scheduler};
use tasks_web::prelude::*;

/// Says that an attempt has begun, in a file: nothing is awaited for it.
fn note(context: &TaskContext) -> anyhow::Result<()> {
    let path = std::env::var("RUNS").context("RUNS is needed")?;
    let line = format!(
        "{} {} {}\n",
        context.idempotency_key(),
        context.attempt(),
        std::process::id()
    );
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)?;
    Ok(file.write_all(line.as_bytes())?)
}

/// Awaits, and says how far it is.
#[task(register = false)]
async fn sleep(context: TaskContext, seconds: f64) -> anyhow::Result<f64> {
    note(&context)?;
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < seconds {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let elapsed = began.elapsed().as_millis();
        context.progress(u64::try_from(elapsed).unwrap_or(u64::MAX), None, "");
    }
    Ok(seconds)
}

/// Blocks a thread of the pool for sync tasks.
#[task(register = false)]
fn block(context: &TaskContext, seconds: f64) -> anyhow::Result<f64> {
    note(context)?;
    std::thread::sleep(Duration::from_secs_f64(seconds));
    Ok(seconds)
}

/// Computes, and never awaits: its thread does nothing else.
#[task(register = false)]
async fn spin(context: TaskContext, seconds: f64) -> anyhow::Result<f64> {
    note(&context)?;
    let began = Instant::now();
    let mut number = 1_u64;
    while began.elapsed().as_secs_f64() < seconds {
        // Mostly asleep: the machine of the tests has two cores, and what matters is that nothing is awaited.
        std::thread::sleep(Duration::from_millis(20));
        number = number.wrapping_mul(6_364_136_223_846_793_005);
    }
    Ok(seconds + (number % 2) as f64 * 0.0)
}

/// A result of about so many bytes.
#[task(register = false)]
async fn produce(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// Has a secret.
#[task(register = false)]
async fn whisper(context: TaskContext, #[task(secret)] text: String) -> anyhow::Result<usize> {
    note(&context)?;
    Ok(text.len())
}

/// How long a text is.
#[task(register = false)]
async fn measure(text: String) -> usize {
    text.len()
}

/// The limit of this version of the program.
fn limit() -> u32 {
    number("LIMIT").unwrap_or(100)
}

/// Takes up to so many, which other versions of the program see differently.
#[task(register = false, retries = 5)]
async fn bounded(
    context: TaskContext,
    #[task(range(max = limit()))] n: u32,
) -> anyhow::Result<u32> {
    note(&context)?;
    Ok(n)
}

/// Fails at first.
#[task(register = false, retries = 5, backoff = "constant(500ms)")]
async fn flaky(context: TaskContext, works_at: u32) -> anyhow::Result<u32> {
    note(&context)?;
    anyhow::ensure!(
        context.attempt() >= works_at,
        "attempt {}",
        context.attempt()
    );
    Ok(context.attempt())
}

/// Starts closures in the background.
#[task(register = false)]
async fn spawn(scheduler: Scheduler, seconds: f64, count: u32) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let closure = async move {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            anyhow::Ok(seconds)
        };
        ids.push(scheduler.spawn("a closure", closure).await?.id.to_string());
    }
    Ok(ids)
}

/// Has a schedule run each second.
#[task(register = false)]
async fn plan(scheduler: Scheduler, task: String, params: serde_json::Value) -> anyhow::Result<()> {
    scheduler
        .schedule_named(format!("each-second-{task}"), &task, params)
        .every(Duration::from_secs(1))
        .await?;
    Ok(())
}

/// Goes on for ever, before all others.
#[task(register = false)]
async fn hog(scheduler: Scheduler, milliseconds: u64) -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    scheduler
        .submit(call!(hog, milliseconds = milliseconds))
        .priority(100)
        .await?;
    Ok(())
}

/// Waits for another job.
#[task(register = false)]
async fn parent(scheduler: Scheduler, seconds: f64) -> anyhow::Result<()> {
    let child = scheduler.submit(call!(sleep, seconds = 0.0)).await?;
    scheduler
        .wait(child.id, Duration::from_secs_f64(seconds))
        .await?;
    Ok(())
}

static ATTEMPTS: OnceLock<AttemptRunner> = OnceLock::new();

/// Lets the engine call.
#[task(register = false)]
async fn adopt(scheduler: Scheduler) -> anyhow::Result<()> {
    let _ = ATTEMPTS.set(scheduler.attempt_runner()?);
    Ok(())
}

/// Calls back in this process, until an attempt has ended.
#[derive(Debug)]
struct CalledBack;

impl Engine for CalledBack {
    fn dispatch<'a>(
        &'a self,
        attempts: &'a [DueAttempt],
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>> {
        Box::pin(async move {
            let called = ATTEMPTS.get().ok_or("nobody has adopted the attempts")?;
            for due in attempts {
                let (called, job) = (called.clone(), due.job);
                tokio::spawn(async move {
                    while !matches!(
                        called.run(job).await,
                        Ok(RunOutcome::Ended | RunOutcome::NotDue)
                    ) {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                });
            }
            Ok(())
        })
    }
}

/// Schedules as `DECLARE` has them.
fn declare(scheduler: &Scheduler, declared: &str) -> Vec<Schedule> {
    let names = declared.split(',').filter_map(|one| one.split_once(':'));
    names
        .map(|(name, seconds)| {
            let params = serde_json::json!({"seconds": 0.0});
            scheduler
                .schedule_named(name, "sleep", params)
                .every(Duration::from_secs(seconds.parse().unwrap_or_default()))
        })
        .collect()
}

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is needed")?;
    let database = Database::from_url(&url).connect().await?;
    let mut jobs = Jobs::new().max_concurrency(number("CONCURRENCY").unwrap_or(16));
    for queue in std::env::var("QUEUES")
        .iter()
        .flat_map(|all| all.split(','))
    {
        jobs = jobs.queue(queue, 2);
    }
    if let Some(seconds) = number("LEASE") {
        jobs = jobs.lease(Duration::from_secs(seconds));
    }
    if let Some(seconds) = number("SHUTDOWN_TIMEOUT") {
        jobs = jobs.shutdown_timeout(Duration::from_secs(seconds));
    }
    if std::env::var_os("JOBS_ENCRYPTION_KEY").is_some() {
        jobs = jobs.encryption_keys(EncryptionKeys::from_env("JOBS_ENCRYPTION_KEY")?);
    }
    if let Some(milliseconds) = number("DECLARATION_RENEWAL") {
        jobs = jobs.declaration_renewal(Duration::from_millis(milliseconds));
    }
    if let Some(bytes) = number("MAX_RESULT_SIZE") {
        jobs = jobs.max_result_size(bytes);
    }
    if let Some(seconds) = number("RETENTION") {
        jobs = jobs.retention(Duration::from_secs(seconds));
    }
    if std::env::var_os("WORKERS").is_some_and(|workers| workers == "off") {
        jobs = jobs.run_workers(false);
    }
    if std::env::var_os("ENGINE").is_some() {
        jobs = jobs.engine(CalledBack);
    }
    let chosen = std::env::var("TASKS").ok();
    let has = |name: &str| {
        chosen
            .as_ref()
            .is_none_or(|names| names.split(',').any(|known| known == name))
    };
    let mut registry = TaskRegistry::builder();
    macro_rules! add {
        ($($task:ident),*) => {
            $(if has(stringify!($task)) {
                registry = registry.task(task($task));
            })*
        };
    }
    add!(
        sleep, block, spin, flaky, spawn, plan, hog, parent, adopt, produce, measure, whisper,
        bounded
    );
    let id = std::env::var("SERVICE_ID").unwrap_or_else(|_| "job-program".to_owned());
    let mut builder = Service::builder(ServiceInfo::new(id, "Job program"))
        .with_tasks(registry.build()?)
        .with_database(database)
        .with_jobs(jobs)
        .with_logging()
        .with_health()
        .with_monitoring()
        .http_threads(1);
    if let Ok(declared) = std::env::var("DECLARE") {
        builder = builder.with_schedules(move |scheduler| declare(scheduler, &declared));
    }
    builder.build().await?.run().await?;
    Ok(())
}
