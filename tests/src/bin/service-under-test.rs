//! A service with everything on, for tests of what a process does: its log, its signals, its sockets.
//!
//! `SHUTDOWN_TIMEOUT` is the shutdown timeout in seconds, `FAIL` makes a start-up hook fail, `HANG` a shutdown
//! hook hang. `MANAGEMENT` is the address of the management port, `WORKERS` how many workers there are,
//! `JOBS` turns jobs on, with a schedule, `KEYS_FILE` has API keys, `ENOUGH` is a file that ends what computes.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use tasks_web::Caller;
use tasks_web::prelude::*;

/// Takes its time.
#[task(tags = ["slow"])]
async fn sleep(milliseconds: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

/// Computes for so long, or until there is the file that `ENOUGH` names.
fn spin(milliseconds: u64) -> u64 {
    let enough = std::env::var_os("ENOUGH").map(PathBuf::from);
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(milliseconds)
        && !enough.as_ref().is_some_and(|file| file.exists())
    {
        let turn = Instant::now();
        while turn.elapsed() < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
    }
    milliseconds
}

/// Computes, and lets nobody else have its worker meanwhile.
#[task(tags = ["slow"])]
async fn compute(milliseconds: u64) -> u64 {
    spin(milliseconds)
}

/// The same on a thread.
#[task(tags = ["slow"])]
fn compute_on_a_thread(milliseconds: u64) -> u64 {
    spin(milliseconds)
}

/// Says a word, and ends as it is told.
#[task(tags = ["talk"])]
async fn talk(how: String, caller: Caller) -> Result<String, TaskError> {
    tracing::info!("a word");
    match how.as_str() {
        "fail" => Err(TaskError::msg("x".repeat(100_000))),
        "panic" => panic!("loudly"),
        _ => Ok(format!(
            "{} {}",
            caller.key_name().unwrap_or("nobody"),
            caller.header("x-user").unwrap_or("-")
        )),
    }
}

/// The same on a thread.
#[task(tags = ["talk"])]
fn talk_on_a_thread() {
    tracing::info!("a word of a thread");
}

/// Has something to hide.
#[task]
async fn login(#[task(secret)] password: String) -> Result<(), TaskError> {
    // As careless code does it: the log must not.
    Err(TaskError::msg(format!("`{password}` is wrong")))
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let drain = std::env::var("SHUTDOWN_TIMEOUT")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    let mut builder = Service::builder(ServiceInfo::new("under-test", "Under test"))
        .with_logging()
        .with_monitoring()
        .caller_headers(["x-user"])
        .with_health()
        .with_artifacts(ArtifactHierarchy::new("results"))
        .with_database(Database::from_env_or("DATABASE_URL", "sqlite::memory:"))
        .shutdown_timeout(Duration::from_secs(drain.unwrap_or(10)))
        .mount(|config| {
            config.route("/panics", web::get().to(panics));
        })
        .on_startup(startup)
        .on_shutdown(async || said("first given, last run"))
        .on_shutdown(async || said("last given, first run"))
        .on_shutdown(async || Err::<(), _>("this hook fails"))
        .on_shutdown(bad);
    if std::env::var_os("TASKS_API_KEYS").is_some() {
        builder = builder.with_auth(ApiKeys::new().from_env());
    }
    if let Ok(file) = std::env::var("KEYS_FILE") {
        builder = builder.with_auth(ApiKeys::new().from_file(file));
    }
    if let Ok(address) = std::env::var("MANAGEMENT") {
        builder = builder.management_bind(address);
    }
    if std::env::var_os("JOBS").is_some() {
        builder = builder.with_jobs(Jobs::new()).with_schedules(|scheduler| {
            let call = call!(sleep, milliseconds = 1);
            [scheduler.schedule("declared", call).cron("0 4 * * *")]
        });
    }
    if let Ok(count) = std::env::var("WORKERS") {
        builder = builder.http_threads(count.parse()?);
    }
    builder.build().await?.run().await?;
    // Nobody may be listening.
    _ = writeln!(std::io::stdout(), "main goes on");
    Ok(())
}

async fn panics() -> HttpResponse {
    panic!("by request")
}

async fn bad() -> Result<(), String> {
    if std::env::var_os("HANG").is_some() {
        tracing::info!("hanging");
        std::future::pending::<()>().await;
    }
    panic!("at the end")
}

async fn startup() -> Result<(), String> {
    if std::env::var_os("FAIL").is_some() {
        return Err("told to fail".to_owned());
    }
    said("started").map_err(|never| match never {})
}

fn said(what: &str) -> Result<(), std::convert::Infallible> {
    tracing::info!("{what}");
    Ok(())
}
